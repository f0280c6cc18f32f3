"""Break-even steps: by hand, by brute force, and how often their intervals hold."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from graphprof.analysis.building import breakeven
from graphprof.analysis.building.breakeven import BreakEven, Line, Spread

EAGER = Line("eager", first_s=0.25, processes=2, steps_in_first=1, step_s=0.05)
GRAPH = Line("graph", first_s=1.0, processes=2, steps_in_first=1, step_s=0.01)
SURE = Spread(1e-9, 10)


def even(mode: Line, against: Line, width: float = 1e-6, between: Spread = SURE) -> BreakEven:
    ratio = mode.step_s / against.step_s
    ends = (ratio, ratio * math.exp(-width), ratio * math.exp(width))
    return breakeven.break_even(mode, against, ends, between)


def counted(mode: Line, against: Line) -> int:
    """The first step after which ``mode`` has taken no longer in all."""
    mode_s, against_s, steps = mode.first_s, against.first_s, 1
    while mode_s > against_s + 1e-12:
        mode_s, against_s, steps = mode_s + mode.step_s, against_s + against.step_s, steps + 1
    return steps


@pytest.mark.parametrize("first_s", [0.25, 0.26, 0.3, 1.0, 1.01, 7.77])
@pytest.mark.parametrize("step_s", [0.001, 0.03, 0.049])
def test_it_is_where_counting_finds_it(first_s: float, step_s: float) -> None:
    mode = replace(GRAPH, first_s=first_s, step_s=step_s)
    found = even(mode, EAGER)

    assert found.step == counted(mode, EAGER)


def test_with_nothing_in_doubt_the_interval_is_the_step() -> None:
    found = even(GRAPH, EAGER)

    # 0.75 s more, 0.04 s less a step, and the first call holds one.
    assert (found.status, found.step) == ("step", 20)
    assert found.low == found.high == 20


def test_a_mode_that_is_slower_in_both_never_pays() -> None:
    assert even(EAGER, replace(GRAPH, first_s=0.1)).status == "never"


def test_a_mode_that_is_cheaper_in_both_pays_at_once() -> None:
    found = even(replace(GRAPH, first_s=0.1), EAGER)

    assert (found.status, found.step, found.high) == ("at once", 1, 1)


def test_a_cheap_start_with_slower_steps_is_ahead_for_a_while() -> None:
    found = even(EAGER, GRAPH)

    assert (found.status, found.step) == ("ahead until", 20)


def test_steps_that_may_be_slower_have_no_last_step() -> None:
    slow = replace(GRAPH, step_s=0.049)
    found = even(slow, EAGER, width=0.05)

    assert found.status == "unclear"
    assert found.high is None
    assert found.low is not None
    assert found.low > 100
    assert found.step is not None


def test_the_two_directions_of_a_pair_cross_at_the_same_step() -> None:
    between = Spread(0.1, 8)
    there, back = even(GRAPH, EAGER, 0.1, between), even(EAGER, GRAPH, 0.1, between)

    assert (there.status, back.status) == ("step", "ahead until")
    assert (there.step, there.low, there.high) == (back.step, back.low, back.high)


def test_without_an_interval_of_the_ratio_nothing_is_clear() -> None:
    found = breakeven.break_even(GRAPH, EAGER, None, SURE)

    assert (found.status, found.step, found.low, found.high) == ("unclear", None, None, None)


def test_calls_of_several_steps_hold_them_from_the_start() -> None:
    eight = Line("fit-spe=8", first_s=1.0, processes=1, steps_in_first=8, step_s=0.01)
    found = even(eight, EAGER)

    # After n steps: 1.0 + (n - 8) * 0.01 against 0.25 + (n - 1) * 0.05.
    assert found.step == math.ceil((1.0 - 0.08 - 0.25 + 0.05) / 0.04)
    assert even(replace(eight, first_s=0.3), EAGER).step == 8


def test_more_doubt_is_a_wider_interval() -> None:
    narrow = even(GRAPH, EAGER, 0.02, Spread(0.05, 20))
    wide = even(GRAPH, EAGER, 0.1, Spread(0.3, 4))

    assert narrow.low is not None
    assert narrow.high is not None
    assert wide.low is not None
    assert wide.high is not None
    assert wide.low < narrow.low < 20 < narrow.high < wide.high


def test_the_spread_is_that_within_modes() -> None:
    rng = np.random.default_rng(1)
    calls = [rng.lognormal(mean, 0.3, 200) for mean in (-2.0, 0.0, 3.0)]
    found = breakeven.spread([list(values) for values in calls])

    assert found.sd == pytest.approx(0.3, rel=0.1)
    assert found.df == breakeven.USUAL_DF + 597
    assert breakeven.spread([[1.0], []]) == Spread(breakeven.USUAL_SD, breakeven.USUAL_DF)


@pytest.mark.parametrize(("waves", "sd"), [(1, 0.2), (2, 0.2), (2, 0.3), (5, 0.3), (5, 0.05)])
def test_a_new_run_crosses_within_the_interval(waves: int, sd: float) -> None:
    """Sessions of known truth, each followed by a run of both modes in new processes."""
    rng = np.random.default_rng(7)
    tau = 0.04
    held, runs = 0, 600
    for _ in range(runs):
        true_ratio = 0.2
        eager_first = 0.25 * rng.lognormal(0, sd, waves)
        graph_first = 1.0 * rng.lognormal(0, sd, waves)
        between = breakeven.spread([list(eager_first), list(graph_first)])
        log_ratio = math.log(true_ratio) + rng.normal(0, tau / math.sqrt(waves))
        half = 1.96 * tau * math.sqrt(1 + 1 / waves)
        ends = tuple(math.exp(log_ratio + d) for d in (0, -half, half))
        eager = Line("eager", float(np.median(eager_first)), waves, 1, 0.05)
        graph = Line("graph", float(np.median(graph_first)), waves, 1, 0.05 * ends[0])
        found = breakeven.break_even(graph, eager, (ends[0], ends[1], ends[2]), between)

        one = replace(eager, first_s=0.25 * rng.lognormal(0, sd))
        ratio = true_ratio * math.exp(rng.normal(0, tau))
        other = replace(graph, first_s=rng.lognormal(0, sd), step_s=0.05 * ratio)
        truth = counted(other, one)
        assert found.low is not None
        assert found.high is not None
        held += found.low <= truth <= found.high
    # Two processes that differ by more than is usual are too few to show it in full.
    assert held / runs >= (0.93 if sd <= breakeven.USUAL_SD or waves > 2 else 0.9)
