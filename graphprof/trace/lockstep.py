"""Decoding the events of a line with numpy alone, thousands at a time.

An event's place is known only from the event before it, so a loop over events seems unavoidable.
Instead:

1. *Guess* thousands of places in a chunk of a line where an event may begin (its tag, a length, and
   a body that opens with the fields of an event), and let one cursor start at each.
2. Advance all cursors by one event at a time, as vector operations, until each reaches the start of
   the next. *A guess is never trusted*: a cursor must end exactly where the next one starts, up from
   the chunk's true beginning; where it does not, that stretch is walked event by event.
3. Now that all events' places are known, decode their fields as columns, in the order in which
   protobuf writes them. An event that holds anything else (fields in another order or unknown ones,
   ``num_occurrences``) is decoded by protobuf itself.

So a wrong guess or an odd event costs time, never data.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from google.protobuf.message import DecodeError

from graphprof.trace import proto, wire
from graphprof.trace.model import Int64

Words = npt.NDArray[np.uint64]
Mask = npt.NDArray[np.bool_]

PADDING = 24
"""Bytes that must follow a chunk in memory: a field is loaded in eights, wherever it ends."""

_SPACING = 1024
_REACH = 128
_MAX_STATS = 64

# Tags: field number << 3 | wire type.
_EVENT, _STAT = 0x22, 0x22
_METADATA_ID, _OFFSET, _DURATION = 0x08, 0x10, 0x18


@dataclass(frozen=True)
class Stats:
    """Stats of a chunk's events, as recorded.

    Attributes:
        owner: shape (k,): index of the event in the chunk, ascending.
        metadata_id: shape (k,): key of the stat's name.
        field: shape (k,), uint8: number of the field in XStat that holds the value (2 to 7).
        bits: shape (k,): the value's 64 bits, or for a text its index in ``texts``.
        texts: values that are texts or bytes.
    """

    owner: npt.NDArray[np.intp]
    metadata_id: Int64
    field: npt.NDArray[np.uint8]
    bits: Int64
    texts: tuple[bytes, ...] = ()


@dataclass(frozen=True)
class Events:
    """Events of a chunk, as recorded.

    Attributes:
        metadata_id, offset_ps, duration_ps: shape (n,).
        stats: those that were wanted.
        aggregated: how many events were left out because they stand for several occurrences and
            have no place in time.
        damaged: how many events were left out because protobuf cannot decode them.
    """

    metadata_id: Int64
    offset_ps: Int64
    duration_ps: Int64
    stats: Stats
    aggregated: int = 0
    damaged: int = 0


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
    likely = ((body & np.uint64(0xFF)) == _METADATA_ID) & ((after & np.uint64(0xFF)) == _OFFSET)
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
        length, width = _length(word >> np.uint64(8))
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


def _length(word: Words) -> tuple[Int64, Int64]:
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


def _number(chunk: Chunk, at: npt.NDArray[np.intp], word: Words) -> tuple[Int64, Int64]:
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


def decode(
    chunk: Chunk, places: npt.NDArray[np.intp], end: int, wanted: frozenset[int] | None
) -> Events:
    """Decode the events whose tags stand at ``places``; the last one ends at ``end``.

    ``wanted`` are the metadata ids of the stats to decode; None decodes all of them.
    """
    ends = np.append(places[1:], end)
    _, width = _length(chunk.words[places] >> np.uint64(8))
    # A length of more than seven bytes is legal, if nobody writes it: 0 makes the event odd.
    odd = width == 0
    at = places + width
    at += 1
    metadata_id, at = _column(chunk, at, ends, _METADATA_ID)
    offset_ps, at = _column(chunk, at, ends, _OFFSET)
    duration_ps, at = _column(chunk, at, ends, _DURATION)
    stats, odd_stats = _stats(chunk, at, ends, wanted)
    odd[odd_stats] = True
    events = Events(metadata_id, offset_ps, duration_ps, stats)
    return _redo(chunk, events, places, ends, np.flatnonzero(odd), wanted) if odd.any() else events


def _column(
    chunk: Chunk, at: npt.NDArray[np.intp], ends: npt.NDArray[np.intp], tag: int
) -> tuple[Int64, npt.NDArray[np.intp]]:
    """Return the numbers of field ``tag`` (0 where it is absent) and what follows it."""
    word = chunk.words[at]
    value, width = _number(chunk, at, word)
    has = (word & np.uint64(0xFF)) == tag
    has &= at < ends
    if not has.all():
        value *= has
        width *= has
    # Damage may lead past the chunk: anywhere past the event's end makes it odd.
    return value, np.minimum(at + width, chunk.size + 1)


def _stats(
    chunk: Chunk,
    at: npt.NDArray[np.intp],
    ends: npt.NDArray[np.intp],
    wanted: frozenset[int] | None,
) -> tuple[Stats, npt.NDArray[np.intp]]:
    """Decode the stats that stand from ``at`` to the end of each event.

    Returns:
        the stats that are wanted, and the events that hold something else there.
    """
    owner, start, end, odd = _stat_places(chunk, at, ends)
    metadata_id, start = _column(chunk, start, end, _METADATA_ID)
    if wanted is not None:
        hits = np.isin(metadata_id, np.fromiter(wanted, np.int64, len(wanted)))
        owner, start, end, metadata_id = owner[hits], start[hits], end[hits], metadata_id[hits]
    order = np.argsort(owner, kind="stable")
    order = order[start[order] != end[order]]  # a stat without a value says nothing
    owner, start, end, metadata_id = owner[order], start[order], end[order], metadata_id[order]
    field, bits, texts, sound = _values(chunk, start, end)
    odd = np.concatenate((odd, owner[~sound]))
    return Stats(owner, metadata_id, field, bits, texts), odd


def _stat_places(
    chunk: Chunk, at: npt.NDArray[np.intp], ends: npt.NDArray[np.intp]
) -> tuple[npt.NDArray[np.intp], ...]:
    """Find the stats, one a pass of each event that still has some.

    Returns:
        of each stat its event, where it starts and ends; and the events that hold something else.
    """
    odd = [np.flatnonzero(at > ends)]
    owner = np.flatnonzero(at < ends)
    at, limit = at[owner], ends[owner]
    found = [(owner[:0], at[:0], at[:0])]
    for _ in range(_MAX_STATS):
        if not len(owner):
            break
        word = chunk.words[at]
        length, width = _length(word >> np.uint64(8))
        start = at + width + 1
        end = start + length
        sound = ((word & np.uint64(0xFF)) == _STAT) & (end <= limit) & (width > 0)
        if not sound.all():
            odd.append(owner[~sound])
            owner, start, end, limit = owner[sound], start[sound], end[sound], limit[sound]
        found.append((owner, start, end))
        more = end < limit
        owner, at, limit = owner[more], end[more], limit[more]
    odd.append(owner)  # more stats than passes
    return (*(np.concatenate(column) for column in zip(*found, strict=True)), np.concatenate(odd))


_DOUBLE, _UINT, _INT, _STR, _BYTES, _REF = 0x11, 0x18, 0x20, 0x2A, 0x32, 0x38


def _values(
    chunk: Chunk, at: npt.NDArray[np.intp], ends: npt.NDArray[np.intp]
) -> tuple[npt.NDArray[np.uint8], Int64, tuple[bytes, ...], Mask]:
    """Decode the value that stands from ``at`` to the end of each stat.

    Returns:
        its field number, its bits, the texts, and whether it is one value and nothing else.
    """
    word = chunk.words[at]
    tag = (word & np.uint64(0xFF)).astype(np.uint8)
    bits, width = _number(chunk, at, word)
    is_text = (tag == _STR) | (tag == _BYTES)
    # What stands behind a text's tag is its length, where a number's value stands.
    after = at + width + np.where(is_text, bits, 0)
    double = np.flatnonzero(tag == _DOUBLE)
    bits[double] = chunk.words[at[double] + 1].view(np.int64)
    after[double] = at[double] + 9
    is_number = (tag == _UINT) | (tag == _INT) | (tag == _REF)
    sound = (after == ends) & (is_text | is_number | (tag == _DOUBLE))
    texts = []
    for number, stat in enumerate(np.flatnonzero(is_text & sound).tolist()):
        texts.append(chunk.data[at[stat] + width[stat] : ends[stat]].tobytes())
        bits[stat] = number
    return tag >> 3, bits, tuple(texts), sound


def _redo(
    chunk: Chunk,
    events: Events,
    places: npt.NDArray[np.intp],
    ends: npt.NDArray[np.intp],
    odd: npt.NDArray[np.intp],
    wanted: frozenset[int] | None,
) -> Events:
    """Decode the ``odd`` events again, with protobuf."""
    keep = np.ones(len(places), bool)
    rows: list[tuple[int, int, int, int]] = []
    texts = list(events.stats.texts)
    aggregated = damaged = 0
    for event in odd.tolist():
        data = chunk.data[places[event] + 1 : ends[event]].tobytes()
        try:
            message = proto.XEvent.FromString(data[wire.varint(data, 0)[1] :])
        except DecodeError:
            keep[event] = False
            damaged += 1
            continue
        if message.WhichOneof("data") == "num_occurrences":
            keep[event] = False
            aggregated += 1
            continue
        events.metadata_id[event] = message.metadata_id
        events.offset_ps[event] = message.offset_ps
        events.duration_ps[event] = message.duration_ps
        rows += _slow_stats(event, message.stats, texts, wanted)
    stats = _replace_stats(events.stats, odd, rows, texts, keep)
    return Events(
        events.metadata_id[keep],
        events.offset_ps[keep],
        events.duration_ps[keep],
        stats,
        aggregated,
        damaged,
    )


def stats_of(messages: Sequence[bytes]) -> Stats:
    """Decode stats that stand alone, each as if it had an event of its own.

    Raises:
        DecodeError: they are damaged.
    """
    texts: list[bytes] = []
    rows = []
    for number, data in enumerate(messages):
        rows += _slow_stats(number, [proto.XStat.FromString(data)], texts, None)
    columns = np.array(rows, np.int64).reshape(-1, 4).T
    return Stats(columns[0], columns[1], columns[2].astype(np.uint8), columns[3], tuple(texts))


def _slow_stats(
    event: int, stats: Iterable[Any], texts: list[bytes], wanted: frozenset[int] | None
) -> list[tuple[int, int, int, int]]:
    rows = []
    for stat in stats:
        which = stat.WhichOneof("value")
        if which is None or (wanted is not None and stat.metadata_id not in wanted):
            continue
        value = getattr(stat, which)
        if which == "double_value":
            value = int(np.float64(value).view(np.int64))
        elif isinstance(value, bytes):
            texts.append(value)
            value = len(texts) - 1
        number = proto.XStat.DESCRIPTOR.fields_by_name[which].number
        rows.append((event, stat.metadata_id, number, wire.signed(value) if value > 0 else value))
    return rows


def _replace_stats(
    stats: Stats,
    odd: npt.NDArray[np.intp],
    rows: list[tuple[int, int, int, int]],
    texts: list[bytes],
    keep: Mask,
) -> Stats:
    """``stats`` with those of the ``odd`` events replaced by ``rows``, for the events to keep."""
    stay = ~np.isin(stats.owner, odd)
    added = np.array(rows, np.int64).reshape(-1, 4).T
    owner = np.concatenate((stats.owner[stay], added[0]))
    order = np.argsort(owner, kind="stable")
    new_place: npt.NDArray[np.intp] = np.cumsum(keep) - 1
    return Stats(
        new_place[owner[order]],
        np.concatenate((stats.metadata_id[stay], added[1]))[order],
        np.concatenate((stats.field[stay], added[2].astype(np.uint8)))[order],
        np.concatenate((stats.bits[stay], added[3]))[order],
        tuple(texts),
    )
