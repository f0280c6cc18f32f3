"""Protobuf's wire format, read field by field from a file that may be damaged.

Only the outer messages of a trace are walked this way (space, planes, lines, metadata: thousands of
fields); events come by the million and have ``graphprof.trace.lockstep``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5

_WINDOW = 1 << 16
_HEADER = 20  # a tag and a length or value, ten bytes each at most


class Damaged(Exception):  # noqa: N818 (a state of the file, handled where it is met)
    """The bytes at ``at`` are no field."""

    def __init__(self, at: int) -> None:
        super().__init__(at)
        self.at = at


class Field(NamedTuple):
    """One field of a message, in place.

    Attributes:
        number: field number.
        wire: wire type.
        at: where its tag begins.
        start: where its content begins.
        end: where its content ends, and the next field begins; never past the message's end.
        value: the value of a number (bits of a fixed one), else 0.
        missing: by how many bytes its content should reach past the end of the message; not 0 in
            a file that was cut off.
    """

    number: int
    wire: int
    at: int
    start: int
    end: int
    value: int
    missing: int


class Source:
    """A file read at any place; what is small and near comes from a window in memory."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.size = file.seek(0, 2)
        self._window = b""
        self._base = 0

    def peek(self, at: int) -> bytes:
        """Return the ``_HEADER`` bytes at ``at``, fewer at the end of the file."""
        offset = at - self._base
        if offset < 0 or offset + _HEADER > len(self._window):
            self._base, offset = at, 0
            self._window = self.read(at, min(at + _WINDOW, self.size))
        return self._window[offset : offset + _HEADER]

    def read(self, start: int, end: int) -> bytes:
        """Return the bytes from ``start`` to ``end``."""
        self._file.seek(start)
        return self._file.read(end - start)

    def read_into(self, start: int, array: npt.NDArray[np.uint8]) -> None:
        """Fill ``array`` with the bytes from ``start`` on."""
        self._file.seek(start)
        view = memoryview(array)  # type: ignore[arg-type]
        while view:
            count = self._file.readinto(view)  # type: ignore[attr-defined]
            if not count:
                raise Damaged(start)
            view = view[count:]


def varint(data: bytes, at: int) -> tuple[int, int]:
    """Return the unsigned number at ``data[at:]`` and where it ends; -1 where it does not."""
    value = shift = 0
    for place in range(at, min(at + 10, len(data))):
        byte = data[place]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, place + 1
        shift += 7
    return 0, -1


def encoded(value: int) -> bytes:
    """Return an unsigned number as it is written."""
    data = bytearray()
    while value > 0x7F:
        data.append(value & 0x7F | 0x80)
        value >>= 7
    data.append(value)
    return bytes(data)


def field(source: Source, at: int, end: int) -> Field:
    """Return the field at ``at`` in a message that ends at ``end``.

    Raises:
        Damaged: there is none.
    """
    header = source.peek(at)[: end - at]
    tag, place = varint(header, 0)
    number, wire = tag >> 3, tag & 7
    if place < 0 or not 0 < number < 1 << 29:
        raise Damaged(at)
    if wire == VARINT:
        value, place = varint(header, place)
        if place < 0:
            raise Damaged(at)
        return Field(number, wire, at, at + place, at + place, value, 0)
    if wire == LENGTH:
        length, place = varint(header, place)
        if place < 0:
            raise Damaged(at)
        start = at + place
        stop = min(start + length, end)
        return Field(number, wire, at, start, stop, 0, start + length - stop)
    if wire not in (FIXED64, FIXED32):
        raise Damaged(at)
    width = 8 if wire == FIXED64 else 4
    content = header[place : place + width]
    if len(content) < width:
        raise Damaged(at)
    value = int.from_bytes(content, "little")
    return Field(number, wire, at, at + place, at + place + width, value, 0)


def fields(source: Source, start: int, end: int) -> Iterator[Field]:
    """Yield the fields of the message from ``start`` to ``end``.

    Raises:
        Damaged: where the bytes are no field.
    """
    while start < end:
        found = field(source, start, end)
        yield found
        start = found.end


def signed(value: int) -> int:
    """Return an unsigned 64-bit number as the signed one with the same bits."""
    return value - (1 << 64) if value >> 63 else value
