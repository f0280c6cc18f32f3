"""Cause -> the edits to try for it, the best first; and the findings with what they give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from graphprof import trials
from graphprof.analysis.findings.base import Finding
from graphprof.analysis.findings.edits import (
    functions,
    graphs,
    host,
    keras_arguments,
    keras_calls,
    keras_epochs,
    loops,
    nested_arguments,
    numerics,
    pipeline,
)
from graphprof.analysis.findings.edits.base import Files, Make, Subject
from graphprof.analysis.findings.evidence import Evidence
from graphprof.analysis.trials import patching
from graphprof.trials import SourceTrial, Tried

EDITS: dict[str, tuple[Make, ...]] = {
    "retrace_python_scalar": (functions.tensor_argument,),
    "retrace_python_object": (nested_arguments.tensors_inside,),
    "retrace_shape": (functions.one_graph_for_shapes,),
    "function_recreated_in_loop": (loops.function_before_loop,),
    "iterator_recreated_per_step": (loops.iterator_before_loop,),
    "run_eagerly_left_on": (keras_arguments.eagerly_off,),
    "dispatch_bound_eager_loop": (graphs.function_on_step,),
    "eager_optimizer_update": (graphs.function_around_update,),
    "unrolled_loop_trace_time": (keras_arguments.unroll_off, graphs.loop_in_graph),
    "sequential_map_fn": (graphs.vectorized,),
    "graph_loop_small_ops": (graphs.jit_on,),
    "xla_compile_time": (keras_arguments.jit_off,),
    "xla_recompile_shape": (functions.without_xla, keras_arguments.jit_off),
    "xla_recompile_value": (keras_arguments.jit_off,),
    "compile_dominates_short_run": (keras_arguments.jit_off, keras_calls.call_directly),
    "fit_epoch_overhead": (keras_epochs.one_epoch,),
    "fit_per_step_overhead": (keras_arguments.several_steps,),
    "validation_every_epoch": (keras_arguments.validate_less_often,),
    "predict_per_call_overhead": (keras_calls.predict_on_batch,),
    "fit_per_call_overhead": (keras_calls.train_on_batch,),
    "batch_too_small": (pipeline.larger_batch,),
    "missing_prefetch": (pipeline.prefetch,),
    "missing_parallel_map": (pipeline.parallel_map,),
    "input_bound_map": (pipeline.cache,),
    "input_per_element_map": (pipeline.batch_first,),
    "float64_compute": (numerics.float32,),
    "float16_on_cpu": (numerics.float32,),
    "host_conversion_per_step": (host.stack_first,),
    "host_sync_per_step": (host.read_at_once,),
}


def attach(
    findings: Sequence[Finding], evidence: Evidence, tried: dict[str, Tried]
) -> tuple[Finding, ...]:
    """The findings with their keys, the exact change where it can be made, and what trying showed.

    Args:
        findings: as the rules gave them.
        evidence: what they rest on.
        tried: key -> what the last trial showed.
    """
    files = Files(evidence.recording)
    return tuple(_with_trial(finding, evidence, files, tried) for finding in findings)


def _with_trial(
    finding: Finding, evidence: Evidence, files: Files, tried: dict[str, Tried]
) -> Finding:
    where = finding.location
    subject = f"{where.file}:{where.line}" if where is not None else ""
    key = trials.key(finding.cause, subject)
    finding = replace(finding, key=key, verified=tried.get(key))
    trial = make(Subject(finding, evidence, files))
    if trial is None:
        changed = where is not None and where.file in files.changed
        note = "The file has changed since the program ran: no diff is given"
        return replace(finding, details=(*finding.details, note)) if changed else finding
    return replace(
        finding,
        change=f"{finding.change}\n{patching.short(trial.patch)}",
        trial=trial,
    )


def make(subject: Subject) -> SourceTrial | None:
    """The first edit for the finding's cause that can be made, as a trial."""
    for one in EDITS.get(subject.finding.cause, ()):
        edit = one(subject)
        source = subject.files.open(edit.file) if edit is not None else None
        if edit is None or source is None:
            continue
        try:
            text = source.changed(edit.changes)
        except ValueError:  # what it would give is no Python: it cannot be made here
            continue
        if text == source.text:
            continue
        patch = patching.diff(source.text, text, edit.file.lstrip("/"))
        digest = patching.sha256(source.data)
        return SourceTrial(edit.file, patch, digest, edit.sentence, edit.alters)
    return None
