"""Finding the events of a line with numpy alone, thousands at a time.

An event's place is known only from the event before it, so a loop over events seems unavoidable.
Instead:

1. *Guess* thousands of places in a chunk of a line where an event may begin (its tag, a length, and
   a body that opens with the fields of an event), and let one cursor start at each.
2. Advance all cursors by one event at a time, as vector operations, until each reaches the start of
   the next. *A guess is never trusted*: a cursor must end exactly where the next one starts, up from
   the chunk's true beginning; where it does not, that stretch is walked event by event.
3. Now that all events' places are known, decode their fields as columns (``events``).

So a wrong guess costs time, never data.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from graphprof.trace import wire
from graphprof.trace.model import Int64

Words = npt.NDArray[np.uint64]
Mask = npt.NDArray[np.bool_]

PADDING = 24
"""Bytes that must follow a chunk in memory: a field is loaded in eights, wherever it ends."""

_SPACING = 1024
_REACH = 128

# Tags: field number << 3 | wire type.
_EVENT = 0x22
METADATA_ID, OFFSET = 0x08, 0x10


class Chunk:
    """Bytes of a line from an event's tag on, padded.

    Args:
        data: ``size`` bytes and ``PADDING`` more.
        size: bytes that count.
    """

    def __init__(self, data: npt.NDArray[np.uint8], size: int) -> None:
        self.data = data
        self.size = size
        # Eight bytes at any address: an overlapping view.
        self.words: Words = np.ndarray((size + PADDING - 8,), "<u8", data.data, strides=(1,))


def boundaries(chunk: Chunk) -> tuple[npt.NDArray[np.intp], int]:
    """Find the events of a chunk.

    Returns:
        where the tag of each complete event stands, ascending, and where the last one ends.
    """
    starts = _guess(chunk)
    places, cursor_of, landed = _advance(chunk, starts)
    if np.array_equal(landed[:-1], starts[1:]):
        # Every guess was met, and the last cursor went as far as events go.
        return np.sort(places), int(landed[-1])
    sound, walked, end = _verify(chunk, starts, landed)
    by_hand = np.array(walked, np.intp)
    return np.sort(np.concatenate((places[sound[cursor_of]], by_hand))), end


def _guess(chunk: Chunk) -> npt.NDArray[np.intp]:
    """Places where events may begin, about ``_SPACING`` apart; the first is the chunk's start."""
    rows = (chunk.size - _REACH) // _SPACING
    if rows < 1:
        return np.zeros(1, np.intp)
    grid = chunk.data[: rows * _SPACING].reshape(rows, _SPACING)[1:, :_REACH]
    row, column = np.nonzero(grid == _EVENT)
    place = (row + 1) * _SPACING + column
    word = chunk.words[place]
    # Tag, one or two bytes of length, field 1 with a number, field 2.
    body = np.where(word & np.uint64(0x8000), word >> np.uint64(24), word >> np.uint64(16))
    _, width = _varint(body >> np.uint64(8))
    after = body >> (np.uint64(8) * (width.view(np.uint64) + np.uint64(1)))
    likely = ((body & np.uint64(0xFF)) == METADATA_ID) & ((after & np.uint64(0xFF)) == OFFSET)
    row, place = row[likely], place[likely]
    first_of_row = np.flatnonzero(np.diff(row, prepend=-1))
    return np.concatenate(([0], place[first_of_row]))


