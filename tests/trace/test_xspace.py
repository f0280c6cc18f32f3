"""The reader against protobuf, on traces that were made to mislead it, and on damaged ones."""

from __future__ import annotations

import contextlib
import gzip
import random
import struct
from pathlib import Path
from unittest import mock

import builders
import numpy as np
import plain_reader
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphprof.errors import TraceError
from graphprof.trace import events as xevents
from graphprof.trace import lockstep, proto, wire, xspace

FIXTURES = Path(__file__).parents[1] / "fixtures"
INT64 = st.integers(-(2**63), 2**63 - 1)
TIMES = st.integers(0, 2**55) | st.integers(0, 300)


def small_trace() -> bytes:
    """A trace that TensorFlow recorded (``scripts/record_fixture``)."""
    return gzip.decompress((FIXTURES / "small.xplane.pb.gz").read_bytes())


def number(field: int, value: int) -> bytes:
    return wire.encoded(field << 3) + wire.encoded(value & (1 << 64) - 1)


def message(field: int, content: bytes) -> bytes:
    return wire.encoded(field << 3 | 2) + wire.encoded(len(content)) + content


stats = st.one_of(
    st.builds(lambda value: number(4, value), INT64),
    st.builds(lambda value: number(3, value), st.integers(0, 2**64 - 1)),
    st.builds(lambda value: number(7, value), st.integers(0, 12)),
    st.builds(lambda value: b"\x11" + struct.pack("<d", value), st.floats(allow_nan=False)),
    st.builds(lambda value: message(5, value), st.binary(max_size=200)),
    # What looks like events inside a text must not be taken for some.
    st.builds(lambda n: message(6, b"\x22\x06\x08\x01\x10\x02\x18\x03" * n), st.integers(0, 40)),
    st.just(b""),
).flatmap(lambda value: st.builds(lambda key: number(1, key) + value, st.integers(0, 12)))


@st.composite
def events(draw):
    """One XEvent's bytes: mostly as TensorFlow writes it, sometimes in any other legal way."""
    parts = []
    if draw(st.booleans()):
        parts.append(number(1, draw(st.integers(0, 12) | INT64)))
    if draw(st.booleans()):
        parts.append(number(2, draw(TIMES)))
    if draw(st.booleans()):
        parts.append(number(3, draw(TIMES)))
    parts += [message(4, stat) for stat in draw(st.lists(stats, max_size=4))]
    odd = draw(st.integers(0, 9))
    if odd == 0:
        parts.append(number(5, 7))  # num_occurrences
    elif odd == 1:
        parts.append(number(77, 1))  # a field of a later version
    elif odd == 2:
        parts.append(message(78, b"later"))
    elif odd == 3:
        parts = draw(st.permutations(parts))
    elif odd == 4:
        parts.append(number(3, draw(st.integers(0, 9))))  # again: the last one holds
    return b"".join(parts)


@st.composite
def spaces(draw):
    plane = [message(2, b"/host:CPU")]
    for line_id in range(draw(st.integers(0, 3))):
        head = [number(1, line_id), message(2, b"thread"), number(3, draw(st.integers(0, 10**6)))]
        body = [message(4, event) for event in draw(st.lists(events(), max_size=30))]
        tail = [number(9, 5), message(11, b"display")] if draw(st.booleans()) else []
        parts = head + body + tail
        if draw(st.integers(0, 4)) == 0:
            parts = draw(st.permutations(parts))
        plane.append(message(3, b"".join(parts)))
    for field in (4, 5):
        for key in draw(st.lists(st.integers(0, 12), unique=True)):
            name = draw(st.sampled_from([b"a", b"b", b"\xff\xfe", b"conv2d/Relu:Relu", b""]))
            plane.append(
                message(field, number(1, key) + message(2, number(1, key) + message(2, name)))
            )
    return message(1, b"".join(plane)) + message(2, b"an error") + message(3, b"a warning")


def read(data: bytes, tmp_path_factory, stats=None):
    return builders.read(tmp_path_factory.mktemp("space"), data, stats)


