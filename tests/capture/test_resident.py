"""Resident sets as the parent reads them, and what it makes of them."""

import contextlib
import os
import time

import pytest

from graphprof.capture import protocol
from graphprof.capture.controller import resident
from graphprof.capture.controller.resident import Residents, Who
from graphprof.session import graphprof_folder
from graphprof.trace import memory_file
from graphprof.trace.memory_file import Held, Told

ME = Who("eager", 0, "mode", os.getpid())
MIB = 1 << 20


def reader_of(levels):
    """A way to read that gives one level after the other, and then the last one for ever."""
    left = list(levels)

    @contextlib.contextmanager
    def reading(pid):
        yield lambda: left.pop(0) if len(left) > 1 else left[0]

    return reading


def saved(residents, folder, mode="eager"):
    residents.save(folder)
    return memory_file.load(graphprof_folder(folder / mode) / memory_file.MEMORY_FILE)


def test_each_request_leaves_a_moment(tmp_path):
    residents = Residents(reader_of([10, 20, 30]))
    residents.note(ME, "imports", rss_bytes=5)
    residents.answered(ME, protocol.FirstCall(), protocol.Called(1.0, later_s=(0.1,)))
    residents.answered(ME, protocol.WarmUp(1, 1, 1), protocol.Warmed((0.1,) * 5))
    residents.answered(ME, protocol.TimeBlock(3), protocol.Timed(0, (0.1,) * 3))
    (process,) = saved(residents, tmp_path).processes
    assert [(moment.after, moment.rss_bytes, moment.calls) for moment in process.moments] == [
        ("imports", 5, 0),
        ("first", 10, 2),
        ("warmup", 20, 7),
        ("block", 30, 10),
    ]
    assert process.moments[0].at_ns is None
    times = [moment.at_ns for moment in process.moments[1:]]
    assert times == sorted(times)


def test_workers_are_apart(tmp_path):
    residents = Residents(reader_of([1]))
    for who in (ME, ME._replace(arm="aa"), ME._replace(wave=1), ME._replace(mode="graph")):
        residents.note(who, "block", calls=1)
    found = saved(residents, tmp_path)
    assert [(one.wave, one.arm) for one in found.processes] == [(0, "mode"), (0, "aa"), (1, "mode")]
    assert len(saved(residents, tmp_path, "graph").processes) == 1


def test_only_a_trace_is_sampled(tmp_path):
    residents = Residents(reader_of([10, 10, 20, 10]))
    with residents.during(ME, protocol.TimeBlock(3)):
        pass
    assert residents._curves == {}
    with residents.during(ME, protocol.RecordTrace(3, "")):
        time.sleep(0.05)
    told = Told((Held("w", "weights", 4),))
    residents.answered(ME, protocol.RecordTrace(3, ""), protocol.Traced(None, told=told))
    found = saved(residents, tmp_path)
    assert found.told == told
    # Only changes are kept, and the last look.
    assert found.curve.rss_bytes == (10, 20, 10, 10)
    assert found.curve.looks > 4
    assert list(found.curve.times_ns) == sorted(found.curve.times_ns)


def test_a_worker_that_is_gone_leaves_what_was_known(tmp_path):
    residents = Residents(reader_of([None]))
    residents.note(ME, "block", calls=3)
    with residents.sampling(ME):
        pass
    assert saved(residents, tmp_path).curve is None
    assert saved(residents, tmp_path).processes[0].moments == ()


@pytest.mark.parametrize("linux", [True, False])
def test_a_process_of_its_own_is_read(monkeypatch, linux):
    if not linux:
        monkeypatch.setattr(resident.os, "open", lambda *_: (_ for _ in ()).throw(OSError))
    with resident.reading(os.getpid()) as read:
        before = read()
        held = bytearray(64 * MIB)
        held[:: 1 << 12] = b"x" * len(held[:: 1 << 12])
        after = read()
    assert before > MIB
    assert 60 * MIB < after - before < 80 * MIB


def test_a_process_that_is_not_there_is_none():
    with resident.reading(2**22 + 1) as read:
        assert read() is None
