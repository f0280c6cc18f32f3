"""Steps that wait for their batches."""

from __future__ import annotations

from graphprof import units
from graphprof.analysis.findings.base import Link, Number, Rule
from graphprof.analysis.findings.sessions.base import Proposal
from graphprof.analysis.findings.sessions.evidence import (
    ModeEvidence,
    SessionEvidence,
    from_python,
)
from graphprof.analysis.trials.whatif import Step, saving
from graphprof.trials import Interval, WorkloadTrial

LEAST_SHARE = 0.08
"""Waits shorter than this share of a step are those of fetching any batch."""
CACHED_BATCHES = 8
COLD = (0.2, 0.4)
"""Share of the rest of a step that waits which it likely, and at most, takes longer for having waited:
woken threads, cold caches, and whoever makes the batches at work beside it."""

WORTH_TRYING = 1.1
_EXPLAINS = 0.5
_SERIAL_MAP = "Map"
_SHARE_OF_PYTHON = 0.2
_LEAST_LOCKED = 0.4
_LEAST_AROUND = 0.25
_AROUND_THE_WAIT = ("batch_too_small", "fit_per_step_overhead", "kernel_bound", "dispatch_bound")


def find(evidence: SessionEvidence) -> list[Proposal]:
    """The usual mode waits for input."""
    mode = evidence.usual
    if mode is None or mode.step is None or mode.step.share("input") < LEAST_SHARE:
        return []
    cause, change, whose = _cause(evidence, mode)
    share = mode.step.share("input")
    stages = mode.pipeline.stages if mode.pipeline else {}
    link = Link("timeline", mode.mode, "Iterator::")
    wait = Number("waiting for a batch in a step", mode.step.seconds("input"), "s", "trace", link)
    return [
        Proposal(
            cause=cause,
            mode=mode.mode,
            sentence=f"A step of {mode.mode} waits for its batch {units.share(share)} of its time: {whose}.",
            evidence=(wait, mode.part("share of the step", "input")),
            gain=_without_waiting(mode.step),
            confidence=0.85,
            change=change,
            refuted_by="With batches that lie in memory the step takes as long.",
            details=tuple(
                f"stage {name}: {units.seconds(own_s)} in the recorded steps"
                for name, own_s in list(stages.items())[:3]
            ),
            trial=WorkloadTrial(mode.mode, {"input.cache": CACHED_BATCHES}),
            # While the step waits, what else it does is hidden behind the wait.
            supersedes=_AROUND_THE_WAIT,
        )
    ]


_ARRAYS = (
    "Make the batches without Python: arrays, or tf.data with"
    " .map(f, num_parallel_calls=tf.data.AUTOTUNE), .cache() where they fit into memory,"
    " .prefetch(tf.data.AUTOTUNE) at the end."
)
_PARALLEL = (
    "dataset.map(f, num_parallel_calls=tf.data.AUTOTUNE), .cache() after what is the same"
    " in each epoch, .prefetch(tf.data.AUTOTUNE) at the end."
)
_PREFETCH = "dataset.prefetch(tf.data.AUTOTUNE), and .cache() where the data fit into memory."


def _cause(evidence: SessionEvidence, mode: ModeEvidence) -> tuple[str, str, str]:
    """Cause, change, and whose fault it is in words."""
    stages, python_s = (mode.pipeline.stages, mode.pipeline.python_s) if mode.pipeline else ({}, 0)
    total_s = sum(stages.values())
    if from_python(evidence.workload) or python_s > _SHARE_OF_PYTHON * total_s > 0:
        return "input_bound_python_generator", _ARRAYS, "Python makes the batches"
    slowest = mode.pipeline.slowest if mode.pipeline else None
    if slowest is not None and "Map" in slowest:
        return "input_bound_map", _PARALLEL, "a map of its pipeline is slower than the step"
    named = (
        f"the pipeline ({slowest}) is slower than the step" if slowest else "its pipeline is slow"
    )
    return "missing_prefetch", _PREFETCH, named


def _without_waiting(step: Step) -> Interval:
    """All of the wait, and some of the rest: a step that has waited finds cores and caches cold."""
    wait = step.seconds("input")
    rest = step.traced_s - wait
    return saving(step, wait, wait + COLD[0] * rest, wait + COLD[1] * rest)