@settings(max_examples=100, deadline=None)
@given(spaces())
def test_every_legal_space_reads_as_protobuf_reads_it(tmp_path_factory, data):
    expected = plain_reader.read(data)
    assert plain_reader.plain(read(data, tmp_path_factory)) == expected
    # Chunks of a few events, and cursors a few bytes apart.
    near = mock.patch.multiple(lockstep, _SPACING=32, _REACH=16)
    few = mock.patch.object(xevents, "_MAX_STATS", 2)
    with mock.patch.object(xspace, "_CHUNK", 300), near, few:
        assert plain_reader.plain(read(data, tmp_path_factory)) == expected


@pytest.mark.parametrize("seed", range(6))
def test_large_lines_read_as_protobuf_reads_them(tmp_path, seed):
    """Large enough for many cursors and chunks; texts full of what looks like events."""
    dice = random.Random(seed)
    bait = b"\x22\x08\x08\x01\x10\x02\x18\x03\x22\x00" * 40
    body = []
    for place in range(30_000):
        parts = [number(1, dice.randrange(1, 300)), number(2, place * 1000 + dice.randrange(999))]
        parts.append(number(3, dice.choice((0, 5, 700, 2**40))))
        for _ in range(dice.choice((0, 0, 0, 1, 3)) if seed else 0):
            value = dice.choice((number(4, -1), number(3, 2**63 + place), message(6, bait)))
            parts.append(message(4, number(1, dice.randrange(5)) + value))
        if seed == 5 and dice.random() < 0.01:
            parts.append(number(5, 3))
        body.append(message(4, b"".join(parts)))
    if seed == 4:
        body.insert(15_000, number(9, 1))  # the line's own field between its events
        body.insert(20_000, message(4, number(1, 1) + message(4, message(6, bytes(2_000_000)))))
    line = number(1, 5) + message(2, b"python") + b"".join(body) + message(11, b"python")
    data = message(1, message(2, b"/host:CPU") + message(3, line))
    trace = builders.read(tmp_path, data)
    assert plain_reader.plain(trace) == plain_reader.read(data)


def test_wrong_guesses_cost_nothing_but_time(tmp_path, monkeypatch):
    """Cursors set on any place that holds the tag's byte: most are wrong, and nothing changes."""

    def anywhere(chunk):
        places = np.flatnonzero(chunk.data[: chunk.size] == 0x22)
        return np.concatenate(([0], places[places > 0][::3]))

    plane = builders.Space()
    line = plane.plane().line()
    for place in range(3000):
        line.event(f"op {place % 50}", place, 0.5, text='"' * (place % 9), n=0x22222222)
    monkeypatch.setattr(lockstep, "_guess", anywhere)
    trace = builders.read(tmp_path, plane.data)
    assert plain_reader.plain(trace) == plain_reader.read(plane.data)


def test_a_real_trace_reads_as_protobuf_reads_it(tmp_path):
    data = small_trace()
    trace = builders.read(tmp_path, data)
    assert len(trace) > 1000
    assert trace.dropped == ()
    assert plain_reader.plain(trace) == plain_reader.read(data)


def test_only_stats_that_were_asked_for(tmp_path):
    data = builders.mode_trace("graph")
    everything = builders.read(tmp_path, data).host.stats
    some = builders.read(tmp_path, data, ("step_num", "_p", "no such stat")).host.stats
    assert set(some) == {"step_num", "_p"}
    assert builders.read(tmp_path, data, ()).host.stats == {}
    for name, column in some.items():
        assert column.owner.tolist() == everything[name].owner.tolist()
        assert column.values.tolist() == everything[name].values.tolist()


