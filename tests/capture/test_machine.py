"""The canary and the machine's accounts."""

from __future__ import annotations

import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from graphprof.capture.controller import machine


def test_a_sample_says_when_and_how_long(monkeypatch: pytest.MonkeyPatch) -> None:
    watch = machine.Watch(origin=time.perf_counter() - 5)

    first, second = watch.sample(0, []), watch.sample(1, [])

    assert (first.round, second.round) == (0, 1)
    assert 5 <= first.at_s < second.at_s
    assert first.canary_s > 0
    # There is no stretch before the first sample.
    assert first.others_share is None
    assert first.steal_share is None


def test_the_time_of_the_workers_is_not_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 2 cores for 10 s: 8 s busy, 3 s of them ours, 1 s stolen."""
    before = SimpleNamespace(user=100.0, system=10.0, nice=0.0, steal=7.0)
    after = SimpleNamespace(user=107.0, system=11.0, nice=0.0, steal=8.0)
    system: Iterator[Any] = iter([before, after])
    own = iter([1.0, 5.0, 2.0, 7.0])
    clock = iter([0.0, 0.0, 10.0, 10.0])
    monkeypatch.setattr(machine, "canary", lambda: 0.001)
    monkeypatch.setattr(machine.psutil, "cpu_times", lambda: next(system))
    monkeypatch.setattr(machine.psutil, "cpu_count", lambda: 2)
    monkeypatch.setattr(machine, "_cpu_s", lambda pid: next(own))
    monkeypatch.setattr(machine.time, "perf_counter", lambda: next(clock))
    watch = machine.Watch(origin=0.0)

    watch.sample(0, [11])
    sample = watch.sample(1, [11])

    assert sample.others_share == pytest.approx((8 - 3) / 20)
    assert sample.steal_share == pytest.approx(1 / 20)


def test_a_process_that_is_gone_has_used_nothing() -> None:
    assert machine._cpu_s(2**30) == 0.0


def test_alike_times_both_names_in_every_round() -> None:
    left: list[float] = []

    alike = machine.time_alike(0.3, seed=1, heard=left.append)

    assert len(alike.first_s) == len(alike.second_s) == len(left)
    assert all(seconds > 0 for seconds in (*alike.first_s, *alike.second_s))
    assert left == sorted(left, reverse=True)
    assert alike.seconds >= 0.3
