"""A loop inside the graph over tiny ops: the executor, not the kernels, takes the time."""

from __future__ import annotations

from graphprof.analysis.findings.base import Draft, Number, Rule
from graphprof.analysis.findings.evidence import Evidence
from graphprof.analysis.programs.recording import Line, Place, to_line

_LOOP_OPS = ("While", "StatelessWhile", "TensorListReserve", "TensorListSetItem")
_EVENTS_PER_RUN = 600


def find(evidence: Evidence) -> list[Draft]:
    """A draft when executor activity outweighs kernels in functions with loops."""
    traced = evidence.traced
    if traced is None or traced.run_s <= 0:
        return []
    runs = _runs_in_windows(evidence)
    loops = _loops(evidence)
    if not loops or traced.executor_events < _EVENTS_PER_RUN * max(1, runs):
        return []
    loop_ops_s = sum(op.total_s for op in traced.ops if "/while" in op.name or "while/" in op.name)
    inside = min(traced.executor_s + loop_ops_s, traced.run_s)
    if inside < 0.3 * traced.run_s:
        return []
    lost = evidence.of_steady(inside)
    functions = [
        one
        for one in evidence.recording.many("loop_functions")
        if not one.get("for_data") and (one.get("elements") or 8) >= 4
    ]
    if functions:
        return [_map_draft(evidence, functions, lost, runs)]
    return [_loop_draft(evidence, loops, lost, runs)]


def _runs_in_windows(evidence: Evidence) -> int:
    total = 0
    for window in evidence.recording.windows:
        before, after = window.before.get("runs", {}), window.after.get("runs", {})
        if not window.probe or len(evidence.recording.windows) == 1:
            total += sum(count - before.get(name, 0) for name, count in after.items())
    return total


def _loops(evidence: Evidence) -> list[Place]:
    return [
        place
        for building in evidence.recording.buildings
        if not building.for_data
        for place in building.places
        if place.type in _LOOP_OPS and not place.owner
    ]


def _numbers(evidence: Evidence, lost: float, runs: int) -> tuple[Number, ...]:
    traced = evidence.traced
    assert traced is not None
    return (
        Number("ops executed in the windows", traced.executor_events, "count", "trace"),
        Number("calls of built functions there", runs, "count", "trace"),
        Number("executor without kernels", traced.share(traced.executor_s), "share", "trace"),
        Number("time in the loop, whole program", lost, "s", "trace"),
    )


def _map_draft(
    evidence: Evidence, functions: list[dict[str, object]], lost: float, runs: int
) -> Draft:
    first = functions[0]
    name = str(first["function"])
    elements = first.get("elements")
    over = f"{elements} elements" if elements else "the elements"
    return Draft(
        cause="sequential_map_fn",
        sentence=f"tf.{name} runs its body once for each of {over}, one small op after the other",
        line=to_line(first.get("site")),
        evidence=_numbers(evidence, lost, runs),
        saved_s=0.85 * lost,
        surely_s=0.5 * lost,
        at_most_s=0.98 * lost,
        confidence=0.9,
        change="Write the body for the whole batch at once (broadcasting), or tf.vectorized_map",
        refuted_by="The step takes as long with the batched form.",
        supersedes=("graph_loop_small_ops", "fit_per_step_overhead", "batch_too_small"),
    )


def _loop_draft(evidence: Evidence, loops: list[Place], lost: float, runs: int) -> Draft:
    return Draft(
        cause="graph_loop_small_ops",
        sentence="A loop inside the graph runs tiny ops one after the other: the executor takes "
        "more time than the kernels",
        line=_line(loops),
        evidence=_numbers(evidence, lost, runs),
        saved_s=0.75 * lost,
        surely_s=0.3 * lost,
        at_most_s=0.95 * lost,
        confidence=0.8,
        change="Do more in each round (whole tensors, larger batches), or jit_compile=True for the "
        "function with the loop",
        refuted_by="The time per step does not fall with half the rounds.",
        supersedes=("fit_per_step_overhead", "batch_too_small"),
    )


def _line(loops: list[Place]) -> Line | None:
    whiles = [place for place in loops if "While" in place.type and place.line is not None]
    chosen = whiles or [place for place in loops if place.line is not None]
    return chosen[0].line if chosen else None


RULES: tuple[Rule[Evidence, Draft], ...] = (
    Rule(
        causes=("graph_loop_small_ops",),
        proof="Functions with a loop in their graph, hundreds of executed ops a call, and an "
        "executor busy for a third of the calls' time or more outside of kernels.",
        refutation="Kernels take the time, or the graph has no loop.",
        find=find,
    ),
    Rule(
        causes=("sequential_map_fn",),
        proof="The same with the loop made by tf.map_fn, tf.scan or tf.foldl, seen while building.",
        refutation="Each round depends on the one before in a way that cannot be batched.",
        find=lambda _evidence: [],
    ),
)
