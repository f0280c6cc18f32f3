"""Steps that wait for their batches."""

from __future__ import annotations

from graphprof import units
from graphprof.analysis.findings.base import Link, Number
from graphprof.analysis.findings.sessions.base import Proposal, SessionRule
from graphprof.analysis.findings.sessions.evidence import ModeEvidence, SessionEvidence
from graphprof.analysis.whatif import gone
from graphprof.trials import WorkloadTrial

LEAST_SHARE = 0.08
"""Waits shorter than this share of a step are those of fetching any batch."""
CACHED_BATCHES = 8

_PYTHON = ("Generator", "PyFunc", "generator", "PyDataset")


def find(evidence: SessionEvidence) -> list[Proposal]:
    """The usual mode waits for input."""
    mode = evidence.usual
    if mode is None or mode.step is None or mode.step.share("input") < LEAST_SHARE:
        return []
    cause, change, whose = _cause(evidence, mode)
    share = mode.step.share("input")
    names = mode.names.get("input", ())
    first = next((name for name in names if "Iterator::" in name), None)
    link = Link("timeline", mode.mode, first)
    wait = Number("waiting for a batch in a step", mode.step.seconds("input"), "s", "trace", link)
    return [
        Proposal(
            cause=cause,
            mode=mode.mode,
            sentence=f"A step of {mode.mode} waits for its batch {units.share(share)} of its time: {whose}.",
            evidence=(wait, mode.part("share of the step", "input")),
            gain=gone(mode.step, mode.step.seconds("input")),
            confidence=0.85,
            change=change,
            refuted_by="With batches that lie in memory the step takes as long.",
            details=tuple(names[:3]),
            trial=WorkloadTrial(mode.mode, {"input.cache": CACHED_BATCHES}),
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
    origin = str(evidence.workload.get("data", ""))
    names = " ".join(mode.names.get("input", ()))
    if any(word in names or word in origin for word in _PYTHON):
        return "input_bound_python_generator", _ARRAYS, "Python makes the batches"
    if "Map" in names:
        return "input_bound_map", _PARALLEL, "a map of its pipeline is slower than the step"
    return "missing_prefetch", _PREFETCH, "the pipeline is slower than the step"


RULES = (
    SessionRule(
        causes=("input_bound_python_generator", "input_bound_map", "missing_prefetch"),
        proof="Eight hundredths of a traced step or more is waiting for the batch; the stages seen in that wait, or where the data come from, say who makes them.",
        refutation="With batches that lie in memory the step takes as long.",
        find=find,
    ),
)
