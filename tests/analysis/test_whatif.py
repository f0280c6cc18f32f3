"""What-if estimates: Amdahl, with the doubts that the module states."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphprof.analysis.trials.whatif import MOST_GONE, PART_DOUBT, Step, gone, of_mode
from graphprof.analysis.work.layers import LayerRow


def test_half_of_a_step_gone_doubles_its_speed() -> None:
    gain = gone(Step(0.010, 1.0, {}), 0.005)
    assert gain.value == pytest.approx(2)
    assert gain.low == pytest.approx(1 / (1 - 0.5 * (1 - PART_DOUBT)))
    assert gain.high == pytest.approx(1 / (1 - 0.5 * (1 + PART_DOUBT)))


def test_what_recording_cost_may_all_have_fallen_on_the_part() -> None:
    # 12 ms traced, 10 ms untraced; a part of 4 ms is 4 x 0.85 - 2 = 1.4 ms at least.
    gain = gone(Step(0.012, 1.2, {}), 0.004)
    assert gain.low == pytest.approx(10 / (10 - 1.4))
    assert gain.value == pytest.approx(12 / 8)
    assert gain.high == pytest.approx(10 / (10 - 4 * 1.15))


def test_a_part_that_recording_alone_may_have_made_promises_nothing() -> None:
    assert gone(Step(0.012, 1.2, {}), 0.002).low == 1


def test_recording_has_not_taken_most_of_the_rest() -> None:
    # 10 ms traced, 4 ms untraced, a part of 5 ms: of the other 5 ms (less the doubt) 30 % stay.
    gain = gone(Step(0.010, 2.5, {}), 0.005)
    assert gain.high == pytest.approx((5.75 + 0.3 * 4.25) / (0.3 * 4.25))


def test_a_step_that_is_nearly_all_one_part_is_not_promised_to_vanish() -> None:
    gain = gone(Step(0.010, 1.0, {}), 0.0095)
    assert gain.value == pytest.approx(20)
    assert gain.high == pytest.approx(1 / (0.05 - 0.05 * PART_DOUBT))


@given(st.floats(1e-6, 10), st.floats(0.5, 3), st.floats(0, 1))
def test_the_interval_holds_the_estimate(step_s: float, overhead: float, share: float) -> None:
    gain = gone(Step(step_s, overhead, {}), share * step_s)
    assert 1 <= gain.low <= gain.value <= gain.high
    assert gain.high <= 1 / (1 - MOST_GONE) + 1e-6


def test_kinds_and_layers_are_listed_the_largest_first() -> None:
    step = Step(0.010, 1.0, {"op": 0.006, "input": 0.003, "python": 0.001})
    rows = tuple(
        LayerRow(owner, in_pass, seconds, 0.1, seconds, seconds, {})
        for owner, in_pass, seconds in (
            ("net/conv", "forward", 0.002), ("net/conv", "backward", 0.003),
            ("net/dense", "forward", 0.0001), ("", "other", 0.004),
        )
    )  # fmt: skip
    found = of_mode("fit", step, rows)
    assert [(one.of, one.title) for one in found] == [
        ("layer", "conv free"), ("kind", "Input wait gone"), ("kind", "Python gone"),
    ]  # fmt: skip
    assert found[0].seconds == pytest.approx(0.005)
    assert found[0].gain.value == pytest.approx(2)
