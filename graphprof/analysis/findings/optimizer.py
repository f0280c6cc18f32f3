"""A dense update of a large variable of which each step uses a few rows."""

from __future__ import annotations

from typing import Any

from graphprof.analysis.findings.base import Draft, Number, Rule
from graphprof.analysis.findings.evidence import Evidence
from graphprof.analysis.programs.recording import Line, to_line

_LARGE = 100_000


def find(evidence: Evidence) -> list[Draft]:
    """A draft an optimizer that got sparse gradients of a large variable."""
    traced = evidence.traced
    drafts = []
    for one in evidence.recording.many("optimizers"):
        elements = sum(variable["elements"] for variable in one["sparse"])
        if elements < _LARGE or traced is None:
            continue
        scope = one["name"].lower()
        total = sum(op.total_s for op in traced.ops)
        own = sum(op.total_s for op in traced.ops if _of_optimizer(evidence, op, scope))
        if not total:
            continue
        lost = evidence.of_steady(traced.op_s * own / total)
        drafts.append(_draft(evidence, one, elements, own / total, lost))
    return drafts


def _of_optimizer(evidence: Evidence, op: Any, scope: str) -> bool:
    if f"/{scope}/" in f"/{op.name}".lower():
        return True
    place = evidence.place(op)
    return place is not None and place.owner.startswith("optimizer:")


def _draft(
    evidence: Evidence, one: dict[str, Any], elements: int, share: float, lost: float
) -> Draft:
    name = one["name"]
    return Draft(
        cause="optimizer_dense_update",
        sentence=(
            f"{name} updates all {elements} numbers of an embedding in every step, though the "
            "gradient has a few rows"
        ),
        line=_line(evidence, one),
        evidence=(
            Number("numbers with a sparse gradient", elements, "count"),
            Number("optimizer's share of kernel time", share, "share", "trace"),
            Number("time in the update, whole program", lost, "s", "trace"),
            Number("share of the main work", evidence.share(lost), "share", "trace"),
        ),
        saved_s=0.9 * lost,
        surely_s=0.5 * lost,
        at_most_s=lost,
        confidence=0.9,
        change=f"An optimizer whose update touches the used rows only (SGD without momentum, "
        f"Adagrad; the result differs from {name}), or a smaller or hashed table",
        refuted_by="The step takes as long with a table of a tenth of the rows.",
        supersedes=("kernel_bound",),
    )


def _line(evidence: Evidence, one: dict[str, Any]) -> Line | None:
    for made in evidence.recording.many("optimizers_made"):
        if made["name"] == one["name"] and made.get("site"):
            return to_line(made["site"])
    return to_line(one.get("site"))


RULES = (
    Rule(
        causes=("optimizer_dense_update",),
        proof="Sparse gradients (IndexedSlices) of a variable with a hundred thousand numbers or "
        "more, and the optimizer's share of kernel time.",
        refutation="The optimizer takes less than 3 % of the main work.",
        find=find,
    ),
)