def test_types_of_stats(tmp_path):
    space = builders.Space()
    line = space.plane().line()
    line.event(
        "a", 0, 1, i=-3, f=0.5, s="text", b=b"\xff", u=2**64 - 1, r=builders.Ref("name"), m=1
    )
    line.event("b", 1, 1, i=2**62, f=-1.0, s="日本", b=b"", u=1, r=builders.Ref("other"), m="one")
    found = builders.read(tmp_path, space.data).host.stats
    assert found["i"].values.dtype == np.int64
    assert found["i"].values.tolist() == [-3, 2**62]
    assert found["f"].values.dtype == np.float64
    assert found["f"].values.tolist() == [0.5, -1.0]
    assert found["s"].values.tolist() == ["text", "日本"]
    assert found["b"].values.tolist() == [b"\xff", b""]
    # An id of 64 bits keeps its bits, so that ids can be compared.
    assert found["u"].values.dtype == np.int64
    assert found["u"].values.tolist() == [-1, 1]
    assert found["r"].values.tolist() == ["name", "other"]
    assert found["m"].values.tolist() == [1, "one"]


def test_lines_are_sorted_and_their_stats_go_with_the_events(tmp_path):
    space = builders.Space()
    line = space.plane().line()
    line.event("late", 9, 1, n=9).event("inner", 2, 1, n=2).event("outer", 2, 5, n=1)
    host = builders.read(tmp_path, space.data).host
    assert [host.names[name] for name in host.name_id] == ["outer", "inner", "late"]
    assert host.stats["n"].owner.tolist() == [0, 1, 2]
    assert host.stats["n"].values.tolist() == [1, 2, 9]


def test_one_clock_for_all_lines(tmp_path):
    space = builders.Space()
    plane = space.plane()
    plane.line("a", start_us=10).event("x", 0, 1)
    plane.line("empty", start_us=1)
    space.plane("/device:GPU:0").line("stream", start_us=12).event("y", 0.5, 1)
    trace = builders.read(tmp_path, space.data)
    assert [plane.start_ps.tolist() for plane in trace.planes] == [[0], [2_500_000]]
    assert trace.origin_ns == 10_000


def test_the_origin_is_absolute(tmp_path):
    trace = builders.read(tmp_path, builders.trace({"python": [("op", 5, 1)]}))
    assert trace.origin_ns == builders.PROFILE_START_NS
    assert trace.planes[1].plane_stats["profile_start_time"] == builders.PROFILE_START_NS


def test_events_without_a_place_in_time_are_counted_out(tmp_path):
    space = builders.Space()
    line = space.plane().line("sums")
    line.event("real", 1, 1)
    line.message.events.add(metadata_id=1, num_occurrences=12, duration_ps=5)
    line.message.events.add(metadata_id=1, offset_ps=5, duration_ps=-1)
    line.message.events.add(metadata_id=1, offset_ps=-(2**63), duration_ps=1)
    trace = builders.read(tmp_path, space.data)
    assert len(trace) == 1
    assert trace.host.lines[0].last == 1
    assert any("1 events on line 'sums'" in sentence for sentence in trace.dropped)
    assert any("2 events of /host:CPU have impossible times" in told for told in trace.dropped)


def test_a_line_on_another_clock_is_left_out(tmp_path):
    space = builders.Space()
    plane = space.plane()
    plane.line("good", start_us=1e15).event("a", 0, 1).event("b", 2, 1)
    plane.line("odd").event("c", 0, 1)
    trace = builders.read(tmp_path, space.data)
    assert [len(line) for line in trace.host.lines] == [2, 0]
    assert trace.host.start_ps.tolist() == [0, 2_000_000]
    assert "Line 'odd' is left out" in trace.dropped[0]


def test_a_tag_written_in_a_longer_way_is_the_same_tag(tmp_path):
    event = b"\xa2\x00\x06" + number(1, 1) + number(2, 5) + number(3, 5)
    line = message(2, b"python") + message(4, number(1, 1)) + event + event
    data = message(1, message(2, b"/host:CPU") + message(3, line))
    assert plain_reader.plain(builders.read(tmp_path, data)) == plain_reader.read(data)


