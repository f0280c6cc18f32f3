"""The step is bound by fixed costs that a larger batch would share."""

from __future__ import annotations

from typing import Any

from graphprof.analysis.findings.base import Draft, Number, Rule
from graphprof.analysis.findings.evidence import Evidence
from graphprof.analysis.findings.keras_steps import step_costs
from graphprof.analysis.programs.recording import Line, to_line

_SMALL = 16
_FEWEST_STEPS = 200
_AIM = 128


def find(evidence: Evidence) -> list[Draft]:
    """A draft when many steps of few rows cost the same whatever they hold."""
    if evidence.eagerly:
        return []
    found = _of_keras(evidence) or _of_loops(evidence)
    if found is None:
        return []
    batch, steps, seconds, line = found
    traced = evidence.traced
    if traced is None or traced.seconds <= 0:
        return []
    fixed = 1.0 - traced.share(traced.op_s + traced.input_wait_s + traced.py_step_s)
    if fixed < 0.4:
        return []
    factor = _AIM / batch
    lost = min(seconds, evidence.work_s) * fixed * (1 - 1 / factor)
    return [
        Draft(
            cause="batch_too_small",
            sentence=(
                f"{steps} steps of {batch} rows each: {100 * fixed:.0f} % of a step is the same "
                "for any number of rows"
            ),
            line=line,
            evidence=(
                Number("rows in a batch", batch, "count"),
                Number("steps", steps, "count"),
                Number("part of a step without kernels or input", fixed, "share", "trace"),
                Number("time of the steps", seconds, "s"),
            ),
            saved_s=0.85 * lost,
            surely_s=0.4 * lost,
            at_most_s=lost,
            confidence=0.75 if batch <= 8 else 0.5,
            change=f"A batch of {_AIM} (with the learning rate adapted)",
            refuted_by="Twice the rows take twice the time per step.",
            supersedes=("fit_per_step_overhead",) if batch <= 4 else (),
        )
    ]


def _of_keras(evidence: Evidence) -> tuple[int, int, float, Line | None] | None:
    calls = [
        call
        for call in evidence.recording.many("keras_calls")
        if call.get("steps", 0) >= _FEWEST_STEPS
    ]
    best: dict[str, Any] | None = max(calls, key=lambda call: call["seconds"], default=None)
    if best is None:
        return None
    rows, epochs = best.get("rows"), max(1, int(best.get("epochs_run") or 1))
    batch = best.get("batch_size")
    if batch is None and rows:
        batch = -(-rows // max(1, best["steps"] // epochs))
    if batch is None:
        batch = _batch_of_signature(evidence)
    if not batch or batch > _SMALL:
        return None
    steps, gaps, around, runs = step_costs(evidence)
    return int(batch), steps, gaps + around + runs, to_line(best.get("site"))


def _of_loops(evidence: Evidence) -> tuple[int, int, float, Line | None] | None:
    calls = [span for span in evidence.recording.tree.below("call") if span.count >= _FEWEST_STEPS]
    worst = max(calls, key=lambda span: span.total_s, default=None)
    batch = _batch_of_signature(evidence)
    if worst is None or not batch or batch > _SMALL:
        return None
    return batch, worst.count, worst.total_s, worst.line


def _batch_of_signature(evidence: Evidence) -> int | None:
    """Leading size of the first tensor with two axes or more among the arguments."""
    sizes: list[int] = []

    def look(description: dict[str, Any]) -> None:
        if description["kind"] == "tensor" and len(description.get("shape") or ()) >= 2:
            leading = description["shape"][0]
            if leading:
                sizes.append(int(leading))
        for inner in (description.get("items") or {}).values():
            look(inner)

    for building in evidence.recording.buildings:
        if not building.for_data:
            for description in building.signature.values():
                look(description)
    sizes.extend(
        int(stage["batch"])
        for pipeline in evidence.recording.many("pipelines")
        for stage in pipeline.get("stages", [])
        if stage.get("batch")
    )
    return max(sizes, default=None)


RULES = (
    Rule(
        causes=("batch_too_small",),
        proof="Two hundred steps or more of at most sixteen rows, of which kernels and input take "
        "less than 60 % in the windows.",
        refutation="Kernels take the step, so that more rows take more time.",
        find=find,
    ),
)
