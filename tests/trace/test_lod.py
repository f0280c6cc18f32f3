"""Levels of detail: nothing lost, nothing invented, whatever the zoom; and what the bytes say."""

from __future__ import annotations

import struct
from collections import Counter
from unittest import mock

import builders
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphprof.trace import blocks, lod, nesting
from graphprof.trace.model import Line, Plane

COLUMNS = (
    ("start", "<i4"),
    ("span", "<u4"),
    ("name", "<i4"),
    ("count", "<u4"),
    ("busy", "<u4"),
    ("event", "<i4"),
    ("row", "<i4"),
    ("kind", "i1"),
)


def parse(payload):
    """A payload as the browser reads it: header by name, columns as lists."""
    magic, version, size, rows, base, end, resolution, unit = struct.unpack_from(
        "<IIIIqqqd", payload
    )
    assert payload[:4] == b"GRPT"
    assert (magic, version) == (lod.MAGIC, 1)
    found = {"rows": rows, "base": base, "end": end, "resolution": resolution, "unit": unit}
    at = 48
    for name, dtype in COLUMNS:
        assert at % 4 == 0
        found[name] = np.frombuffer(payload, dtype, size, at).astype(np.int64)
        at += found[name].size * np.dtype(dtype).itemsize
    assert len(payload) == at + -at % 4
    return found


@st.composite
def planes(draw):
    """Two lines; gaps and lengths of all magnitudes, instants among them."""
    lines, starts, durations = [], [], []
    for number in range(2):
        first, clock = len(starts), 0
        for gap, length in draw(
            st.lists(st.tuples(st.integers(0, 40), st.integers(0, 36)), max_size=60)
        ):
            clock += 1 << gap >> 1
            starts.append(clock)
            durations.append(1 << length >> 1)
        lines.append(Line(number, f"line {number}", first, len(starts)))
    size = len(starts)
    ids = draw(st.lists(st.integers(0, 2), min_size=size, max_size=size))
    return Plane(
        name="/host:CPU",
        lines=tuple(lines),
        names=("a", "b", "c"),
        name_id=np.array(ids, np.int32),
        start_ps=np.array(starts, np.int64),
        duration_ps=np.array(durations, np.int64),
    )


def small_tiles():
    return (
        mock.patch.object(lod, "_TILE", 16),
        mock.patch.object(lod, "FEWEST", 2),
        mock.patch.object(blocks, "FEWEST", 2),
    )


def build(plane):
    kinds = (np.arange(len(plane)) % 3 - 1).astype(np.int8)
    tile, fewest, fewest_too = small_tiles()
    with tile, fewest, fewest_too:
        return lod.build(plane, nesting.nest(plane), kinds)


def entries_of(levels, start, end, width):
    """The entries of a window before they become units, and their rows."""
    level = blocks.widest((end - start) / width)
    tiles = np.arange(len(levels.tile_row))
    return lod._window(levels, tiles, level, start, end)


@settings(max_examples=100, deadline=None)
@given(planes(), st.integers(1, 300))
def test_blocks_hold_each_event_once_and_say_the_truth(plane, width):
    levels = build(plane)
    end = int(plane.end_ps.max(initial=0)) + 1
    entries, rows = entries_of(levels, 0, end, width)
    assert entries.count.sum() == len(plane)
    # Entries and events are both sorted by row and start: each entry holds the next few events.
    held = np.split(levels.order, np.cumsum(entries.count)[:-1])
    for place, events in enumerate(held if len(entries) else []):
        assert set(lod.row_of(levels, events).tolist()) == {rows[place]}
        assert entries.start_ps[place] == plane.start_ps[events].min()
        assert entries.end_ps[place] == plane.end_ps[events].max()
        assert entries.event[place] in events
        length = plane.duration_ps[entries.event[place]]
        assert length == plane.duration_ps[events].max()
        assert len(events) == 1 or entries.end_ps[place] - entries.start_ps[place] < 2 * end / width
        names = set(plane.name_id[events].tolist())
        assert entries.name[place] == (names.pop() if len(names) == 1 else -1)
        busy = Counter()
        for event in events.tolist():
            busy[int(levels.kinds[event])] += int(plane.duration_ps[event])
        assert entries.busy_ps[place] == pytest.approx(sum(busy.values()))
        assert busy[int(entries.kind[place])] == max(busy.values())
        assert entries.kind[place] in levels.kinds[events]


@settings(max_examples=100, deadline=None)
@given(planes(), st.integers(1, 300))
def test_rows_are_sorted_and_never_overlap(plane, width):
    levels = build(plane)
    entries, rows = entries_of(levels, 0, int(plane.end_ps.max(initial=0)) + 1, width)
    assert np.all(np.diff(rows) >= 0)
    same = rows[1:] == rows[:-1]
    assert np.all(entries.end_ps[:-1][same] <= entries.start_ps[1:][same])


@settings(max_examples=100, deadline=None)
@given(planes(), st.integers(0, 2**41), st.integers(1, 2**41), st.integers(1, 300))
def test_a_window_is_cut_from_the_whole(plane, start, length, width):
    levels = build(plane)
    entries, _ = entries_of(levels, start, start + length, width)
    # The same level over everything, then what touches the window.
    tiles = np.arange(len(levels.tile_row))
    level = blocks.widest(length / width)
    whole, _ = lod._window(levels, tiles, level, -1, 2**62)
    touching = (whole.start_ps < start + length) & (
        (whole.end_ps > start) | (whole.start_ps >= start)
    )
    for column in ("start_ps", "end_ps", "count", "event"):
        assert getattr(entries, column).tolist() == getattr(whole, column)[touching].tolist()
    payload = parse(lod.query(levels, start, start + length, width))
    assert payload["count"].sum() == entries.count.sum()
    if payload["resolution"] * 2 > length / width:
        assert payload["event"].tolist() == entries.event.tolist()