def _advance(
    chunk: Chunk, starts: npt.NDArray[np.intp]
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Move a cursor from each start, event by event, to the next start or as far as it goes.

    Returns:
        the places passed, the cursor that passed each, and where each cursor landed.
    """
    limits = np.append(starts[1:], chunk.size)
    landed = starts.copy()
    cursors = np.arange(len(starts))
    at, limit = starts, limits
    places, owners = [], []
    while len(at):
        word = chunk.words[at]
        length, width = lengths(word >> np.uint64(8))
        after = at + length
        after += width
        after += 1
        sound = ((word & np.uint64(0xFF)) == _EVENT) & (after <= chunk.size) & (width > 0)
        if not sound.all():
            landed[cursors[~sound]] = at[~sound]
            at, after, cursors, limit = at[sound], after[sound], cursors[sound], limit[sound]
        places.append(at)
        owners.append(cursors)
        going = after < limit
        if not going.all():
            landed[cursors[~going]] = after[~going]
            after, cursors, limit = after[going], cursors[going], limit[going]
        at = after
    return np.concatenate(places), np.concatenate(owners), landed


def _verify(
    chunk: Chunk, starts: npt.NDArray[np.intp], landed: npt.NDArray[np.intp]
) -> tuple[Mask, list[int], int]:
    """Follow the true chain of events through the cursors.

    Returns:
        which cursors are part of it, the places that had to be walked one by one, and its end.
    """
    sound = np.zeros(len(starts), bool)
    breaks = np.append(np.flatnonzero(landed[:-1] != starts[1:]), len(starts) - 1)
    walked: list[int] = []
    cursor = 0
    while True:
        last = int(breaks[np.searchsorted(breaks, cursor)])
        sound[cursor : last + 1] = True
        at = int(landed[last])
        cursor = int(np.searchsorted(starts, at))
        if cursor <= last:  # it could not move at all
            return sound, walked, at
        while cursor == len(starts) or starts[cursor] != at:
            after = _step(chunk, at)
            if after < 0:
                return sound, walked, at
            walked.append(at)
            at = after
            while cursor < len(starts) and starts[cursor] < at:
                cursor += 1


def _step(chunk: Chunk, at: int) -> int:
    """Return where the event at ``at`` ends, or -1 when there is no complete one."""
    if at >= chunk.size or chunk.data[at] != _EVENT:
        return -1
    length, width = wire.varint(chunk.data[at + 1 : min(at + 11, chunk.size)].tobytes(), 0)
    after = at + 1 + width + length
    return after if width > 0 and after <= chunk.size else -1


def lengths(word: Words) -> tuple[Int64, Int64]:
    """Return the lengths that open ``word`` and the bytes they take, nearly always one."""
    byte = word & np.uint64(0xFF)
    if np.all(byte < 0x80):
        return byte.view(np.int64), np.ones(len(word), np.int64)
    length, width = _varint(word & np.uint64(0x00FF_FFFF_FFFF_FFFF))
    return length.view(np.int64), width


def _varint(word: Words) -> tuple[Words, Int64]:
    """Decode the numbers in the low seven bytes of ``word`` (the eighth must be 0).

    Returns:
        the numbers, and how many bytes each takes: 0 where it has more than seven.
    """
    # The lowest byte without its high bit is the last one; isolate that bit.
    stop = ~word & np.uint64(0x0080_8080_8080_8080)
    stop &= -stop
    value = word & (stop - np.uint64(1))
    # Close the gaps of one bit between groups of seven: pairs, then fours, then eights.
    low = value & np.uint64(0x007F_007F_007F_007F)
    value >>= np.uint64(1)
    value &= np.uint64(0x3F80_3F80_3F80_3F80)
    value |= low
    low = value & np.uint64(0x0000_3FFF_0000_3FFF)
    value >>= np.uint64(2)
    value &= np.uint64(0x0FFF_C000_0FFF_C000)
    value |= low
    low = value & np.uint64(0x0FFF_FFFF)
    value >>= np.uint64(4)
    value &= np.uint64(0x00FF_FFFF_F000_0000)
    value |= low
    # stop is 2**(8k + 7); the product has k + 1 in its top byte.
    stop >>= np.uint64(7)
    stop *= np.uint64(0x0102_0304_0506_0708)
    stop >>= np.uint64(56)
    return value, stop.view(np.int64)


def _long_varint(chunk: Chunk, at: npt.NDArray[np.intp]) -> tuple[Words, Int64]:
    """Decode numbers of any width: 0 bytes where there are more than ten."""
    value = np.zeros(len(at), np.uint64)
    width = np.zeros(len(at), np.int64)
    going = np.ones(len(at), bool)
    for place in range(10):
        byte = chunk.data[np.minimum(at + place, len(chunk.data) - 1)].astype(np.uint64)
        part = (byte & np.uint64(0x7F)) << np.uint64(7 * place)
        value |= np.where(going, part, np.uint64(0))
        width[going & (byte < 0x80)] = place + 1
        going &= byte >= 0x80
    return value, width


def numbers(chunk: Chunk, at: npt.NDArray[np.intp], word: Words) -> tuple[Int64, Int64]:
    """Return the numbers behind the one-byte tags at ``at`` and the bytes of tag and number.

    The bytes are a hopeless amount where there is no end to the number.
    """
    value, width = _varint(word >> np.uint64(8))
    wide = np.flatnonzero(width == 0)
    if len(wide):
        value[wide], width[wide] = _long_varint(chunk, at[wide] + 1)
        width[wide[width[wide] == 0]] = 1 << 40
    width += 1
    return value.view(np.int64), width
