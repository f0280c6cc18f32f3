"""Each rule about sessions both ways: its cause planted is found, and without it there is silence."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from graphprof.analysis.building.rebuilding import Again, Cause
from graphprof.analysis.findings.sessions.evidence import ModeEvidence, SessionEvidence
from graphprof.analysis.findings.sessions.registry import SESSION_RULES, find
from graphprof.analysis.programs.recording import Line
from graphprof.analysis.trials.whatif import Step
from graphprof.analysis.work.layers import LayerRow
from graphprof.analysis.work.ops import OpRow
from graphprof.analysis.work.pipeline_stages import Pipeline
from graphprof.trials import Interval, ModeTrial, WorkloadTrial

KERNELS = {"op": 0.9, "runtime": 0.05, "python": 0.05}


def mode(name: str, step_s: float = 0.010, parts: Mapping[str, float] = KERNELS, **more: Any):
    """A mode whose traced step is divided in these shares; tracing costs nothing."""
    step = Step(
        step_s, more.pop("overhead", 1.0), {kind: share * step_s for kind, share in parts.items()}
    )
    resolved = {"device": "CPU", "precision": "float32", "steps_per_execution": 1,
                "run_eagerly": "eager" in name, "jit_compile": "xla" in name}  # fmt: skip
    resolved |= more.pop("resolved", {})
    return ModeEvidence(name, step_s, more.pop("first_s", 1.0), step, resolved, **more)


def session(*modes: ModeEvidence, doubt: float = 0.05, **workload: Any) -> SessionEvidence:
    """A session in which every two modes were timed side by side."""
    by = {one.mode: one for one in modes}

    def pair(name: str, against: str) -> Interval | None:
        if name not in by or against not in by:
            return None
        value = by[against].step_s / by[name].step_s
        return Interval(value, value / (1 + doubt), value * (1 + doubt))

    facts = {"kind": "Keras Sequential", "batch_size": 32, "parameters": 1000, "data": "arrays"}
    return SessionEvidence("train", facts | workload, by, pair)


def op(name: str, calls: float, wall_s: float, owner: str = "", **more: Any) -> OpRow:
    values = {"op_type": "MatMul", "in_pass": "forward", "tag": "direct", "share": 0.1,
              "busy_s": wall_s, "total_s": wall_s, "self_s": wall_s, "low_s": wall_s,
              "high_s": wall_s} | more  # fmt: skip
    return OpRow(name=name, owner=owner, calls=calls, wall_s=wall_s, **values)


def layer(owner: str, in_pass: str, wall_s: float) -> LayerRow:
    return LayerRow(owner, in_pass, wall_s, 0.1, wall_s, wall_s, {"op": wall_s})


LOOP = tuple(op(f"while/body/_1/cell/MatMul_{i}", 40, 1e-4, "m/lstm") for i in range(4))
ROWS = tuple(op(f"m/l{i}/MatMul", 1, 2e-3) for i in range(4))
THIN = {"python": 0.2, "function_call": 0.2, "dispatch": 0.1, "runtime": 0.3, "op": 0.2}
WAITS = {"input": 0.6, "op": 0.4}
EMBED = (op("m/embedding/GatherV2", 1, 1e-4, "m/embedding", op_type="GatherV2"),)


def again(kind: str, count: int = 10, what: str = "building", extra_s: float = 4.0) -> Again:
    cause = Cause(kind, "x", "batch 32 → 17", "pad the last batch")
    line = Line("train.py", 12)
    return Again(what, "step", line, line, cause, count, count, extra_s / 2, extra_s)


def rebuilt(*args: Any, mode_name: str = "graph", **more: Any) -> SessionEvidence:
    return session(mode(mode_name, again=(again(*args, **more),), later_calls_s=10.0))


def fit(**more: Any) -> SessionEvidence:
    facts, cores = more.pop("facts", {}), more.pop("cores", None)
    return replace(session(mode("fit", **more), **facts), cores=cores)


CASES: dict[str, tuple[SessionEvidence, SessionEvidence]] = {
    "retrace_python_scalar": (rebuilt("python_value"), rebuilt("python_value", count=1)),
    "retrace_shape": (rebuilt("shape"), rebuilt("shape", extra_s=0.01)),
    "retrace_python_object": (rebuilt("object"), rebuilt("first")),
    "function_recreated_in_loop": (rebuilt("anew"), rebuilt("same")),
    "xla_recompile_shape": (
        rebuilt("xla", what="compiling", mode_name="xla"), rebuilt("xla", 1, what="compiling"),
    ),
    "dispatch_bound_eager_loop": (
        session(mode("eager", 0.1), mode("graph", 0.01)),
        session(mode("eager", 0.01), mode("graph", 0.01)),
    ),
    "run_eagerly_left_on": (
        session(mode("fit-eager", 0.1), mode("fit", 0.01)),
        session(mode("fit-eager", 0.01), mode("fit", 0.0099)),
    ),
    "xla_left_off": (
        session(mode("graph", 0.01), mode("xla", 0.005)),
        session(mode("graph", 0.01), mode("xla", 0.0098)),
    ),
    "xla_slower": (
        session(mode("graph", 0.01), mode("xla", 0.02)),
        session(mode("graph", 0.01), mode("xla", 0.0102)),
    ),
    "compile_dominates_short_run": (
        session(mode("graph", 0.01, first_s=1.0), mode("xla", 0.005, first_s=9.0), steps_per_epoch=50),
        session(mode("graph", 0.01, first_s=1.0), mode("xla", 0.005, first_s=9.0), steps_per_epoch=10**5),
    ),
    "fit_per_step_overhead": (fit(parts=THIN, ops=ROWS), fit(parts={"op": 0.98, "python": 0.02})),
    "input_bound_python_generator": (
        fit(parts=WAITS, pipeline=Pipeline({"Generator": 1.0}, python_s=0.9)),
        fit(parts={"input": 0.02, "op": 0.98}),
    ),
    "input_bound_map": (
        fit(parts=WAITS, pipeline=Pipeline({"ParallelMapV2": 1.0}, python_s=0.0)),
        fit(pipeline=Pipeline({"ParallelMapV2": 1.0}, python_s=0.0)),
    ),
    "missing_parallel_map": (
        fit(parts=WAITS, traced_steps=1, pipeline=Pipeline({"Map": 6e-3}, 0.0), cores=4),
        fit(parts=WAITS, traced_steps=1, pipeline=Pipeline({"Map": 6e-3}, 0.0), cores=1),
    ),
    "xla_left_off_some_layers": (
        session(
            mode("graph", 0.010, layers=(layer("m/norm", "forward", 5e-3),)),
            mode("xla", 0.012, layers=(layer("m/norm", "forward", 1e-3),)),
        ),
        session(
            mode("graph", 0.010, layers=(layer("m/norm", "forward", 5e-3),)),
            mode("xla", 0.005, layers=(layer("m/norm", "forward", 1e-3),)),
        ),
    ),
    "missing_prefetch": (
        fit(parts=WAITS, pipeline=Pipeline({"BatchV2": 1.0}, python_s=0.0)), fit(),
    ),
    "input_bound_python_gil": (
        fit(parts=THIN, traced_steps=10, pipeline=Pipeline({"Generator": 0.09}, python_s=0.09)),
        fit(parts=THIN, traced_steps=10, pipeline=Pipeline({"Generator": 0.01}, python_s=0.01)),
    ),
    "batch_too_small": (fit(parts=THIN, ops=ROWS[:1]), fit(ops=ROWS)),
    "graph_loop_small_ops": (
        fit(parts={"runtime": 0.5, "op": 0.5}, ops=LOOP),
        fit(parts={"runtime": 0.5, "op": 0.5}, ops=ROWS),
    ),
    "py_function_in_graph": (fit(parts={"py_function": 0.4, "op": 0.6}), fit()),
    "float64_compute": (fit(resolved={"precision": "float64"}), fit()),
    "float16_on_cpu": (
        fit(resolved={"precision": "mixed_float16"}),
        fit(resolved={"precision": "mixed_float16", "device": "GPU"}),
    ),
    "metric_overhead": (
        fit(layers=(layer("compile_metrics", "metrics", 3e-3),)),
        fit(layers=(layer("compile_metrics", "metrics", 1e-4),)),
    ),
    "optimizer_dense_update": (
        fit(layers=(layer("adam", "optimizer", 6e-3),), ops=EMBED, facts={"parameters": 10**6}),
        fit(layers=(layer("adam", "optimizer", 6e-3),), ops=ROWS, facts={"parameters": 10**6}),
    ),
    "kernel_bound": (fit(), fit(parts=WAITS)),
    "dispatch_bound": (fit(parts=THIN), fit(parts=WAITS)),
}  # fmt: skip


@pytest.mark.parametrize("cause", CASES)
def test_what_is_planted_is_found_and_nothing_else_is_said_without_it(cause: str) -> None:
    planted, healthy = CASES[cause]
    assert cause in [finding.cause for finding in find(planted)]
    assert cause not in [finding.cause for finding in find(healthy)]


def test_a_map_that_does_not_explain_the_wait_is_not_blamed_for_being_serial() -> None:
    stages = {"MapAndBatch": 6e-3, "Map": 1e-4}
    found = find(fit(parts=WAITS, traced_steps=1, pipeline=Pipeline(stages, 0.0), cores=4))
    assert "missing_parallel_map" not in [finding.cause for finding in found]


def test_each_cause_of_the_registry_is_planted() -> None:
    assert {cause for rule in SESSION_RULES for cause in rule.causes} == set(CASES)


def test_a_healthy_session_gets_only_the_note_on_what_bounds_it() -> None:
    found = find(fit(ops=ROWS, parts={"op": 0.98, "python": 0.02}))
    assert [(one.cause, one.severity) for one in found] == [("kernel_bound", "minor")]
    assert found[0].expected_gain.value == 1


def test_a_model_that_was_compiled_to_run_eagerly_is_told() -> None:
    modes = (mode("eager", 0.1), mode("fit", 0.01))
    (found,) = [
        one
        for one in find(session(*modes, compiled_run_eagerly=True))
        if one.cause == "run_eagerly_left_on"
    ]
    assert found.trial == ModeTrial("fit", "fit-eager")
    assert found.expected_gain.value == pytest.approx(10)
    silent = find(session(*modes, compiled_run_eagerly=False))
    assert "run_eagerly_left_on" not in [one.cause for one in silent]


def test_a_measured_ratio_is_expected_again_within_the_errors_of_both_measurements() -> None:
    (found, *_) = find(session(mode("eager", 0.1), mode("graph", 0.01), doubt=0.25))
    gain = found.expected_gain
    wide = 1.25 ** math.sqrt(2)
    assert (gain.value, gain.low, gain.high) == pytest.approx((10, 10 / wide, 10 * wide))
    assert gain.measured
    assert found.trial == ModeTrial("graph", "eager")
    assert found.mode == "eager"
    assert found.severity == "major"


def test_steps_in_a_call_share_what_surrounds_each() -> None:
    (found,) = [one for one in find(fit(parts=THIN)) if one.cause == "fit_per_step_overhead"]
    # Half of the step is around it, and fifteen of sixteen such halves are spared.
    assert found.expected_gain.value == pytest.approx(1 / (1 - 0.5 * 15 / 16))
    assert found.expected_gain.low < found.expected_gain.value < found.expected_gain.high
    assert found.trial == ModeTrial("fit-spe=16", "fit")


def test_an_example_gets_cheaper_by_what_does_not_grow() -> None:
    (found,) = [one for one in find(CASES["batch_too_small"][0]) if one.cause == "batch_too_small"]
    # A fifth of the step is kernels: four times the rows take 1.6 times as long.
    assert found.expected_gain.value == pytest.approx(4 / 1.6)
    assert found.expected_gain.of == "example"
    assert found.trial == WorkloadTrial("fit", {"batch_size": 128}, per="example")


def test_a_mode_that_computes_something_else_is_not_advised() -> None:
    found = find(session(mode("graph", 0.01), mode("xla", 0.005, parity="failed")))
    assert "xla_left_off" not in [one.cause for one in found]


def test_what_is_slower_under_xla_names_the_layer() -> None:
    rows = (layer("m/pool", "backward", 8e-3), layer("m/dense", "forward", 2e-3))
    plain = (layer("m/pool", "backward", 1e-3), layer("m/dense", "forward", 3e-3))
    found = find(session(mode("graph", 0.01, layers=plain), mode("xla", 0.02, layers=rows)))
    (slower,) = [one for one in found if one.cause == "xla_slower"]
    assert "pool" in slower.sentence
    assert "dense" not in slower.sentence


def test_findings_are_found_again_by_their_keys() -> None:
    keys = [finding.key for finding in find(fit(parts=THIN))]
    assert keys == [finding.key for finding in find(fit(parts=THIN, step_s=0.02))]
    assert len(set(keys)) == len(keys)


def test_an_epoch_that_does_not_repay_a_compilation_takes_so_much_longer() -> None:
    planted = CASES["compile_dominates_short_run"][0]
    (found,) = [one for one in find(planted) if one.cause == "compile_dominates_short_run"]
    # 8 s more, 5 ms less a step; 50 steps: 9 s + 49 x 5 ms against 1 s + 49 x 10 ms.
    assert found.expected_gain.of == "epoch"
    assert found.expected_gain.value == pytest.approx((9 + 49 * 0.005) / (1 + 49 * 0.010))
    repaid = next(one for one in found.evidence if one.what.startswith("step at which"))
    assert repaid.value == pytest.approx(8 / 0.005, rel=0.01)


def test_a_step_that_waits_gains_nothing_from_what_is_hidden_behind_the_wait() -> None:
    parts = {"input": 0.3, "python": 0.2, "function_call": 0.2, "dispatch": 0.2, "op": 0.1}
    causes = [one.cause for one in find(fit(parts=parts, ops=ROWS))]
    assert causes == ["missing_prefetch"]


def test_a_retrace_names_argument_and_line_and_costs_what_its_calls_took_more() -> None:
    (found,) = [one for one in find(rebuilt("shape")) if one.cause == "retrace_shape"]
    assert "`x`: batch 32 → 17" in found.sentence
    assert found.location is not None
    assert (found.location.file, found.location.line) == ("train.py", 12)
    assert found.change == "Pad the last batch."
    assert found.expected_gain.value == pytest.approx(10 / (10 - 4))


def test_xla_is_advised_for_the_loop_that_keras_users_run() -> None:
    modes = (mode("graph", 0.010), mode("xla", 0.005), mode("fit", 0.012))
    (found,) = [one for one in find(session(*modes)) if one.cause == "xla_left_off"]
    # 5 ms of the graph's 10 are saved; so they are of the 12 ms of fit.
    assert found.expected_gain.value == pytest.approx(12 / 7)
    assert not found.expected_gain.measured
    assert (found.mode, found.trial) == ("fit", ModeTrial("fit-xla", "fit"))


def test_xla_saves_no_more_in_keras_than_in_a_loop_by_hand() -> None:
    # A noisy machine may show a loop by hand that is slower than Keras's own.
    modes = (mode("graph", 0.012), mode("xla", 0.003), mode("fit", 0.004))
    (found,) = [one for one in find(session(*modes)) if one.cause == "xla_left_off"]
    assert found.expected_gain.value == pytest.approx(4)


@pytest.mark.parametrize(("epoch", "steps", "size"), [(None, 16, 128), (12, 8, 128), (3, 2, 96)])
def test_no_more_is_put_into_a_call_or_a_batch_than_an_epoch_has(epoch, steps, size) -> None:
    evidence = fit(parts=THIN, ops=ROWS[:1], facts={"steps_per_epoch": epoch})
    trials = {one.cause: one.trial for one in find(evidence)}
    assert trials["fit_per_step_overhead"] == ModeTrial(f"fit-spe={steps}", "fit")
    assert trials["batch_too_small"] == WorkloadTrial("fit", {"batch_size": size}, per="example")


def test_layers_with_a_dtype_of_their_own_are_told_by_their_ops() -> None:
    rows = (
        op("m/dense/MatMul", 1, 5e-3, inputs=("float64[?,512]", "float64[512,512]")),
        op("m/head/MatMul", 1, 1e-3, inputs=("float32[?,512]", "float64[]")),
    )
    (found,) = [one for one in find(fit(ops=rows)) if one.cause == "float64_compute"]
    assert found.evidence[0].value == pytest.approx(5e-3)
    assert found.expected_gain.value == pytest.approx(10 / (10 - 0.4 * 5))
    assert found.trial is None
    single = (op("m/dense/MatMul", 1, 9e-3, inputs=("float32[?,512]", "float64[]")),)
    assert "float64_compute" not in [one.cause for one in find(fit(ops=single))]
