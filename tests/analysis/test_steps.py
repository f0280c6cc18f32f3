"""Step summaries of sessions written by hand, where every number is known."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from graphprof.analysis.timing import steps
from graphprof.session import Block, Measurement, Process, Run, RunFolder, Session, SessionInfo

CALLS = (9.0, 1.0, 1.0, 1.0)  # the first call of a block is slow, and must not count


def process(
    wave: int, step_s: float, rounds: int = 30, arm: str = "mode", seed: int = 0
) -> Process:
    """A process whose rounds share their noise with all processes of the same seed and wave."""
    noise = np.exp(np.random.default_rng([seed, wave]).normal(0, 0.2, rounds))
    blocks = tuple(
        Block(number, 0, float(number), tuple(step_s * noise[number] * call for call in CALLS))
        for number in range(rounds)
    )
    return Process(
        wave=wave,
        arm="aa" if arm == "aa" else "mode",
        pid=1,
        startup_s=5.0,
        first_call_s=100 * step_s,
        warmup_s=(2 * step_s,) * 20,
        blocks=blocks,
    )


def folder(mode: str, measurement: Measurement | None, **resolved: object) -> RunFolder:
    return RunFolder(Path(mode), Run(mode, mode.title(), "complete", dict(resolved)), measurement)


def session(*runs: RunFolder, baseline: str | None = "graph") -> Session:
    modes = tuple(run.run.mode for run in runs)
    info = SessionInfo("s", "2026-01-01T00:00:00Z", "0", "complete", "train", "t", modes, baseline)
    return Session(Path("s"), info, runs)


def three_modes() -> Session:
    graph = Measurement(
        1,
        (
            process(0, 0.01),
            process(0, 0.01, arm="aa"),
            process(1, 0.01),
            process(1, 0.01, arm="aa"),
        ),
    )
    return session(
        folder("eager", Measurement(1, (process(0, 0.03), process(1, 0.03)))),
        folder("graph", graph),
        folder("fit-spe=4", Measurement(4, (process(0, 0.032), process(1, 0.032)))),
    )


def test_ratios_are_exact_where_the_noise_is_shared() -> None:
    found = steps.summarise(three_modes())
    eager, graph, fit = found.modes
    assert eager.ratio is not None
    assert eager.ratio.value == pytest.approx(3.0)
    assert eager.ratio.narrow_low == pytest.approx(3.0)
    assert eager.ratio.verdict == "slower"
    assert graph.ratio is None
    # A call of 32 ms holds four steps of 8 ms.
    assert fit.ratio is not None
    assert fit.ratio.value == pytest.approx(0.8)
    assert fit.ratio.verdict == "faster"
    assert found.aa is not None
    assert found.aa.value == pytest.approx(1.0)
    assert found.aa.verdict == "equivalent"
    assert found.warnings == ()


def test_cold_and_warm_are_kept_apart() -> None:
    eager = steps.summarise(three_modes()).mode("eager")
    assert eager is not None
    assert eager.first_step is not None
    assert eager.first_step.median == pytest.approx(3.0)
    assert eager.first_steps_s == pytest.approx((3.0, 3.0))
    assert eager.warmup_count == 40
    assert eager.blocks == 60
    assert eager.count == 240
    assert eager.step_time is not None
    # Nine times slower first calls of the blocks leave no mark on the median.
    assert eager.step_time.median == pytest.approx(0.03, rel=0.2)
    assert eager.undisturbed_s is not None
    assert eager.undisturbed_s < eager.step_time.median


def test_calls_that_build_are_left_out_and_said() -> None:
    one = process(0, 0.01)
    blocks = tuple(
        replace(block, calls_s=(*block.calls_s[:-1], 2.0), built=(len(block.calls_s) - 1,))
        for block in one.blocks
    )
    done = session(
        folder("graph", Measurement(1, (replace(one, blocks=blocks),))),
        folder("eager", Measurement(1, (process(0, 0.03),))),
    )
    found = steps.summarise(done)
    graph = found.mode("graph")
    assert graph is not None
    assert graph.step_time is not None
    assert graph.step_time.median == pytest.approx(0.01, rel=0.2)
    assert graph.built.count == graph.built.left_out == len(blocks)
    assert graph.built.seconds == pytest.approx(2.0 * len(blocks))
    (warning,) = [text for text in found.warnings if "built or compiled anew" in text]
    assert "are left out of its step time" in warning
    columns = steps.columns(done)
    mine = columns.mode == columns.modes.index("graph")
    assert set(columns.seconds[mine & (columns.part == steps.BUILT)]) == {2.0}
    assert columns.seconds[mine & (columns.part == steps.STEADY)].max() < 1.0


def test_where_building_is_the_rule_it_is_what_a_step_takes() -> None:
    block = Block(0, 0, 0.0, (0.5, 0.6, 0.5, 0.01), built=(0, 1, 2))

    assert steps.settled_calls(block) == block.calls_s
    assert steps.settled_calls(replace(block, built=(1,))) == (0.5, 0.5, 0.01)


def test_steps_of_a_call_are_counted_and_divided() -> None:
    fit = steps.summarise(three_modes()).mode("fit-spe=4")
    assert fit is not None
    assert fit.count == 4 * 240
    assert fit.warmup_count == 4 * 40
    assert fit.step_time is not None
    assert fit.step_time.median == pytest.approx(0.008, rel=0.2)


def test_first_calls_of_the_second_baseline_process_count_too() -> None:
    graph = steps.summarise(three_modes()).mode("graph")
    assert graph is not None
    assert graph.processes == 2
    assert len(graph.first_steps_s) == 4
    assert graph.first_step is not None
    assert graph.first_step.low is not None


def test_rounds_are_paired_by_wave_and_only_where_both_have_a_block() -> None:
    mode = Measurement(1, (process(0, 0.02, rounds=10), process(1, 0.02, rounds=5)))
    base = Measurement(1, (process(0, 0.01, rounds=7), process(2, 0.01, rounds=9)))
    pairs = steps.log_ratios(mode, base)
    assert {wave: rounds.size for wave, rounds in pairs.items()} == {0: 7}
    assert pairs[0] == pytest.approx(np.full(7, math.log(2)))


def test_one_round_gives_numbers_without_claims_and_says_so() -> None:
    found = steps.summarise(
        session(
            folder("eager", Measurement(1, (process(0, 9.0, rounds=1),))),
            folder("graph", Measurement(1, (process(0, 1.0, rounds=1),))),
        )
    )
    ratio = found.modes[0].ratio
    assert ratio is not None
    assert ratio.value == pytest.approx(9.0)
    assert ratio.low is None
    assert ratio.verdict == "inconclusive"
    step_time = found.modes[0].step_time
    assert step_time is not None
    assert step_time.low is None
    assert any("eager: few blocks were timed (1, in 1" in warning for warning in found.warnings)
    assert any("not compared with itself" in warning for warning in found.warnings)


def test_a_mode_without_blocks_has_none_and_not_zero() -> None:
    found = steps.summarise(
        session(
            folder("eager", Measurement(1, (Process(0, "mode", 1, None, None),))),
            folder("graph", Measurement(1, (process(0, 1.0),))),
            folder("xla", None),
        )
    )
    assert [summary.mode for summary in found.modes] == ["eager", "graph"]
    eager = found.modes[0]
    assert (eager.step_time, eager.undisturbed_s, eager.first_step, eager.ratio) == (None,) * 4


def test_a_session_without_baseline_or_with_an_unmeasured_one_has_no_ratio() -> None:
    runs = (folder("eager", Measurement(1, (process(0, 1.0),))),)
    assert steps.summarise(session(*runs, baseline=None)).modes[0].ratio is None
    two = (*runs, folder("xla", Measurement(1, (process(0, 1.0),))), folder("graph", None))
    found = steps.summarise(session(*two))
    assert found.modes[0].ratio is None
    assert any("no timed step" in warning for warning in found.warnings)


def test_a_baseline_that_differs_from_itself_is_said() -> None:
    graph = Measurement(1, (process(0, 0.01), process(0, 0.013, arm="aa")))
    found = steps.summarise(session(folder("graph", graph)))
    assert found.aa is not None
    assert found.aa.verdict == "slower"
    assert any("than itself" in warning for warning in found.warnings)


def test_a_ratio_that_moves_is_said() -> None:
    base, still = process(0, 0.01), process(0, 0.02)
    rising = replace(
        still,
        blocks=tuple(
            replace(block, calls_s=tuple(call * (1 + block.round / 30) for call in block.calls_s))
            for block in still.blocks
        ),
    )
    found = steps.summarise(
        session(
            folder("eager", Measurement(1, (rising,))), folder("graph", Measurement(1, (base,)))
        )
    )
    assert found.modes[0].drift == pytest.approx(0.4, abs=0.1)
    assert any("no steady state" in warning for warning in found.warnings)


def test_two_names_for_one_thing_get_the_prior_of_one_mode() -> None:
    base = folder("graph", Measurement(1, (process(0, 0.01),)), jit_compile=False)
    same = folder("mine", Measurement(1, (process(0, 0.01),)), jit_compile=False)
    other = folder("xla", Measurement(1, (process(0, 0.01),)), jit_compile=True)
    widths = [
        summary.ratio.high
        for summary in steps.summarise(session(base, same, other)).modes
        if summary.ratio is not None and summary.ratio.high is not None
    ]
    assert widths[0] < widths[1]


def test_columns_list_every_call_once() -> None:
    found = steps.columns(three_modes())
    per_process = 1 + 20 + 30 * 4
    assert found.seconds.size == found.part.size == 8 * per_process
    assert np.count_nonzero(found.part == steps.FIRST) == 8
    assert np.count_nonzero(found.part == steps.WARMUP) == 160
    assert np.count_nonzero(found.part == steps.BLOCK_FIRST) == 240
    assert np.count_nonzero(found.aa) == 2 * per_process
    fit = (found.mode == 2) & (found.part == steps.FIRST)
    assert found.seconds[fit] == pytest.approx([0.8, 0.8])
    assert set(found.round[found.part == steps.WARMUP]) == {-1}


def test_columns_of_nothing_are_empty() -> None:
    assert steps.columns(session()).seconds.size == 0
