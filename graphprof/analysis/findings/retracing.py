"""The same ``tf.function`` is built again because its arguments differ."""

from __future__ import annotations

from collections import Counter

from graphprof.analysis.building import retraces
from graphprof.analysis.findings.base import Draft, Number, Rule
from graphprof.analysis.findings.evidence import Evidence
from graphprof.analysis.findings.xla import own_line
from graphprof.analysis.programs.recording import Building

_CAUSES = {
    "shape": "retrace_shape",
    "rank": "retrace_shape",
    "dtype": "retrace_shape",
    "object": "retrace_python_object",
    "none": "retrace_python_object",
    "structure": "retrace_python_object",
    "kind": "retrace_python_object",
}
_WHAT = {
    "retrace_python_scalar": "a Python value that changes is part of its signature",
    "retrace_shape": "its inputs change shape or dtype",
    "retrace_python_object": "it gets another Python object or structure each time",
    "xla_recompile_shape": "its inputs change shape, and XLA compiles for each shape",
}


def find(evidence: Evidence) -> list[Draft]:
    """One draft a function that was built again."""
    by_function: dict[int, list[Building]] = {}
    for building in evidence.outer_buildings:
        by_function.setdefault(building.function, []).append(building)
    drafts = [_judge(evidence, built) for built in by_function.values() if len(built) > 1]
    return [draft for draft in drafts if draft is not None]


def _judge(evidence: Evidence, built: list[Building]) -> Draft | None:
    blame: dict[str, float] = {}
    saved_s = 0.0
    details: list[str] = []
    worst: dict[str, retraces.Difference] = {}
    again = 0
    for number, building in enumerate(built[1:], start=1):
        found = retraces.explain(building, built[:number])
        if not found:
            continue  # the same signature: variables were made in the first building
        again += 1
        price = evidence.price_s(building)
        saved_s += price
        first = found[0]
        cause = _cause(first)
        blame[cause] = blame.get(cause, 0.0) + price
        worst.setdefault(cause, first)
        if len(details) < 12:
            where = building.called_from
            place = f"{where.file}:{where.line}" if where else "?"
            details.append(f"{place}: {'; '.join(one.sentence for one in found[:3])}")
    if not again:
        return None
    cause = max(blame, key=lambda name: blame[name])
    guilty = worst[cause]
    supersedes: tuple[str, ...] = ("compile_dominates_short_run",)
    if cause == "retrace_shape" and any(evidence.jit(one) for one in built):
        cause = "xla_recompile_shape"
        supersedes += ("retrace_shape", "xla_compile_time")
    calls = Counter(one.called_from for one in built[1:] if one.called_from)
    line = calls.most_common(1)[0][0] if calls else built[0].defined_at
    if cause == "xla_recompile_shape":
        line = own_line(built[0])
    name = built[0].name.rsplit(".", 1)[-1]
    return Draft(
        cause=cause,
        sentence=(
            f"`{name}` was built {again + 1} times because {_WHAT[cause]}: "
            f"`{guilty.argument}`: {guilty.words}"
        ),
        line=line,
        evidence=(
            Number("buildings of this function", again + 1, "count"),
            Number("cost of the repeated buildings", saved_s, "s"),
            Number("share of the main work", evidence.share(saved_s), "share"),
        ),
        saved_s=saved_s,
        surely_s=0.7 * saved_s,
        # Graphs that are built also have to be freed: between the calls, where nothing is seen.
        # But one building remains.
        at_most_s=min(
            1.1 * saved_s + evidence.beside_s,
            max(saved_s, evidence.work_s - evidence.price_s(built[0])),
        ),
        confidence=0.95,
        change=guilty.cure,
        once=True,
        refuted_by="The number of buildings stays the same after the change.",
        details=tuple(details),
        supersedes=supersedes,
    )


def _cause(difference: retraces.Difference) -> str:
    if difference.cause == "python_value":
        inside = "[" in difference.argument or "." in difference.argument
        return "retrace_python_object" if inside else "retrace_python_scalar"
    return _CAUSES[difference.cause]


RULES = (
    Rule(
        causes=(
            "retrace_python_scalar",
            "retrace_shape",
            "retrace_python_object",
            "xla_recompile_shape",
        ),
        proof="Two buildings of one tf.function whose signatures differ in an argument, and the "
        "time that the later ones took, first executions included.",
        refutation="The function is built once, or its repeated buildings cost less than 3 % of "
        "the main work.",
        find=find,
    ),
)
