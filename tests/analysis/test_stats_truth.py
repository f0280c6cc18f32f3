"""The statistics over simulated sessions in which the truth is known (``simulation.py``).

A small, seeded form of ``scripts/bench_statistics``: enough sessions that a wrong standard error
shows, and the same data given to the usual analyses must raise false alarms.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import simulation
from scipy import stats as textbook

from graphprof.analysis.timing import stats

# A share of 0.95 is then known to 0.007; the bounds below leave about three times that.
SESSIONS = 1000
CLAIMS = ("faster", "slower")


@cache
def sessions(
    waves: int = 2, rounds: int = 60, number: int = SESSIONS
) -> list[simulation.Simulated]:
    world = replace(simulation.World(), waves=waves, rounds=rounds)
    generators = (np.random.default_rng([7, place]) for place in range(number))
    return [simulation.session(rng, (0.0,), world) for rng in generators]


def ratios(found: list[simulation.Simulated], arm: int, plant: float = 0.0) -> list[stats.Ratio]:
    same = arm == 1
    results = [
        stats.ratio([wave + plant for wave in session.pairs(arm)], same_mode=same)
        for session in found
    ]
    return [result for result in results if result is not None]


def covered(results: list[stats.Ratio], truth: float) -> float:
    return float(
        np.mean(
            [
                result.low <= truth <= result.high
                for result in results
                if result.low is not None and result.high is not None
            ]
        )
    )


@pytest.mark.parametrize("waves", [1, 2, 5])
@pytest.mark.parametrize("effect", [0.0, 0.03, 0.10])
def test_wide_intervals_cover_the_ratio_of_two_modes(waves: int, effect: float) -> None:
    found = ratios(sessions(waves), arm=2, plant=math.log1p(effect))
    assert 0.92 <= covered(found, 1 + effect) <= 0.99


@pytest.mark.parametrize(("waves", "rounds"), [(1, 60), (2, 60), (1, 3), (1, 5), (2, 10)])
def test_one_mode_under_two_names_raises_no_more_false_alarms_than_said(
    waves: int, rounds: int
) -> None:
    found = ratios(sessions(waves, rounds), arm=1)
    assert covered(found, 1.0) >= 0.93
    assert np.mean([result.verdict in CLAIMS for result in found]) <= 0.07


def test_coverage_and_power_hold_when_some_waves_are_disturbed() -> None:
    world = replace(simulation.World(), waves=3, rounds=60, disturbed=0.8)
    generators = (np.random.default_rng([9, number]) for number in range(SESSIONS))
    found = [simulation.session(rng, (), world) for rng in generators]
    assert 0.93 <= covered(ratios(found, arm=1), 1.0) <= 0.99
    planted = ratios(found, arm=1, plant=math.log(1.10))
    # With waves weighed alike it is found in 83 % of them.
    assert np.mean([result.verdict == "slower" for result in planted]) >= 0.89


def test_narrow_intervals_cover_what_the_processes_of_the_session_differ_by() -> None:
    found = sessions()
    truths = [math.exp((s.starts[:, 1] - s.starts[:, 0]).mean()) for s in found]
    inside = [
        result.narrow_low <= truth <= result.narrow_high
        for result, truth in zip(ratios(found, arm=1), truths, strict=True)
        if result.narrow_low is not None and result.narrow_high is not None
    ]
    assert 0.92 <= np.mean(inside) <= 0.99
    # And not what the next processes will: that is the wide interval's business.
    nothing = [r.narrow_low <= 1 <= r.narrow_high for r in ratios(found, arm=1) if r.narrow_low]
    assert np.mean(nothing) < np.mean(inside)


def test_a_large_difference_is_found_and_never_with_the_wrong_sign() -> None:
    found = ratios(sessions(), arm=1, plant=math.log(1.10))
    assert np.mean([result.verdict == "slower" for result in found]) >= 0.8
    assert not any(result.verdict == "faster" for result in found)


def test_the_detectable_difference_is_detected_four_times_out_of_five() -> None:
    # In a world whose processes differ as the prior says.
    world = replace(simulation.World(), rounds=60, process_sds=(0.02,))
    generators = (np.random.default_rng([8, number]) for number in range(SESSIONS))
    found = [simulation.session(rng, (), world) for rng in generators]
    detectable = float(np.median([r.detectable for r in ratios(found, arm=1) if r.detectable]))
    planted = ratios(found, arm=1, plant=math.log1p(detectable))
    assert 0.7 <= np.mean([result.verdict == "slower" for result in planted]) <= 0.9


def test_three_rounds_or_fewer_never_make_a_claim() -> None:
    for session in sessions(1, 3)[:200]:
        found = stats.ratio([wave + 1.0 for wave in session.pairs(1)])
        assert found is not None
        assert found.verdict == "inconclusive"


def test_the_usual_analyses_of_the_same_data_raise_false_alarms() -> None:
    """Negative control: a simulation that is kind to everybody would prove nothing."""
    found = sessions()
    ignoring_processes = [
        textbook.ttest_1samp(np.concatenate(s.pairs(1)), 0).pvalue < 0.05 for s in found
    ]
    one_after_the_other = []
    for session in found:
        early, late = np.array_split(session.blocks[0, 0], 2)
        one_after_the_other.append(textbook.ttest_ind(early, late).pvalue < 0.05)
    assert np.mean(one_after_the_other) > 0.4
    assert np.mean(ignoring_processes) > 0.1


def test_steps_taken_as_independent_raise_false_alarms() -> None:
    """The more so the longer one measures: 200 rounds of each mode."""
    alarms = []
    for session in sessions(rounds=200, number=400):
        steps = session.calls[:, :2, :, 1:]
        a, b = steps[:, 0].ravel(), steps[:, 1].ravel()
        alarms.append(textbook.mannwhitneyu(a, b).pvalue < 0.05)
    assert np.mean(alarms) > 0.15
    assert covered(ratios(sessions(rounds=200, number=400), arm=1), 1.0) >= 0.92


def test_step_times_cover_the_typical_time_of_the_session() -> None:
    inside = []
    for session in sessions():
        truth = math.exp(float(np.median(session.machine, axis=-1).mean()))
        found = stats.typical([np.exp(blocks[0]) for blocks in session.blocks])
        assert found is not None
        assert found.low is not None
        assert found.high is not None
        inside.append(found.low <= truth * math.exp(session.starts[:, 0].mean()) <= found.high)
    assert np.mean(inside) >= 0.9
