"""Resident sets: stages of a process's life, and whether it grows."""

import random

import pytest

from graphprof.analysis.memory import resident
from graphprof.trace.memory_file import MemoryRecord, Moment, ResidentCurve, ResidentProcess

MIB = 1 << 20


def process(levels, wave=0, calls=10, before=()):
    blocks = (Moment("block", 0, level, calls * (at + 1)) for at, level in enumerate(levels))
    return ResidentProcess(wave, "mode", 1, (*before, *blocks))


def growth(*processes, steps_per_call=1):
    return resident.of_record(MemoryRecord(processes), (), steps_per_call).growth


def test_a_leak_is_found_by_its_size():
    found = growth(process([100 * MIB + at * 30_000 * 10 for at in range(40)]))
    assert found.grows
    assert found.bytes_per_step == pytest.approx(30_000)
    assert (found.total, found.steps) == (39 * 300_000, 390)


def test_a_step_is_a_part_of_a_call():
    found = growth(process([at * MIB for at in range(40)]), steps_per_call=8)
    assert found.bytes_per_step == pytest.approx(MIB / 80)


@pytest.mark.parametrize("seed", range(5))
def test_what_only_wavers_does_not_grow(seed):
    dice = random.Random(seed)
    found = growth(process([600 * MIB + dice.randrange(4 * MIB) for _ in range(60)]))
    assert not found.grows


def test_less_than_the_system_can_count_is_no_growth():
    assert not growth(process([600 * MIB + at * 4096 for at in range(60)])).grows


def test_one_jump_is_no_growth():
    assert not growth(process([600 * MIB] * 30 + [680 * MIB] * 3)).grows


def test_of_processes_the_middle_one_counts():
    steady = process([600 * MIB] * 20)
    leaking = process([600 * MIB + at * MIB for at in range(20)])
    assert not growth(steady, leaking, steady).grows
    assert growth(leaking, steady, leaking).grows


def test_too_few_blocks_are_none():
    assert growth(process([MIB] * 5)) is None
    assert growth() is None


def test_stages_are_medians_and_the_peak_is_of_all():
    def started(first, last):
        return process([50, last], before=(Moment("imports", None, first),))

    record = MemoryRecord(
        (started(10, 60), started(20, 70), started(30, 80)),
        ResidentCurve(10**6, 3, (1, 2), (90, 85)),
    )
    found = resident.of_record(record, (75, None))
    assert found.stages == {"imports": 20, "block": 70}
    assert (found.peak, found.traced_peak, found.processes) == (90, 90, 3)


def test_nothing_noted_is_nothing_not_zero():
    found = resident.of_record(MemoryRecord())
    assert (found.stages, found.peak, found.traced_peak, found.growth) == ({}, None, None, None)