@settings(max_examples=100, deadline=None)
@given(planes(), st.integers(1, 300))
def test_what_a_pixel_hides_is_merged_once_more(plane, width):
    levels = build(plane)
    end = int(plane.end_ps.max(initial=0)) + 1
    entries, rows = entries_of(levels, 0, end, width)
    level = blocks.widest(end / width)
    fewer, fewer_rows = blocks.merge_again(entries, rows, level, end / width)
    assert fewer.count.sum() == entries.count.sum()
    same = fewer_rows[1:] == fewer_rows[:-1]
    assert np.all(fewer.end_ps[:-1][same] <= fewer.start_ps[1:][same])
    merged = fewer.count > 1
    assert np.all((fewer.end_ps - fewer.start_ps)[merged] < 2 * end / width)
    assert fewer.busy_ps.sum() == pytest.approx(entries.busy_ps.sum())
    # An entry of one event is that event still, and a block holds its longest.
    for place in range(len(fewer)):
        event = fewer.event[place]
        assert fewer.start_ps[place] <= plane.start_ps[event]
        assert plane.end_ps[event] <= fewer.end_ps[place]


@settings(max_examples=100, deadline=None)
@given(planes(), st.integers(0, 2**41), st.integers(1, 2**40), st.integers(1, 300))
def test_units_are_finer_than_a_pixel_and_exact_when_zoomed_in(plane, start, length, width):
    levels = build(plane)
    found = parse(lod.query(levels, start, start + length, width))
    pixel = length / width
    assert found["unit"] <= max(1, pixel / 64)
    single = found["count"] == 1
    near = np.abs(found["start"]) < 2**30
    events = found["event"][single & near]
    true = (plane.start_ps[events] - start) / found["unit"]
    assert np.all(np.abs(found["start"][single & near] - true) < 1)
    if pixel < 1:
        assert found["unit"] == 1
        assert found["resolution"] == 0
        assert found["start"][single & near].tolist() == (plane.start_ps[events] - start).tolist()


def test_what_a_payload_says(tmp_path):
    lines = {
        "python": [("outer", 1, 8), ("inner", 2, 3), ("tick", 5, 0)],
        "none": [],
        "pool": [("k", 3, 1)],
    }
    plane = builders.read(tmp_path, builders.trace(lines)).host
    nested = nesting.nest(plane)
    kinds = np.array([3, 1, -1, 11], np.int8)
    levels = lod.build(plane, nested, kinds)
    assert lod.rows(levels) == (
        lod.Row(0, 0, "python"),
        lod.Row(0, 1, "python"),
        lod.Row(2, 0, "pool"),
    )
    found = parse(lod.query(levels, 2_000_000, 6_000_000, 100))
    assert found["base"] == 2_000_000
    assert found["end"] == 6_000_000
    assert found["rows"] == 3
    assert found["unit"] == 512  # a pixel is 40,000 ps, its 64th part 625
    assert found["row"].tolist() == [0, 1, 1, 2]
    assert [plane.names[name] for name in found["name"]] == ["outer", "inner", "tick", "k"]
    assert found["start"].tolist() == [-1954, 0, 5859, 1953]
    assert found["span"].tolist() == [15625, 5859, 0, 1953]
    assert found["busy"].tolist() == found["span"].tolist()
    assert found["kind"].tolist() == [3, 1, -1, 11]
    assert lod.row_of(levels, np.array([0, 2, 3])).tolist() == [0, 1, 2]


def test_what_is_said_about_an_event(tmp_path):
    plane = builders.read(
        tmp_path, builders.trace({"a": [], "b": [("outer", 1, 8), ("inner", 2, 3)]})
    ).host
    nested = nesting.nest(plane)
    assert lod.describe(plane, nested, None, 1) == lod.EventDetail(
        event=1,
        name="inner",
        start_ps=2_000_000,
        duration_ps=3_000_000,
        self_ps=3_000_000,
        depth=1,
        parent=0,
        line=1,
        line_name="b",
        kind=-1,
    )
    for event in (-1, 2):
        with pytest.raises(IndexError):
            lod.describe(plane, nested, None, event)


def test_the_payload_does_not_grow_with_the_trace():
    """A hundred times the events, the same picture: entries follow pixels."""
    sizes = []
    for count in (20_000, 2_000_000):
        start = np.arange(count, dtype=np.int64) * 1000
        plane = Plane(
            name="/host:CPU",
            lines=(Line(1, "python", 0, count),),
            names=("op",),
            name_id=np.zeros(count, np.int32),
            start_ps=start,
            duration_ps=np.full(count, 500, np.int64),
        )
        levels = lod.build(plane, nesting.nest(plane))
        assert len(levels.entries) <= count
        sizes.append(len(parse(lod.query(levels, 0, count * 1000, 500))["start"]))
    assert max(sizes) <= 4 * 500 + 1


@pytest.mark.parametrize(
    ("start", "end", "width"),
    [(0, 0, 100), (5, -5, 0), (-(2**70), 2**70, 10), (2**50, 2**51, 10), (0, 1, 10**6)],
)
def test_any_window_has_an_answer(tmp_path, start, end, width):
    plane = builders.read(tmp_path, builders.mode_trace("graph")).host
    levels = lod.build(plane, nesting.nest(plane))
    parse(lod.query(levels, start, end, width))


def test_an_empty_plane_has_an_empty_timeline():
    empty = Plane("/host:CPU", (), (), *(np.empty(0, kind) for kind in ("i4", "i8", "i8")))
    levels = lod.build(empty, nesting.nest(empty))
    assert lod.rows(levels) == ()
    assert len(parse(lod.query(levels, 0, 100, 10))["start"]) == 0