def test_damaged_events_are_counted_out(tmp_path):
    good = message(4, number(1, 1) + number(2, 5) + number(3, 5))
    bad = message(4, number(1, 1) + b"\x10\xff")  # a number that does not end
    line = message(2, b"python") + good + bad + good
    trace = builders.read(tmp_path, message(1, message(2, b"/host:CPU") + message(3, line)))
    assert len(trace) == 2
    assert any("1 events on line 'python'" in told for told in trace.dropped)


def test_damaged_stats_of_a_plane_are_told(tmp_path):
    plane = message(2, b"Task Environment") + message(6, b"\x08\xff")
    trace = builders.read(tmp_path, message(1, plane))
    assert trace.planes[0].plane_stats == {}
    assert trace.dropped == ("The stats of plane Task Environment itself are damaged",)


def test_what_is_no_trace_says_so(tmp_path):
    with pytest.raises(TraceError, match="Cannot read"):
        xspace.read(tmp_path / "missing.pb")
    with pytest.raises(TraceError, match="Cannot read"):
        xspace.read(tmp_path)
    for name, content in {
        "empty": b"",
        "text": b"hello, world\n" * 50,
        "zeros": bytes(5000),
    }.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(TraceError, match=r"is empty|holds no plane"):
            xspace.read(tmp_path / name)


@settings(max_examples=300, deadline=None)
@given(st.binary(min_size=1, max_size=400))
def test_garbage_never_raises_anything_else(tmp_path_factory, data):
    with contextlib.suppress(TraceError):
        read(data, tmp_path_factory)


@settings(max_examples=100, deadline=None)
@given(spaces(), st.randoms(use_true_random=False))
def test_flipped_bytes_never_raise_anything_else(tmp_path_factory, data, dice):
    broken = bytearray(data)
    for _ in range(dice.randrange(1, 6)):
        broken[dice.randrange(len(broken))] = dice.randrange(256)
    try:
        trace = read(bytes(broken), tmp_path_factory)
    except TraceError:
        return
    for plane in trace.planes:
        assert np.all(plane.duration_ps >= 0)
        assert plane.lines == () or plane.lines[-1].last == len(plane)


@pytest.mark.parametrize(("recorded", "stride"), [(False, 1), (True, 97)])
def test_a_trace_cut_anywhere_keeps_what_was_before(tmp_path, recorded, stride):
    """No cut raises anything but TraceError, invents an event or goes unnoticed."""
    data = small_trace() if recorded else builders.mode_trace("graph", steps=1)
    whole = builders.read(tmp_path, data).host
    kept = 0
    for size in range(0, len(data), stride):
        try:
            trace = builders.read(tmp_path, data[:size], ())
        except TraceError:
            assert kept == 0
            continue
        assert trace.dropped or _ends_a_plane(data, size)
        host = trace.host
        assert kept <= (0 if host is None else len(host))
        if host is None or len(host) == kept:
            continue
        kept = len(host)
        assert host.start_ps.tolist() == whole.start_ps[:kept].tolist()
        assert host.duration_ps.tolist() == whole.duration_ps[:kept].tolist()
        names = [host.names[name] for name in host.name_id]
        true = [whole.names[name] for name in whole.name_id[:kept]]
        assert all(
            a == b or a.startswith("unknown event") for a, b in zip(names, true, strict=True)
        )
    assert kept == len(whole)


def _ends_a_plane(data: bytes, size: int) -> bool:
    """Whether a cut here leaves a file that is whole in itself."""
    space = proto.XSpace.FromString(data)
    edge = 0
    for plane in space.planes:
        edge += len(message(1, plane.SerializeToString()))
        if size == edge:
            return True
    return False


def test_hlo_modules(tmp_path):
    space = builders.Space()
    plane = space.plane("/host:metadata")
    plane.event_id("a_step.2(0)")
    plane.fill(plane.message.event_metadata[0].value.stats.add(), "Hlo Proto", b"the proto")
    path = builders.write(tmp_path, space.data)
    assert xspace.hlo_modules(path) == {"a_step.2(0)": b"the proto"}
    assert len(xspace.read(path)) == 0
    assert xspace.hlo_modules(builders.write(tmp_path, builders.mode_trace("graph"))) == {}
