"""The noise guard over recorded numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats as reference

from graphprof.analysis.timing import noise, stats
from graphprof.analysis.timing.steps import BuiltCalls, SessionSteps, StepSummary
from graphprof.capture.controller import noise_floor
from graphprof.session import MachineSample


def samples(
    canary: list[float], others: float | None = None, steal: float | None = None
) -> list[MachineSample]:
    return [MachineSample(n, float(n), s, others, steal) for n, s in enumerate(canary)]


def quiet(n: int = 60, spread: float = 0.02) -> list[float]:
    return list(0.002 * np.exp(np.random.default_rng(0).normal(0, spread, n)))


def test_a_quiet_machine_gets_no_warning() -> None:
    found = noise.machine_noise(
        samples(quiet(), others=0.01, steal=0.0), {"cpu_governor": "performance"}
    )
    assert found.warnings == ()
    assert found.canary_spread == pytest.approx(0.02, rel=0.5)
    assert found.slow_share == 0


def test_a_neighbour_who_comes_and_goes_is_seen_though_the_spread_is_small() -> None:
    canary = quiet()
    canary[::5] = [2 * value for value in canary[::5]]
    found = noise.machine_noise(samples(canary))
    assert found.canary_spread is not None
    assert found.canary_spread < noise.CANARY_SPREAD
    assert found.slow_share == pytest.approx(0.2)
    assert "20.0 % of the rounds" in found.warnings[0]


def test_an_unsteady_machine_is_said() -> None:
    found = noise.machine_noise(samples(quiet(spread=0.2)))
    assert found.warnings


def test_a_machine_that_slows_down_is_said() -> None:
    found = noise.machine_noise(samples(list(np.linspace(0.002, 0.0024, 50))))
    assert found.canary_trend == pytest.approx(1.0)
    assert any("slower while" in warning for warning in found.warnings)


def test_other_programs_and_other_guests_are_said() -> None:
    found = noise.machine_noise(samples(quiet(), others=0.4, steal=0.1))
    assert any("40.0 % of the processors" in warning for warning in found.warnings)
    assert any("other guests" in warning for warning in found.warnings)


def test_governor_and_container_are_said() -> None:
    found = noise.machine_noise(
        [], {"cpu_governor": "powersave", "cpu_quota": 1.5, "cores_usable": 4}
    )
    assert len(found.warnings) == 2
    assert "1.5 of 4" in found.warnings[1]


def test_what_was_not_recorded_is_none_and_not_quiet() -> None:
    found = noise.machine_noise([])
    assert (found.canary_s, found.canary_spread, found.slow_share) == (None, None, None)
    assert (found.others_share, found.steal_share) == (None, None)


def session(aa: stats.Ratio | None, mode: stats.Ratio | None) -> SessionSteps:
    summary = StepSummary(
        mode="xla",
        step_time=None,
        undisturbed_s=None,
        first_step=None,
        first_steps_s=(),
        first_step_traced=False,
        steps_per_call=1,
        count=0,
        warmup_count=0,
        built=BuiltCalls(0, 0, 0.0, 0),
        blocks=0,
        processes=0,
        ratio=mode,
        drift=None,
    )
    return SessionSteps("graph", (summary,), aa, ())


def ratio(value: float, sd: float = 0.01, *, same: bool = False) -> stats.Ratio:
    rounds = np.random.default_rng(1).normal(math.log(value), sd, (2, 50))
    found = stats.ratio(list(rounds), same_mode=same)
    assert found is not None
    return found


def test_a_baseline_unlike_itself_is_told_in_the_headline() -> None:
    sentence = noise.cannot_support(session(ratio(1.12, same=True), ratio(1.5)))
    assert sentence is not None
    assert "graph differed by 12" in sentence


def test_a_blind_session_is_told_in_the_headline() -> None:
    sentence = noise.cannot_support(session(ratio(1.0, 1.0, same=True), ratio(1.0, 2.0)))
    assert sentence is not None
    assert "could only have seen" in sentence


def test_a_difference_that_is_plain_in_spite_of_the_noise_is_not_doubted() -> None:
    assert noise.cannot_support(session(ratio(1.0, 1.0, same=True), ratio(20.0, 1.0))) is None


def test_a_crowded_machine_is_told_in_the_headline() -> None:
    crowded = noise.machine_noise(samples(quiet(), others=0.6))
    sentence = noise.cannot_support(session(ratio(1.0, same=True), ratio(2.0)), crowded)
    assert sentence is not None
    assert "60.0 % of the processors" in sentence
    calm = noise.machine_noise(samples(quiet(), others=0.05))
    assert noise.cannot_support(session(ratio(1.0, same=True), ratio(2.0)), calm) is None


def test_a_sound_session_says_nothing() -> None:
    assert noise.cannot_support(session(ratio(1.01, same=True), ratio(1.5))) is None
    assert noise.cannot_support(session(None, None)) is None


def test_resolution_follows_the_square_root_of_the_time() -> None:
    rng = np.random.default_rng(3)
    first, second = np.exp(rng.normal(0, 0.1, (2, 200)))
    minute = noise.resolution(first, second, seconds=20.0, budget_s=60.0)
    four = noise.resolution(first, second, seconds=20.0, budget_s=240.0)
    assert minute is not None
    assert four is not None
    assert minute.rounds == 600
    assert minute.detectable_here is not None
    assert four.detectable_here is not None
    assert math.log1p(minute.detectable_here) == pytest.approx(2 * math.log1p(four.detectable_here))
    # New processes differ by 4 % however long one measures: 2.8 x 4 % / sqrt(5).
    assert four.detectable is not None
    assert four.detectable > math.expm1(2.8 * 0.04 / math.sqrt(5)) * 0.999
    assert minute.aa.low is not None
    assert minute.aa.high is not None
    assert minute.aa.low < 1 < minute.aa.high


def test_resolution_of_too_little_is_none() -> None:
    assert noise.resolution([], [], 1.0) is None
    one = noise.resolution([1.0], [1.1], 1.0)
    assert one is not None
    assert one.detectable is None


class Clock:
    """Work that takes a known time on a clock of its own."""

    def __init__(self) -> None:
        self.now = 0.0
        self.calls = 0

    def __call__(self) -> float:
        return self.now

    def work(self) -> float:
        self.calls += 1
        self.now += 0.002
        return 0.002


def test_the_noise_floor_keeps_to_its_time_and_is_exact_on_a_still_clock() -> None:
    clock = Clock()
    floor = noise_floor.measure(5.0, work=clock.work, clock=clock)
    assert 5.0 <= floor.seconds <= 5.2
    assert set(floor.first_s) == set(floor.second_s) == {0.002}
    # 50 ms blocks, two a round.
    assert len(floor.first_s) == pytest.approx(50, abs=1)
    found = noise.resolution(floor.first_s, floor.second_s, floor.seconds)
    assert found is not None
    assert found.aa.value == 1.0
    assert found.detectable_here == 0


def test_the_noise_floor_runs_for_real() -> None:
    floor = noise_floor.measure(0.1)
    assert len(floor.first_s) == len(floor.second_s) >= 10
    assert min(floor.first_s) > 0


def test_spread_and_trend_are_the_textbooks() -> None:
    x = np.random.default_rng(5).normal(10, 1, 40).round(1)
    mad = reference.median_abs_deviation(x, scale="normal")
    assert stats.robust_spread(x) == pytest.approx(mad / np.median(x), rel=1e-3)
    assert stats.trend(x) == pytest.approx(reference.spearmanr(x, np.arange(40)).statistic)
    assert stats.robust_spread([1.0]) is None
    assert stats.trend([1.0] * 20) is None
