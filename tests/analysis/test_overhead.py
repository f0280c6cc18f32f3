"""Tracing overhead from records whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest
import simulation

from graphprof.analysis.timing.overhead import tracing_overhead
from graphprof.session import TraceRecord


def record(traced: list[float], untraced: list[float]) -> TraceRecord:
    steps = len(traced)
    return TraceRecord("x.pb", steps, tuple(range(steps)), tuple(traced), tuple(untraced))


def test_still_steps_give_the_exact_ratio() -> None:
    found = tracing_overhead(record([1.2] * 20, [1.0] * 40))
    assert found is not None
    assert found.value == pytest.approx(1.2)
    assert found.low == pytest.approx(1.2)
    assert found.notable
    assert (found.traced, found.untraced) == (20, 40)


def test_a_steady_drift_cancels_between_before_and_after() -> None:
    drifting = 1 + 0.01 * np.arange(60)
    untraced = [*drifting[:20], *drifting[40:]]
    found = tracing_overhead(record(list(1.1 * drifting[20:40]), untraced))
    assert found is not None
    assert found.value == pytest.approx(1.1, rel=0.01)


def test_steps_of_one_call_count_once() -> None:
    traced = [value for value in (1.0, 1.1, 1.2, 1.3) for _ in range(4)]
    untraced = [value for value in (1.0, 1.2, 1.1) for _ in range(4)]
    found = tracing_overhead(record(traced, untraced), steps_per_call=4)
    assert found is not None
    assert (found.traced, found.untraced) == (4, 3)


@pytest.mark.parametrize(("traced", "untraced"), [([], [1.0]), ([1.0], []), ([], [])])
def test_what_was_not_timed_is_none(traced: list[float], untraced: list[float]) -> None:
    assert tracing_overhead(record(traced, untraced)) is None


def test_one_step_has_a_value_and_no_interval() -> None:
    found = tracing_overhead(record([1.5], [1.0, 1.1]))
    assert found is not None
    assert found.low is None


@pytest.mark.parametrize("steps", [5, 20, 100])
def test_intervals_cover_with_steps_as_correlated_as_real_ones(steps: int) -> None:
    rng = np.random.default_rng(steps)
    world = simulation.World()
    inside = []
    for _ in range(1000):
        traced = 1.3 * np.exp(simulation.steps(rng, (steps,), world))
        untraced = np.exp(simulation.steps(rng, (2 * steps,), world))
        found = tracing_overhead(record(list(traced), list(untraced)))
        assert found is not None
        assert found.low is not None
        assert found.high is not None
        inside.append(found.low <= 1.3 <= found.high)
    assert np.mean(inside) >= 0.93
