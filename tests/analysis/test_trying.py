"""From pairs of times to a gain, and from a gain to a verdict."""

import numpy as np
import pytest

from graphprof.analysis.trials import trying
from graphprof.trials import Interval, Outcome


def test_one_pair_rests_on_what_is_usual():
    assert trying.gain_of_pairs([], []) is None
    one = trying.gain_of_pairs([2.0, 2.0], [1.0])
    two = trying.gain_of_pairs([2.0, 2.0], [1.0, 1.0])
    assert one.low < 1.3 < two.low < 2.0 < two.high < one.high


def test_a_gain_is_before_over_after():
    gain = trying.gain_of_pairs([2.0, 2.0, 2.0], [1.0, 1.0, 1.0])
    assert gain.value == pytest.approx(2.0)
    assert 1.6 < gain.low < 2.0 < gain.high < 2.4


def test_noisy_pairs_widen_the_interval():
    calm = trying.gain_of_pairs([2.0, 2.0, 2.0], [1.0, 1.0, 1.0])
    noisy = trying.gain_of_pairs([2.0, 3.0, 2.0], [1.0, 1.0, 1.6])
    assert noisy.high / noisy.low > 2 * calm.high / calm.low


@pytest.mark.parametrize("noise", [0.02, 0.06, 0.2])
def test_the_interval_holds_the_truth_about_19_times_in_20(noise):
    random = np.random.default_rng(1)
    inside = 0
    for _ in range(2000):
        before = 2.0 * np.exp(noise * random.standard_normal(3) / np.sqrt(2))
        after = np.exp(noise * random.standard_normal(3) / np.sqrt(2))
        gain = trying.gain_of_pairs(before, after)
        inside += gain.low <= 2.0 <= gain.high
    # What is known of usual machines helps three pairs, and misleads a little on noisy ones.
    assert inside >= 0.92 * 2000


@pytest.mark.parametrize(
    ("gain", "parity", "verdict"),
    [
        (Interval(1.5, 1.2, 1.9), "passed", "confirmed"),
        (Interval(1.5, 1.2, 1.9), "unknown", "confirmed"),
        (Interval(1.5, 1.2, 1.9), "failed", "refuted"),
        (Interval(1.1, 0.9, 1.3), "passed", "inconclusive"),
        (Interval(0.9, 0.8, 0.95), "passed", "refuted"),
        (Interval(1.0, 0.985, 1.015), "passed", "refuted"),
        (None, "unknown", "inconclusive"),
    ],
)
def test_a_verdict_needs_the_whole_interval_and_the_same_results(gain, parity, verdict):
    assert trying.verdict(Outcome(measured=gain, parity=parity)) == verdict


@pytest.mark.parametrize(("gain", "words"), [(1.35, "+35 % faster"), (3.14, "3.14x as fast")])
def test_gains_in_words(gain, words):
    assert trying.how_much(gain) == words
