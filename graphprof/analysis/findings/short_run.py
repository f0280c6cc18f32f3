"""Building and compiling cost more than the run can repay."""

from __future__ import annotations

from graphprof.analysis.findings.base import Draft, Number, Rule
from graphprof.analysis.findings.evidence import EAGER_OP_S, GRAPH_OP_S, Evidence
from graphprof.analysis.programs.recording import Building, Line, to_line

_LEAST_SHARE = 0.2
_LONG = 0.5
_EAGER_OF_BUILDING = 0.25
"""An eager op costs about a quarter of making the same op in a graph (0.2 to 0.3 measured), which
also holds on a slow or busy machine, where the stated cost does not."""


def find(evidence: Evidence) -> list[Draft]:
    """One draft for all functions whose price is not repaid."""
    unpaid: list[tuple[Building, float, float]] = []
    for building in evidence.outer_buildings:
        runs = evidence.runs.get(building.concrete)
        if runs is None:
            continue
        price = evidence.price_s(building)
        if runs.total_s - runs.first_s > _LONG * price:
            continue  # the run is not short: its executions take as long as the price
        steps = runs.count * _steps_per_run(evidence, building)
        repaid = steps * _saved_per_step_s(evidence, building)
        if price > repaid:
            unpaid.append((building, price, repaid))
    price = sum(one[1] for one in unpaid)
    lost = sum(one[1] - one[2] for one in unpaid)
    if not unpaid or evidence.share(price) < _LEAST_SHARE:
        return []
    return [_draft(evidence, unpaid, price, lost)]


def _steps_per_run(evidence: Evidence, building: Building) -> int:
    here = [
        call
        for call in evidence.recording.many("keras_calls")
        if to_line(call.get("site")) == building.called_from
    ]
    return max((int(call.get("steps_per_execution") or 1) for call in here), default=1)


def _saved_per_step_s(evidence: Evidence, building: Building) -> float:
    """What one execution saves against the cheaper way: op by op, or for XLA the plain graph."""
    runs = evidence.runs[building.concrete]
    ops = evidence.op_count(building)
    usual = runs.usual_s
    if evidence.jit(building):
        # Without XLA the step would still be built; a few times its XLA time is the most it costs.
        return ops * GRAPH_OP_S + (usual or 0.0)
    making = _EAGER_OF_BUILDING * building.seconds / max(1, ops)
    eager = ops * max(EAGER_OP_S, making)
    return max(0.0, eager - min(usual or 0.0, ops * GRAPH_OP_S))


def _draft(
    evidence: Evidence, unpaid: list[tuple[Building, float, float]], price: float, lost: float
) -> Draft:
    worst = max(unpaid, key=lambda one: one[1] - one[2])[0]
    runs = evidence.runs[worst.concrete]
    xla = any(evidence.jit(one) for one, _, _ in unpaid)
    if xla:
        # The graph must be built in either case: only what XLA adds can be saved.
        lost = sum(
            min(evidence.first_excess_s(one), max(0.0, unsaved - repaid))
            for one, unsaved, repaid in unpaid
        )
    per_step = _saved_per_step_s(evidence, worst)
    needed = int(evidence.price_s(worst) / per_step) + 1 if per_step > 0 else None
    what = "Compiling with XLA" if xla else "Building the graph"
    name = worst.name.rsplit(".", 1)[-1]
    line = worst.called_from
    if xla:
        line = _asked_for_xla(evidence) or line
    return Draft(
        cause="compile_dominates_short_run",
        sentence=(
            f"{what} of `{name}` took {price:.1f} s and it was executed {runs.count} times: the "
            "run is too short to repay it"
            + (f" (about {needed} executions would)" if needed else "")
        ),
        line=line,
        evidence=(
            Number("building, compiling and first execution", price, "s"),
            Number("executions", runs.count, "count"),
            Number("share of the main work", evidence.share(price), "share"),
        ),
        saved_s=lost,
        surely_s=0.4 * lost,
        at_most_s=max(min(1.2 * lost, price), 0.0 if xla else _calls_s(evidence, worst)),
        confidence=0.75,
        change=(
            "jit_compile=False for short runs"
            if xla
            else "Call the model directly, model(x, training=False), for a few calls; keep the "
            "graph for long runs"
        ),
        once=True,
        refuted_by="The program is meant to run much longer than it did here.",
    )


def _calls_s(evidence: Evidence, building: Building) -> float:
    """The calls of predict that were built for: called directly, a model needs nothing around it
    (a pipeline, an iterator, callbacks) either.
    """
    return sum(
        call.total_s
        for call in evidence.keras
        if call.name == "predict" and call.line == building.called_from
    )


def _asked_for_xla(evidence: Evidence) -> Line | None:
    """The line that asked for XLA, as far as Keras's compile() did."""
    for record in evidence.recording.many("compiles"):
        if record.get("jit_compile"):
            return to_line(record.get("site"))
    return None


RULES = (
    Rule(
        causes=("compile_dominates_short_run",),
        proof="The price of building, compiling and first execution is a fifth of the main work or "
        "more, and the executions saved less than it (ops in the graph times the cost of an eager "
        "op; for XLA times that of a graph op).",
        refutation="The executions have repaid the price: the run is past the break-even.",
        find=find,
    ),
)