def find_serial_map(evidence: SessionEvidence) -> list[Proposal]:
    """A map that makes one batch after the other while the step waits and cores are left."""
    mode, cores = evidence.usual, evidence.cores or 1
    if mode is None or mode.step is None or mode.pipeline is None or not mode.traced_steps:
        return []
    making = mode.pipeline.stages.get(_SERIAL_MAP, 0.0) / mode.traced_steps
    wait = mode.step.seconds("input")
    if mode.step.share("input") < LEAST_SHARE or _cause(evidence, mode)[0] != "input_bound_map":
        return []
    if making < _EXPLAINS * wait:
        return []  # what the step waits for is elsewhere, or runs in parallel already
    # Each batch costs the map's time and the rest of the step, on all cores together.
    rest = mode.step.traced_s - wait
    spread = max(rest, (making + rest) / cores)
    gain = saving(mode.step, 0.0, max(0.0, mode.step.traced_s - spread), min(wait, making))
    if gain.value < WORTH_TRYING:
        return []
    link = Link("timeline", mode.mode, f"Iterator::.*{_SERIAL_MAP}")
    return [
        Proposal(
            cause="missing_parallel_map",
            mode=mode.mode,
            sentence=(
                f"A map of the input of {mode.mode} makes one batch after the other on one of"
                f" {cores} hardware threads."
            ),
            evidence=(
                Number("the map's own time a step", making, "s", "trace", link),
                Number("waiting for a batch in a step", wait, "s", "trace", link),
            ),
            gain=gain,
            confidence=0.7,
            change="dataset.map(f, num_parallel_calls=tf.data.AUTOTUNE)",
            refuted_by="With num_parallel_calls the step takes as long: the step needs all cores itself.",
            trial=WorkloadTrial(mode.mode, {"input.parallel": 1}),
        )
    ]


def find_lock(evidence: SessionEvidence) -> list[Proposal]:
    """Python makes the batches while the step needs the interpreter as well."""
    mode = evidence.usual
    if mode is None or mode.step is None or mode.pipeline is None or not mode.traced_steps:
        return []
    if mode.step.share("input") >= LEAST_SHARE:
        return []  # the step waits for its batch outright: `find` says so
    making = mode.pipeline.python_s / mode.traced_steps
    around = mode.step.seconds("python", "function_call", "dispatch", "idle")
    if making < _LEAST_LOCKED * mode.step.traced_s or around < _LEAST_AROUND * mode.step.traced_s:
        return []
    lost = min(making, around)
    link = Link("timeline", mode.mode, "PyFunc")
    return [
        Proposal(
            cause="input_bound_python_gil",
            mode=mode.mode,
            sentence=(
                f"Python makes the batches for {units.share(making / mode.step.traced_s)} of each"
                f" step of {mode.mode}, and the step's own Python waits for the interpreter's lock."
            ),
            evidence=(
                Number("Python in the input pipeline a step", making, "s", "trace", link),
                mode.part("Python, call and dispatch", "python", "function_call", "dispatch"),
            ),
            # At most all of it: where the cores are the limit, what is freed is the step's.
            gain=saving(mode.step, 0.2 * lost, max(0.7 * lost, 0.5 * making), making),
            confidence=0.7,
            change=_ARRAYS,
            refuted_by="With batches that lie in memory the step takes as long.",
            trial=WorkloadTrial(mode.mode, {"input.cache": CACHED_BATCHES}),
            supersedes=_AROUND_THE_WAIT,
        )
    ]


RULES = (
    Rule(
        causes=("input_bound_python_generator", "input_bound_map", "missing_prefetch"),
        proof="Eight hundredths of a traced step or more is waiting for the batch; the stages seen in that wait, or where the data come from, say who makes them.",
        refutation="With batches that lie in memory the step takes as long.",
        find=find,
    ),
    Rule(
        causes=("missing_parallel_map",),
        proof="The step waits for its batch, the slowest stage is a map without parallel calls, and its time spread over the cores is shorter than the step.",
        refutation="With num_parallel_calls the step takes as long.",
        find=find_serial_map,
    ),
    Rule(
        causes=("input_bound_python_gil",),
        proof="Steps do not wait for their batch, but Python in the input pipeline runs for two fifths of a traced step or more, and Python, function call and dispatch take a quarter of it.",
        refutation="With batches that lie in memory the step takes as long.",
        find=find_lock,
    ),
)
