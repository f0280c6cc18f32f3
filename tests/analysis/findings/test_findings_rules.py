"""Each rule both ways: its cause planted in a recording is found, and without it there is silence."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from recorded_programs import (
    SITE,
    Op,
    Stage,
    building,
    find,
    loud,
    number,
    place,
    span,
    tensor,
    window,
)

Case = tuple[str, dict[str, Any], dict[str, Any]]


def calls(*runs: dict[str, Any], total: float = 8.0, count: int = 100) -> dict[str, Any]:
    return span("call", "step", total, count, site=SITE, children=list(runs))


def run(index: int = 0, total: float = 5.0, count: int = 100, **more: Any) -> dict[str, Any]:
    return span("run", f"step_{index}", total, count, **more)


def retraced(signatures: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """One function built once for each signature, each execution 20 ms."""
    built = [building(i, signature=s, seconds=0.6, **more) for i, s in enumerate(signatures)]
    runs = [run(i, total=0.2, count=10) for i in range(len(built))]
    return {"spans": [calls(*runs)], "buildings": built}


def changing(make: Any, count: int = 8) -> list[dict[str, Any]]:
    return [{"x": tensor(32, 8), "k": make(i)} for i in range(count)]


def fit(steps: float, *gaps: dict[str, Any], name: str = "fit", **more: Any) -> dict[str, Any]:
    count = more.pop("count", 1)
    step_count = more.pop("step_count", 100)
    children = [
        *gaps,
        span("step", "train_step", steps, step_count, children=more.pop("inner", [])),
    ]
    total = sum(child["total_s"] for child in children)
    return span("keras", name, total, count, site=SITE, children=children, **more)


def keras_call(**more: Any) -> dict[str, Any]:
    return {
        "method": "fit", "site": SITE, "steps": 100, "seconds": 5.0, "epochs_run": 1, "rows": 3200,
        "steps_per_execution": 1, **more,
    }  # fmt: skip


def same(count: int = 1) -> dict[str, Any]:
    """The healthy program: built once, then executed."""
    return retraced([{"x": tensor(32, 8)}] * count)


def sites(samples: int, under: str = "program") -> list[dict[str, Any]]:
    return [
        {
            "site": ["train.py", 12], "function": "train_step", "defined_at": ["train.py", 10],
            "under": under, "samples": samples, "frames": samples, "first_at_s": 1.0,
            "last_at_s": 9.0,
        }
    ]  # fmt: skip


def eager(ops: int, kernel_s: float) -> dict[str, Any]:
    """A loop with so many ops, a traced second of it with 5000 of them."""
    return {
        "spans": [span("update", "Adam", 0.0, 0, ops={"MatMul": [ops, ops * 5e-5]})],
        "op_sites": sites(ops // 16),
        "traced": window(eager_s=0.4, eager_kernel_s=kernel_s, eager_count=5000),
    }


def updates(ops: int) -> dict[str, Any]:
    """Gradients from a graph, the update of the weights outside of it."""
    return {
        "spans": [
            calls(run(total=1.0), total=1.2),
            span("update", "Adam", 6.0, 100, site=SITE, ops={"AssignSub": [ops, 2.0]}),
        ],
        "buildings": [building(0)],
        "op_sites": sites(ops // 16, under="optimizer"),
    }


def loops(executor_s: float, functions: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "spans": [calls(run(total=8.0), total=8.2)],
        "buildings": [building(0, places=[place("While")])],
        "loop_functions": functions,
        "traced": window(run_s=0.95, executor_s=executor_s, op_s=0.95 - executor_s,
                         executor_events=40_000),
        "windows": [{"xplane": "x", "probe": False, "opened_s": 0.0, "seconds": 1.0,
                     "before": {"runs": {"step_0": 0}}, "after": {"runs": {"step_0": 10}}}],
    }  # fmt: skip


def waits(stage: str, wait: float = 0.6, **more: Any) -> dict[str, Any]:
    """fit that waits for a stage."""
    stages = more.pop("stages", [{"op": "MapDataset", "site": SITE, "parallel": False}])
    calls_of_map = more.pop("calls", 10)
    return {
        "spans": [fit(9.0, inner=[run(total=8.5)])],
        "keras_calls": [keras_call()],
        "pipelines": [{"site": SITE, "under": "gap", "iterators": 1, "stages": stages}],
        "traced": window(
            run_s=0.95, op_s=more.pop("op", 0.3), input_wait_s=wait, input_count=10,
            stages=(Stage(f"Iterator::Root::{stage}", 10, 0.7),), function_calls=calls_of_map,
        ),
        **more,
    }  # fmt: skip


def python_producer(total: float, generator: bool) -> list[dict[str, Any]]:
    return [
        {"token": "p", "name": "read", "defined_at": ["data.py", 3], "site": SITE, "count": 100,
         "generator": generator, "for_data": True, "total_s": total, "during": {}}
    ]  # fmt: skip


def fight(python: float, kernels: float) -> dict[str, Any]:
    """A generator that keeps up with the steps but computes all the while."""
    producers = [{**python_producer(9.0, generator=True)[0], "cpu_s": 8.5}]
    setup = waits("Generator", 0.05, op=kernels, producers=producers)
    setup["traced"] = dataclasses.replace(setup["traced"], py_input_s=python)
    return setup


def conversion(total: float, count: int) -> dict[str, Any]:
    one = {
        "type": "list of ndarray",
        "site": SITE,
        "count": count,
        "total_s": total,
        "bytes": 10**8,
    }
    return {"spans": [calls(run(total=1.0), total=1.2)], "buildings": [building(0)],
            "conversions": [one]}  # fmt: skip


def epochs(gap_s: float, validation_s: float = 0.0) -> dict[str, Any]:
    inner = [span("keras", "evaluate", validation_s, 20, site=SITE)] if validation_s else []
    gap = span("gap", "epoch", gap_s + validation_s, 20, children=inner)
    return {
        "spans": [fit(3.0, gap, inner=[run(total=2.8)])],
        "keras_calls": [keras_call(epochs_run=20)],
    }


def steps(gap_s: float, batch: int, op_s: float) -> dict[str, Any]:
    gap = span("gap", "step", gap_s, 2000)
    return {
        "spans": [fit(3.0, gap, step_count=2000, inner=[run(total=1.5, count=2000)])],
        "keras_calls": [keras_call(steps=2000, batch_size=batch, seconds=9.0)],
        "traced": window(run_s=0.3, op_s=op_s),
    }


def dtype(name: str, share: float) -> dict[str, Any]:
    places = [place("MatMul", dtype=name, names=["a/MatMul"]), place("Mul", names=["a/Mul"])]
    ops = (Op("a/MatMul", "MatMul", 10, 0.9 * share), Op("a/Mul", "Mul", 10, 0.9 * (1 - share)))
    return {
        "spans": [calls(run(total=9.0), total=9.2)],
        "buildings": [building(0, places=places)],
        "traced": window(run_s=0.92, op_s=0.9, ops=ops),
    }


def adam(share: float, sparse: bool) -> dict[str, Any]:
    ops = (Op("adam/Sub", "Sub", 10, share), Op("dense/MatMul", "MatMul", 10, 0.9 - share))
    variables = [{"rows": 100_000, "elements": 1_600_000}] if sparse else []
    return {
        "spans": [calls(run(total=9.0), total=9.2)],
        "buildings": [building(0)],
        "optimizers": [{"name": "Adam", "site": SITE, "variables": 4, "sparse": variables}],
        "traced": window(run_s=0.92, op_s=0.9, ops=ops),
    }


def xla_runs(slow: int, change: str) -> dict[str, Any]:
    kept = [0.01] * 30 + [0.4] * slow
    records = [
        {"at_s": 1.0 + i, "seconds": 0.4,
         "shapes": [[i if change == "shapes" else 4, 8]],
         "values": [str(i if change == "values" else 7)]}
        for i in range(slow)
    ]  # fmt: skip
    total = sum(kept) * 2
    return {
        "spans": [calls(run(total=total, count=2 * len(kept), kept=kept, first=0.4), total=total)],
        "buildings": [building(0, jit_compile=True)],
        "slow_runs": {"step_0": records},
    }


def metric(share: float) -> dict[str, Any]:
    places = [place("Greater", owner="metric:AUC", names=["Greater"]), place("Mul", names=["Mul"])]
    ops = (Op("Greater", "Greater", 10, 0.8 * share), Op("Mul", "Mul", 10, 0.8 * (1 - share)))
    return {
        "spans": [fit(9.0, inner=[run(total=8.8)])],
        "keras_calls": [keras_call()],
        "compiles": [{"site": SITE, "model": 0, "metrics": ["AUC"]}],
        "buildings": [building(0, places=places)],
        "traced": window(run_s=0.9, op_s=0.8, ops=ops),
    }


def eager_step(run_eagerly: bool, kernel_s: float) -> dict[str, Any]:
    inner = [span("metric", "Mean", 0.0, 0, ops={"MatMul": [60_000, 3.0]})]
    return {
        "spans": [fit(9.0, inner=inner if run_eagerly else [run(total=8.8)])],
        "keras_calls": [keras_call(run_eagerly=run_eagerly)],
        "compiles": [{"site": SITE, "model": 0, "run_eagerly": run_eagerly, "metrics": []}],
        "traced": window(eager_s=0.5, eager_kernel_s=kernel_s, eager_count=5000),
    }


def shuffled(first_s: float) -> dict[str, Any]:
    return {
        "spans": [
            span("first_next", "", first_s, 2, site=SITE),
            span("next", "", 0.2, 200, site=SITE),
        ],
        "pipelines": [{"site": SITE, "under": "program", "iterators": 2,
                       "stages": [{"op": "ShuffleDataset", "site": SITE, "parallel": False,
                                   "buffer": 5000}]}],
    }  # fmt: skip


def iterators(made: int) -> dict[str, Any]:
    return {
        "spans": [
            span("iterator", "BatchDataset", 0.04 * made, made, site=SITE),
            span("first_next", "", 0.02 * made, made, site=SITE),
            span("next", "", 0.1, 100 - made, site=SITE),
        ]
    }


def many_calls(count: int, seconds: float) -> dict[str, Any]:
    gap = span("gap", "call", seconds, 2 * count)
    return {"spans": [fit(1.0, gap, name="predict", count=count, step_count=count)]}


def many_fits(count: int, seconds: float) -> dict[str, Any]:
    gap = span("gap", "call", seconds, 2 * count)
    return {"spans": [fit(1.0, gap, name="fit", count=count, step_count=count)]}


def models(count: int) -> dict[str, Any]:
    built = [building(i, function=i, seconds=0.7) for i in range(count)]
    return {"spans": [calls(*[run(i, 0.2, 5) for i in range(count)])], "buildings": built}


def unrolled(repeats: int) -> dict[str, Any]:
    chain = [SITE]
    places = [place("MatMul", repeats, direct=True, chain=chain),
              place("Tanh", repeats, direct=True, chain=chain)]  # fmt: skip
    built = building(0, seconds=5.0, op_count=2000, places=places)
    return {"spans": [calls(run(total=3.0))], "buildings": [built]}


def short(executions: int, jit: bool = False, first: float = 5.0) -> dict[str, Any]:
    built = building(0, seconds=1.0, op_count=400, jit_compile=jit)
    usual = 0.002
    later = [usual] * min(executions - 1, 30)
    total = first + usual * (executions - 1)
    one = run(total=total, count=executions, first=first, kept=later)
    return {"spans": [calls(one, total=total + 1.2, count=executions)], "buildings": [built]}


def in_graph(total: float) -> dict[str, Any]:
    producer = {**python_producer(total, generator=False)[0], "for_data": False}
    return {"spans": [fit(9.0, inner=[run(total=8.8)])], "keras_calls": [keras_call()],
            "producers": [producer]}  # fmt: skip


def callback(total: float) -> dict[str, Any]:
    inside = span("callback", "Monitor.on_train_batch_end", total, 100, site=["train.py", 7])
    gap = span("gap", "step", total + 0.1, 100, children=[inside])
    return {"spans": [fit(2.0, gap, inner=[run(total=1.9)])], "keras_calls": [keras_call()]}


def reads(total: float) -> dict[str, Any]:
    one = {"site": SITE, "count": 1000, "total_s": total, "bytes": 4000}
    return {"spans": [calls(run(total=2.0), total=2.2)], "buildings": [building(0)], "reads": [one]}


def own_python(seconds: float, rounds: int = 200, **more: Any) -> dict[str, Any]:
    line = {"site": SITE, "called": "", "function": "prepare", "lines": [8, 20], "generator": False,
            "samples": int(seconds * 50), "rounds": rounds, "seconds": seconds}  # fmt: skip
    return {
        "spans": [calls(run(total=2.0), total=2.2)], "buildings": [building(0)],
        "own_python": {"seconds": 7.0, "lines": [line | more.pop("line", {})]}, **more,
    }  # fmt: skip


SERIAL = [{"op": "MapDataset", "site": SITE, "parallel": False}]
PARALLEL = [{"op": "ParallelMapDataset", "site": SITE, "parallel": True}]
MAP_FN = [{"function": "map_fn", "site": SITE, "elements": 64, "for_data": False}]

CASES: list[Case] = [
    ("retrace_python_scalar", retraced(changing(lambda i: number(i))), same(2)),
    ("retrace_shape", retraced(changing(lambda i: tensor(i + 1, 4))), same(2)),
    (
        "retrace_python_object",
        retraced(changing(lambda i: {"kind": "object", "type": "Config", "id": i})),
        same(2),
    ),
    (
        "xla_recompile_shape",
        retraced(changing(lambda i: tensor(i + 1, 4)), jit_compile=True),
        xla_runs(0, "shapes"),
    ),
    ("xla_recompile_shape", xla_runs(12, "shapes"), xla_runs(0, "shapes")),
    ("xla_recompile_value", xla_runs(12, "values"), xla_runs(2, "values")),
    ("function_recreated_in_loop", models(8), models(2)),
    ("unrolled_loop_trace_time", unrolled(150), unrolled(4)),
    ("compile_dominates_short_run", short(2), short(2, first=0.05)),
    ("xla_compile_time", short(3000, jit=True), short(3000, jit=True, first=0.1)),
    ("dispatch_bound_eager_loop", eager(80_000, kernel_s=0.05), eager(800, kernel_s=0.05)),
    ("dispatch_bound_eager_loop", eager(50_000, kernel_s=0.05), eager(50_000, kernel_s=0.98)),
    ("eager_optimizer_update", updates(40_000), updates(100)),
    ("run_eagerly_left_on", eager_step(True, 0.05), eager_step(False, 0.05)),
    ("run_eagerly_left_on", eager_step(True, 0.05), eager_step(True, 0.97)),
    ("graph_loop_small_ops", loops(0.7, []), loops(0.05, [])),
    ("sequential_map_fn", loops(0.7, MAP_FN), loops(0.05, MAP_FN)),
    ("py_function_in_graph", in_graph(4.0), in_graph(0.05)),
    ("host_sync_per_step", reads(4.0), reads(0.02)),
    ("host_python_per_step", own_python(5.0), own_python(0.5)),
    ("host_python_per_step", own_python(5.0), own_python(5.0, rounds=1)),
    (
        "host_sync_per_step",
        own_python(5.0, reads=reads(0.1)["reads"]),
        own_python(5.0, reads=[{**reads(0.1)["reads"][0], "site": ["train.py", 40]}]),
    ),
    (
        "input_bound_python_generator",
        own_python(5.0, line={"generator": True}),
        own_python(5.0, rounds=2, line={"generator": True}),
    ),
    (
        "host_conversion_per_step",
        own_python(
            5.0,
            line={"called": "convert_to_tensor_v2"},
            conversions=conversion(0.2, 100)["conversions"],
        ),
        own_python(5.0, line={"called": "fit"}, conversions=conversion(0.2, 100)["conversions"]),
    ),
    ("host_conversion_per_step", conversion(6.0, 100), conversion(6.0, 1)),
    ("predict_per_call_overhead", many_calls(100, 7.0), many_calls(2, 0.2)),
    ("fit_per_call_overhead", many_fits(100, 7.0), many_fits(2, 0.2)),
    ("fit_epoch_overhead", epochs(5.0), epochs(0.1)),
    ("validation_every_epoch", epochs(0.1, validation_s=6.0), epochs(0.1, validation_s=0.3)),
    ("fit_per_step_overhead", steps(5.0, 128, 0.1), steps(0.1, 128, 0.9)),
    ("batch_too_small", steps(5.0, 2, 0.1), steps(0.1, 2, 0.9)),
    ("callback_overhead", callback(6.0), callback(0.1)),
    ("metric_overhead", metric(0.6), metric(0.01)),
    ("input_bound_shuffle", shuffled(6.0), shuffled(0.02)),
    ("iterator_recreated_per_step", iterators(95), iterators(2)),
    (
        "input_bound_python_generator",
        waits("FlatMap[0]::Generator", producers=python_producer(6.0, generator=True)),
        waits("Generator", 0.01, producers=python_producer(6.0, generator=True)),
    ),
    (
        "input_bound_python_gil",
        waits("MapAndBatch", producers=python_producer(6.0, generator=False)),
        waits("MapAndBatch", 0.01, producers=python_producer(6.0, generator=False)),
    ),
    ("input_bound_python_gil", fight(0.9, kernels=0.05), fight(0.9, kernels=0.9)),
    ("input_per_element_map", waits("Map", calls=5000), waits("Map", 0.01, calls=5000)),
    (
        "input_bound_map",
        waits("Prefetch::ParallelMapV2", stages=PARALLEL, op=0.1),
        waits("Prefetch::ParallelMapV2", 0.01, stages=PARALLEL),
    ),
    (
        "missing_parallel_map",
        waits("Prefetch::Map", stages=SERIAL, op=0.05),
        waits("Prefetch::Map", 0.01, stages=SERIAL),
    ),
    ("missing_prefetch", waits("Map", 0.45, op=0.5), waits("Map", 0.01, op=0.9)),
    ("float64_compute", dtype("float64", 0.9), dtype("float32", 0.9)),
    ("float16_on_cpu", dtype("float16", 0.9), dtype("float16", 0.01)),
    ("optimizer_dense_update", adam(0.7, sparse=True), adam(0.7, sparse=False)),
]


def names(case: Case) -> str:
    return case[0]


def said(setup: dict[str, Any]) -> list[str]:
    arguments = dict(setup)
    return loud(find(*arguments.pop("spans"), **arguments))


@pytest.mark.parametrize("case", CASES, ids=names)
def test_planted_cause_is_among_the_first_two(case: Case) -> None:
    cause, planted, _ = case
    assert cause in said(planted)[:2]


@pytest.mark.parametrize("case", CASES, ids=names)
def test_without_the_cause_nothing_is_said_of_it(case: Case) -> None:
    cause, _, absent = case
    assert cause not in said(absent)


def test_kernel_bound_program_gets_a_note_and_no_more() -> None:
    findings = find(
        calls(run(total=9.0), total=9.2),
        buildings=[building(0)],
        traced=window(run_s=0.97, op_s=0.95, ops=(Op("dense/MatMul", "MatMul", 10, 0.9),)),
    )
    assert [(one.cause, one.severity) for one in findings] == [("kernel_bound", "minor")]


def test_program_that_does_nothing_gets_no_finding() -> None:
    assert find(work=0.5) == ()
