"""Fields of events and their stats, decoded as columns.

Once ``lockstep`` knows where the events of a chunk stand, their fields are read in the order in which
protobuf writes them, one vector operation for all events. An event that holds anything else (fields
in another order or unknown ones, ``num_occurrences``, more stats than passes) is odd, and is decoded
by protobuf itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from google.protobuf.message import DecodeError

from graphprof.trace import proto, wire
from graphprof.trace.lockstep import METADATA_ID, OFFSET, Chunk, Mask, lengths, numbers
from graphprof.trace.model import Int64

_MAX_STATS = 64
_STAT = 0x22
_DURATION = 0x18


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


def decode(
    chunk: Chunk, places: npt.NDArray[np.intp], end: int, wanted: frozenset[int] | None
) -> Events:
    """Decode the events whose tags stand at ``places``; the last one ends at ``end``.

    ``wanted`` are the metadata ids of the stats to decode; None decodes all of them.
    """
    ends = np.append(places[1:], end)
    _, width = lengths(chunk.words[places] >> np.uint64(8))
    # A length of more than seven bytes is legal, if nobody writes it: 0 makes the event odd.
    odd = width == 0
    at = places + width
    at += 1
    metadata_id, at = _column(chunk, at, ends, METADATA_ID)
    offset_ps, at = _column(chunk, at, ends, OFFSET)
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
    value, width = numbers(chunk, at, word)
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
    metadata_id, start = _column(chunk, start, end, METADATA_ID)
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
        length, width = lengths(word >> np.uint64(8))
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
    bits, width = numbers(chunk, at, word)
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
