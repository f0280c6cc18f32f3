"""Statistics against values worked out elsewhere, and the rules that must hold for any data."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats as reference

from graphprof.analysis.timing import estimators, stats

Waves = list[NDArray[np.float64]]

log_ratio = st.floats(-3, 3, allow_nan=False).map(lambda value: round(value, 6))
wave_lists = st.lists(
    st.lists(log_ratio, min_size=1, max_size=40).map(lambda v: np.array(v, dtype=float)),
    min_size=1,
    max_size=5,
)


def rounds(seed: int, n: int = 100, waves: int = 2, mean: float = 0.0, sd: float = 0.1) -> Waves:
    rng = np.random.default_rng(seed)
    return [rng.normal(mean, sd, n) for _ in range(waves)]


@pytest.mark.parametrize("n", [2, 4, 5, 19, 50, 101])
def test_trimmed_mean_and_its_error_are_yuens(n: int) -> None:
    x = np.random.default_rng(n).standard_t(3, n)
    mean = stats.trimmed_mean(x)
    assert mean.value == pytest.approx(reference.trim_mean(x, 0.2))
    # Yuen's error is what scipy's trimmed t-test divides by; against a constant second sample
    # only the first one's is left.
    yuen = reference.ttest_ind(x, np.zeros(n), trim=0.2, equal_var=False)
    expected = mean.value / yuen.statistic
    assert mean.se is not None
    if n < estimators.BATCHED_FROM:
        assert mean.se == pytest.approx(expected)
        assert mean.df == pytest.approx(yuen.df)
    else:
        assert mean.se >= expected * (1 - 1e-9)


def test_values_that_stick_together_raise_the_error() -> None:
    rng = np.random.default_rng(1)
    levels = np.repeat(rng.normal(0, 0.1, 10), 10)
    shuffled = rng.permutation(levels)
    stuck, free = stats.trimmed_mean(levels), stats.trimmed_mean(shuffled)
    assert stuck.value == pytest.approx(free.value)
    assert stuck.se is not None
    assert free.se is not None
    assert stuck.se > 2 * free.se
    assert stuck.df == estimators.BATCHES - 1


def test_one_wild_round_does_not_move_the_mean() -> None:
    quiet = rounds(3, waves=1)[0]
    wild = quiet.copy()
    wild[10] = 5.0
    assert abs(stats.trimmed_mean(wild).value - stats.trimmed_mean(quiet).value) < 0.005


def test_no_values_are_refused() -> None:
    with pytest.raises(ValueError, match="no values"):
        stats.trimmed_mean([])


def test_welch_satterthwaite_is_welchs() -> None:
    a, b = np.random.default_rng(0).normal(0, 1, 8), np.random.default_rng(1).normal(0, 3, 15)
    parts = [(float(x.var(ddof=1)) / x.size, float(x.size - 1)) for x in (a, b)]
    expected = reference.ttest_ind(a, b, equal_var=False)
    variance, df = stats.total(parts)
    assert df == pytest.approx(expected.df)
    assert math.sqrt(variance) == pytest.approx((a.mean() - b.mean()) / expected.statistic)


def test_known_variances_leave_the_normal_quantile() -> None:
    variance, df = stats.total([(1.0, math.inf), (3.0, math.inf)])
    assert variance == 4.0
    assert stats.t_quantile(df) == pytest.approx(1.959964, abs=1e-6)
    assert stats.t_quantile(1) == pytest.approx(12.7062, abs=1e-4)


def test_few_waves_take_the_prior_between_processes() -> None:
    # Without any noise between rounds the wide interval is the prior alone: 1.96 x 4 % / sqrt(2).
    still = [np.zeros(30), np.zeros(30)]
    across, same = stats.ratio(still), stats.ratio(still, same_mode=True)
    assert across is not None
    assert same is not None
    assert across.high == pytest.approx(math.exp(1.959964 * 0.04 / math.sqrt(2)))
    assert same.high == pytest.approx(math.exp(1.959964 * 0.028 / math.sqrt(2)))
    assert across.narrow_low == across.narrow_high == 1.0


def test_waves_that_disagree_widen_the_interval_beyond_the_prior() -> None:
    agree = stats.ratio([np.full(30, 0.1)] * 5)
    disagree = stats.ratio([np.full(30, value) for value in (-0.1, 0.3, 0.0, 0.2, 0.1)])
    assert agree is not None
    assert disagree is not None
    assert agree.value == pytest.approx(disagree.value)
    assert agree.low is not None
    assert disagree.low is not None
    assert disagree.low < agree.low - 0.05
    assert agree.verdict == "slower"
    assert disagree.verdict == "inconclusive"


@pytest.mark.parametrize(
    ("ratio", "expected"),
    [(1.10, "slower"), (1 / 1.10, "faster"), (1.0, "equivalent"), (1.035, "inconclusive")],
)
def test_verdicts_of_a_well_measured_ratio(ratio: float, expected: str) -> None:
    waves = rounds(5, n=400, waves=4, mean=math.log(ratio), sd=0.02)
    found = stats.ratio(waves)
    assert found is not None
    assert found.verdict == expected


def test_a_difference_within_the_sessions_own_error_is_not_claimed() -> None:
    waves = rounds(5, n=400, waves=4, mean=math.log(1.10), sd=0.02)
    found = stats.ratio(waves, aa_effect=-math.log(1.2))
    assert found is not None
    assert found.low is not None
    assert found.low > 1
    assert found.verdict == "inconclusive"


def test_a_real_difference_too_small_to_name_is_equivalent() -> None:
    assert stats.verdict(stats.Wide(math.log(1.01), 0.001, 0.002)) == "equivalent"


def test_a_wave_that_was_cut_off_counts_little() -> None:
    full = rounds(3, n=100, waves=1, mean=0.1)[0]
    alone, cut = stats.ratio([full]), stats.ratio([full, np.array([0.9, 0.7])])
    assert alone is not None
    assert cut is not None
    assert math.log(cut.value) < 0.2
    one = stats.ratio([full, np.array([0.9])])
    assert one is not None
    assert one.narrow_low is not None
    assert one.narrow_high is not None
    # One more round adds about a round's doubt times its small weight, not none.
    assert one.narrow_high / one.narrow_low > alone.narrow_high / alone.narrow_low * 0.9


def test_full_waves_count_alike() -> None:
    found = stats.ratio([np.full(50, 0.1), np.full(50, 0.3)])
    assert found is not None
    assert math.log(found.value) == pytest.approx(0.2)


def test_one_round_gives_a_ratio_and_no_claim() -> None:
    found = stats.ratio([np.array([2.0])])
    assert found is not None
    assert found.value == pytest.approx(math.exp(2.0))
    assert (found.low, found.high, found.narrow_low, found.narrow_high) == (None,) * 4
    assert found.detectable is None
    assert found.needed_blocks is None
    assert found.verdict == "inconclusive"


def test_nothing_measured_gives_no_ratio() -> None:
    assert stats.ratio([]) is None
    assert stats.ratio([np.array([])]) is None


def test_needed_blocks_would_settle_it_more_often_than_not_when_it_stays_as_it_is() -> None:
    effect, sd = math.log(1.15), 0.4
    noise = sd * reference.norm.ppf((np.arange(12) + 0.5) / 12)
    few = stats.ratio([effect + noise, effect + noise])
    assert few is not None
    assert few.value == pytest.approx(1.15)
    assert few.verdict == "inconclusive"
    assert few.needed_blocks is not None
    assert few.needed_waves is not None
    waves = 2 + few.needed_waves
    n = (24 + few.needed_blocks) // waves
    settled = [stats.ratio(rounds(seed, n, waves, effect, sd)) for seed in range(40)]
    # The effect then stands about two standard errors away from 0: a coin's throw, no more.
    assert 12 <= sum(found is not None and found.verdict == "slower" for found in settled) <= 32


def test_more_processes_are_asked_for_when_processes_are_the_doubt() -> None:
    found = stats.ratio(rounds(2, n=500, waves=1, mean=math.log(1.06), sd=0.02))
    assert found is not None
    assert found.verdict == "inconclusive"
    assert found.needed_waves is not None
    assert found.needed_waves >= 1


def test_a_settled_verdict_needs_nothing() -> None:
    found = stats.ratio(rounds(2, n=500, mean=math.log(2)))
    assert found is not None
    assert found.verdict == "slower"
    assert found.needed_blocks is None


@given(wave_lists)
def test_swapping_the_baseline_inverts_everything(waves: Waves) -> None:
    there, back = stats.ratio(waves), stats.ratio([-wave for wave in waves])
    assert there is not None
    assert back is not None
    assert there.value * back.value == pytest.approx(1)
    assert there.detectable == pytest.approx(back.detectable)
    swapped = {"faster": "slower", "slower": "faster"}
    assert swapped.get(there.verdict, there.verdict) == back.verdict
    for low, high in ((there.low, back.high), (there.narrow_low, back.narrow_high)):
        assert (low is None) == (high is None)
        if low is not None and high is not None:
            assert low * high == pytest.approx(1)


@given(wave_lists, st.lists(st.floats(-2, 2), min_size=5, max_size=5))
def test_a_constant_in_each_wave_moves_the_value_and_not_the_narrow_error(
    waves: Waves, constants: list[float]
) -> None:
    moved = [wave + constant for wave, constant in zip(waves, constants, strict=False)]
    before, after = stats.ratio(waves), stats.ratio(moved)
    assert before is not None
    assert after is not None
    shares = stats.weights([stats.trimmed_mean(wave) for wave in waves])
    shift = float(shares @ constants[: len(waves)])
    assert math.log(after.value) == pytest.approx(math.log(before.value) + shift, abs=1e-6)
    if None not in (before.narrow_high, before.narrow_low, after.narrow_high, after.narrow_low):
        widths = [math.log(r.narrow_high / r.narrow_low) for r in (before, after)]
        assert widths[0] == pytest.approx(widths[1], abs=1e-6)


def test_two_waves_that_contradict_each_other_settle_nothing() -> None:
    slow, same = rounds(1, waves=1, mean=1.0, sd=0.05)[0], rounds(2, waves=1, sd=0.05)[0]
    agreeing = stats.ratio([slow, slow + 0.02])
    contradicting = stats.ratio([slow, same])
    assert agreeing is not None
    assert agreeing.verdict == "slower"
    assert contradicting is not None
    assert contradicting.verdict == "inconclusive"


def test_a_noisy_wave_is_foreseen_to_hide_more() -> None:
    quiet, noisy = rounds(1, sd=0.1), rounds(1, sd=1.0)
    spreads = [
        stats.usual_spreads([stats.trimmed_mean(wave) for wave in waves], 0.04)
        for waves in (quiet, noisy)
    ]
    assert set(spreads[0]) == {0.04}
    assert min(spreads[1]) > 0.1


def test_a_disturbed_wave_counts_less() -> None:
    calm, wild = rounds(1, waves=1, sd=0.05)[0], rounds(2, waves=1, mean=0.5, sd=3.0)[0]
    shares = stats.weights([stats.trimmed_mean(calm), stats.trimmed_mean(wild)])
    assert shares.sum() == pytest.approx(1)
    assert shares[0] > 0.9


@given(st.integers(0, 1000), st.floats(0, 0.3))
def test_excess_variance_solves_its_own_equation(seed: int, spread: float) -> None:
    rng = np.random.default_rng(seed)
    errors = rng.uniform(0.01, 0.3, 8)
    x = rng.normal(0, np.hypot(errors, spread))
    extra = stats.excess_variance(list(x), list(errors**2))
    precision = 1 / (errors**2 + extra)
    left = float((precision * (x - np.average(x, weights=precision)) ** 2).sum())
    assert left == pytest.approx(7, rel=1e-3) if extra > 0 else left <= 7 + 1e-6


def test_excess_variance_is_found_in_the_long_run() -> None:
    rng = np.random.default_rng(0)
    errors = rng.uniform(0.01, 0.2, 4000)
    x = rng.normal(0, np.hypot(errors, 0.05))
    for mean in (None, 0.0):
        found = stats.excess_variance(list(x), list(errors**2), mean)
        assert math.sqrt(found) == pytest.approx(0.05, rel=0.1)
    assert stats.excess_variance([1.0, 1.0, 1.0], [0.0, 0.0, 0.0]) == 0
    assert stats.excess_variance([0.0, 2.0], [0.0, 0.0]) == pytest.approx(2.0)


@given(wave_lists)
def test_intervals_hold_the_value_and_the_wide_holds_the_narrow(waves: Waves) -> None:
    found = stats.ratio(waves)
    assert found is not None
    if found.low is None or found.high is None:
        return
    assert found.low <= found.value * (1 + 1e-12)
    assert found.value <= found.high * (1 + 1e-12)
    if max(wave.size for wave in waves) >= 10 and min(wave.size for wave in waves) >= 10:
        assert found.narrow_low is not None
        assert found.low <= found.narrow_low * (1 + 1e-9)


@given(st.floats(1e-6, 1e3), st.integers(0, 100))
def test_step_times_scale_with_the_clock(scale: float, seed: int) -> None:
    processes = np.exp(np.random.default_rng(seed).normal(0, 0.2, (2, 30)))
    one, other = stats.typical(list(processes)), stats.typical(list(scale * processes))
    assert one is not None
    assert other is not None
    assert one.low is not None
    assert one.high is not None
    assert one.low <= one.median <= one.high
    assert other.median == pytest.approx(scale * one.median)
    assert other.low == pytest.approx(scale * one.low)
    assert other.high == pytest.approx(scale * one.high)


def test_step_time_of_still_blocks_is_uncertain_by_the_process_alone() -> None:
    found = stats.typical([np.full(20, 0.006)])
    assert found is not None
    assert found.median == pytest.approx(0.006)
    assert found.high == pytest.approx(0.006 * math.exp(1.959964 * 0.02))


def test_step_time_of_one_block_has_no_interval() -> None:
    assert stats.typical([[0.5]]) == stats.Estimate(pytest.approx(0.5), None, None)
    assert stats.typical([]) is None


def test_first_calls_of_two_processes_have_no_interval_and_of_three_have_one() -> None:
    assert stats.over_processes([]) is None
    assert stats.over_processes([1.0, 3.0]) == stats.Estimate(2.0, None, None)
    three = stats.over_processes([1.0, 2.0, 4.0])
    assert three is not None
    assert three.low is not None
    assert three.high is not None
    assert three.low < 1.0 < 4.0 < three.high


def test_the_first_call_of_a_block_is_left_out_unless_it_is_the_only_one() -> None:
    assert stats.block_median((9.0, 1.0, 2.0, 3.0)) == 2.0
    assert stats.block_median((9.0,)) == 9.0
    assert stats.block_median(()) is None
    assert stats.block_median((1.0, 0.0)) is None


def test_drift_is_the_later_half_against_the_earlier() -> None:
    rising = np.concatenate([np.zeros(50), np.full(50, 0.1)])
    found = stats.drift([rising, rising])
    assert found is not None
    assert found.value == pytest.approx(0.1)
    assert stats.drift([np.zeros(9)]) is None


@pytest.mark.parametrize(
    ("value", "low", "high", "shown"),
    [
        (1.5934, 1.54, 1.65, 1.59),
        (1.5934, 1.58, 1.606, 1.593),
        (1.5934, 1.2, 2.0, 1.6),
        (2.3, 0.6, 8.5, 2.0),
        (0.0061234, 0.0059, 0.0063, 0.0061),
        (123.456, 100.0, 150.0, 120.0),
        (7.04, 6.0, 8.1, 7.0),
        (1.5934, None, None, 1.6),
        (1.0, 1.0, 1.0, 1.0),
    ],
)
def test_figures_follow_from_the_interval(
    value: float, low: float | None, high: float | None, shown: float
) -> None:
    assert stats.rounded(value, low, high) == pytest.approx(shown)


@settings(max_examples=200)
@given(st.floats(1e-9, 1e9), st.floats(1e-4, 2.0))
def test_rounding_never_moves_a_value_by_more_than_a_fraction_of_its_interval(
    value: float, relative: float
) -> None:
    low, high = value * (1 - relative), value * (1 + relative)
    half = (high - low) / 2
    assert abs(stats.rounded(value, low, high) - value) <= 0.51 * half
