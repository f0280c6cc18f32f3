"""What programs print is compared without what differs by itself, and numbers up to rounding."""

import pytest

from graphprof.analysis.trials import output


@pytest.mark.parametrize(
    ("before", "after", "parity"),
    [
        (["loss 0.512\n"], ["loss 0.512\n"], "passed"),
        (["loss 0.512\n"], ["loss 0.513\n"], "passed"),  # the last figure of one rounding
        (["loss 0.5120\n"], ["loss 0.5150\n"], "unknown"),
        (["loss 0.512\n"] * 2, ["loss 0.712\n"], "failed"),
        (["loss 0.512\n"] * 2, ["loss nan\n"], "failed"),
        (["loss nan\n"] * 2, ["loss nan\n"], "passed"),
        (["loss 0.5\n", "loss 0.9\n"], ["loss 0.1\n"], "unknown"),  # it differs by itself
        (["0.512 in 3.41s\n"] * 2, ["0.512 in 0.02s\n"], "passed"),
        (["took 3.41 seconds\n"] * 2, ["took 0.02 seconds\n"], "unknown"),
        (["12.5 it/s loss 1.25\n"] * 2, ["90.1 it/s loss 1.25\n"], "passed"),
        (["a\nloss 0.5\nb 1.5\n"], ["a\nloss 0.5\n"], "unknown"),  # a line is missing
        (["epoch 1\n"], ["epoch 1\n"], "unknown"),  # nothing with a result
        ([""], [""], "unknown"),
        ([], [], "unknown"),
        (["weights 1e-05 2.5e3\n"] * 2, ["weights 1e-05 2.5e3\n"], "passed"),
        (["weights 1e-05\n"] * 2, ["weights 4e-05\n"], "failed"),
    ],
)
def test_results_are_told_from_timings(before, after, parity):
    found, why = output.same(before, after)
    assert found == parity, why
    assert why.endswith(".")


def test_a_progress_bar_is_what_it_last_showed():
    bar = (
        "1/8 \x1b[1m━━━\x1b[0m 2s 0.2s/step - loss: 2.5\r8/8 ━━━━━━━━━━ 1s 9ms/step - loss: 1.25\n"
    )
    other = "8/8 ━━━━━━━━━━━━━━ 3s 40ms/step - loss: 1.25\n"
    assert output.lines_of(bar) == output.lines_of(other)
    assert output.same([bar], [other])[0] == "passed"


def test_times_alone_are_no_results():
    runs = ["step 3: 1.21\n", "step 3: 1.58\n"]
    assert output.same(runs, ["step 3: 0.40\n"])[0] == "unknown"
