"""Equal functions are built anew: the ``tf.function``, model or compiled step is made in a loop."""

from __future__ import annotations

from collections import Counter

from graphprof.analysis.findings.base import Draft, Number, Rule
from graphprof.analysis.findings.evidence import Evidence
from graphprof.analysis.programs.recording import Building, Line

_FEWEST = 3


def find(evidence: Evidence) -> list[Draft]:
    """One draft a place that makes equal functions again and again."""
    groups: dict[tuple[str, Line | None], list[Building]] = {}
    for building in evidence.outer_buildings:
        key = (building.name, building.defined_at)
        groups.setdefault(key, []).append(building)
    by_line: dict[Line | None, list[list[Building]]] = {}
    for built in groups.values():
        first_of_each = list({one.function: one for one in reversed(built)}.values())
        first_of_each.sort(key=lambda one: one.at_s)
        if len(first_of_each) >= _FEWEST and _most_from_one_line(first_of_each) >= _FEWEST:
            by_line.setdefault(_usual_line(first_of_each), []).append(first_of_each)
    return [_draft(evidence, line, sets) for line, sets in by_line.items()]


def _most_from_one_line(built: list[Building]) -> int:
    return Counter(one.called_from for one in built).most_common(1)[0][1]


def _usual_line(built: list[Building]) -> Line | None:
    return Counter(one.called_from for one in built).most_common(1)[0][0]


def _draft(evidence: Evidence, line: Line | None, sets: list[list[Building]]) -> Draft:
    repeated = [one for built in sets for one in built[1:]]
    saved_s = sum(evidence.price_s(one) for one in repeated)
    count = max(len(built) for built in sets)
    compiles = _compiles(evidence)
    where = compiles or _made_at(evidence, sets) or line
    name = sets[0][0].name.rsplit(".", 1)[-1]
    what = "The model is compiled again" if compiles else f"A new `{name}` is made"
    return Draft(
        cause="function_recreated_in_loop",
        sentence=f"{what} again and again, and each of the {count} is built from the start",
        line=where,
        evidence=(
            Number("functions made and built", count, "count"),
            Number("cost of all but the first building", saved_s, "s"),
            Number("share of the main work", evidence.share(saved_s), "share"),
        ),
        saved_s=saved_s,
        surely_s=0.6 * saved_s,
        # What is built also has to be freed: between the calls, where nothing is seen. But one
        # building of each remains.
        at_most_s=min(
            1.3 * saved_s + evidence.beside_s,
            max(saved_s, evidence.work_s - sum(evidence.price_s(built[0]) for built in sets)),
        ),
        confidence=0.95,
        change=(
            "Call compile() once, before the loop"
            if compiles
            else "Make the model or the tf.function once, before the loop, and call that one"
        ),
        once=True,
        refuted_by="Each function is built once after the change and the time stays the same.",
        details=tuple(
            f"built for {one.called_from.file}:{one.called_from.line}"
            for one in repeated[:6]
            if one.called_from
        ),
        supersedes=(
            "compile_dominates_short_run",
            "retrace_shape",
            "retrace_python_scalar",
            "retrace_python_object",
            "xla_compile_time",
            "unrolled_loop_trace_time",
        ),
    )


def _made_at(evidence: Evidence, sets: list[list[Building]]) -> Line | None:
    """The user's own function that is built: where it is defined."""
    defined = sets[0][0].defined_at
    from_library = evidence.keras and sets[0][0].under in ("step", "first_step", "keras")
    if defined is None or from_library or "site-packages" in defined.file:
        return None
    return defined


def _compiles(evidence: Evidence) -> Line | None:
    """The line that compiles one model again and again, if any does."""
    counts: Counter[tuple[str, int, int]] = Counter()
    for record in evidence.recording.many("compiles"):
        site = record.get("site")
        if site:
            counts[site[0], site[1], record["model"]] += 1
    if not counts:
        return None
    (file, number, _), times = counts.most_common(1)[0]
    return Line(file, number) if times >= _FEWEST else None


RULES = (
    Rule(
        causes=("function_recreated_in_loop",),
        proof="First buildings of at least three equal functions (same definition) led to by one "
        "line, and the time that all but the first took.",
        refutation="The functions are as many as the program needs, or their buildings cost less "
        "than 3 % of the main work.",
        find=find,
    ),
)
