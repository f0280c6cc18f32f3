"""XLA compiles again though the function was built once, or compiles very long."""

from __future__ import annotations

from typing import Any

from graphprof.analysis.findings.base import Draft, Number, Rule
from graphprof.analysis.findings.evidence import Evidence, Runs
from graphprof.analysis.programs.recording import Building, Line

_SLOW = 8.0
_LEAST_S = 0.02


def find(evidence: Evidence) -> list[Draft]:
    """Recompilations by shape or value, and long compilations."""
    drafts = []
    for concrete, runs in evidence.runs.items():
        building = evidence.by_concrete.get(concrete)
        if building is None or not evidence.jit(building):
            continue
        again = _again(evidence, building, runs)
        if again is not None:
            drafts.append(again)
        elif (long := _long(evidence, building, runs)) is not None:
            drafts.append(long)
    return drafts


def _again(evidence: Evidence, building: Building, runs: Runs) -> Draft | None:
    records: list[dict[str, Any]] = (evidence.recording.raw.get("slow_runs") or {}).get(
        runs.name, []
    )
    quick = runs.quick_s
    if quick is None or len(records) < 3:
        return None
    limit = max(_SLOW * quick, _LEAST_S)
    slow = [one for one in records if one["seconds"] >= limit]
    compiled = _compiled_in_windows(evidence)
    if len(slow) < 3:
        # Every execution may be a compilation, then none is quick; the windows tell.
        if not compiled:
            return None
        slow = records
    shapes = {str(one["shapes"]) for one in slow}
    values = {str(one["values"]) for one in slow}
    # Batches that a function takes from an iterator are no arguments: nothing is known of them.
    unknown = values == {"[]"} and len(shapes) < 2
    by_shape = unknown or len(shapes) >= max(2, len(slow) // 2)
    if not by_shape and len(values) < 2 and not compiled:
        return None
    usual = min(quick, min(one["seconds"] for one in records))
    lost = _lost(runs, usual if len(slow) < len(records) or not compiled else 0.1 * usual, limit)
    lost = min(lost, runs.total_s - runs.first_s)
    cause = "xla_recompile_shape" if by_shape else "xla_recompile_value"
    what = "each new input shape" if by_shape else "each new value that it needs as a constant"
    if unknown:
        what = "what its iterator brings, most likely batches of other shapes"
    name = building.name.rsplit(".", 1)[-1]
    details = (
        ()
        if unknown
        else tuple(
            f"{one['seconds']:.2f} s: "
            + (f"shapes {one['shapes']}" if by_shape else f"values {one['values']}")
            for one in slow[:6]
        )
    )
    return Draft(
        cause=cause,
        sentence=f"XLA compiles `{name}` again for {what}, though it was built once",
        line=own_line(building),
        evidence=(
            Number("slow executions of the built function", len(slow), "count"),
            Number("a quick execution", usual, "s"),
            Number("time lost in slow executions", lost, "s"),
            Number("XLA compilations in the windows", compiled, "count", "trace"),
        ),
        saved_s=lost,
        surely_s=0.6 * lost,
        at_most_s=1.1 * lost,
        confidence=0.85,
        change=(
            "Pad the inputs to one shape (or a few), or leave jit_compile off"
            if by_shape
            else "Use the value inside tensors only (tf.gather, tf.where, masks) instead of in "
            "slices, shapes or loop bounds, or leave jit_compile off"
        ),
        once=True,
        refuted_by="No execution after the first is slow when shapes and values stay the same.",
        details=details,
        supersedes=("compile_dominates_short_run", "xla_compile_time", "retrace_shape"),
    )


def own_line(building: Building) -> Line | None:
    """Where the compiled function is defined, when that is the user's code, else its call."""
    defined = building.defined_at
    library = defined is None or "site-packages" in defined.file
    return building.called_from if library else defined


def _lost(runs: Runs, usual: float, limit: float) -> float:
    slow = [value for value in runs.later_s if value >= limit] or list(runs.later_s)
    share = len(slow) / max(1, len(runs.later_s))
    mean = sum(slow) / max(1, len(slow))
    return max(0.0, (runs.count - 1) * share * (mean - usual))


def _compiled_in_windows(evidence: Evidence) -> int:
    """XLA compilations in windows in which nothing was built."""
    if evidence.traced is None:
        return 0
    built = any(
        window.before.get("buildings") != window.after.get("buildings")
        for window in evidence.recording.windows
    )
    return 0 if built else evidence.traced.compile_count


def _long(evidence: Evidence, building: Building, runs: Runs) -> Draft | None:
    excess = evidence.first_excess_s(building)
    if evidence.share(excess) < 0.1 or excess < 0.3:
        return None
    name = building.name.rsplit(".", 1)[-1]
    few = runs.count < 20
    return Draft(
        cause="xla_compile_time",
        sentence=f"XLA compiled `{name}` once, for {excess:.1f} s ({evidence.op_count(building)} ops)",
        line=own_line(building),
        evidence=(
            Number("first execution beyond a usual one", excess, "s"),
            Number("share of the main work", evidence.share(excess), "share"),
            Number("executions", runs.count, "count"),
        ),
        saved_s=excess * (0.6 if few else 0.85),
        surely_s=0.3 * excess,
        at_most_s=excess,
        confidence=0.6 if few else 0.8,
        change="jit_compile=False, or XLA for the hot part alone; loops with tf.while_loop instead "
        "of unrolled Python",
        once=True,
        refuted_by="The first execution takes as long without jit_compile.",
    )


RULES: tuple[Rule[Evidence, Draft], ...] = (
    Rule(
        causes=("xla_recompile_shape", "xla_recompile_value"),
        proof="Executions of one built function, long after the first, that take eight times a "
        "quick one or more, with other shapes (or other small whole numbers) than before; or XLA "
        "compilations in a window without a building.",
        refutation="Slow executions have the shapes and values of quick ones.",
        find=find,
    ),
    Rule(
        causes=("xla_compile_time",),
        proof="The first execution of a jit-compiled function takes a tenth of the main work or "
        "more beyond a usual one.",
        refutation="The first execution is as long without XLA.",
        find=lambda _evidence: [],
    ),
)
