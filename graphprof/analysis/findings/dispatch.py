"""Many small ops are run eagerly from Python, in the user's own loop."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from graphprof.analysis.findings.base import Draft, Number, Rule
from graphprof.analysis.findings.evidence import EAGER_OP_S, GRAPH_OP_S, MUCH_PYTHON, Evidence
from graphprof.analysis.programs.recording import Line, Span

_ELSEWHERE = (
    "build",
    "keras",
    "callback",
    "dataset",
    "iterator",
    "next",
    "first_next",
    "compile",
    "import",
    "call_eagerly",
    "profiler",
)
_FEWEST_OPS = 1500
_OPS_PER_VARIABLE = 8
_MOST_DRIFT = 4.0
_DATA_OPS = ("Dataset", "Iterator", "IteratorGetNext")


def op_cost_s(evidence: Evidence) -> float:
    """What one eager op takes, Python around it included, by the windows or a stated guess."""
    traced = evidence.traced
    if traced is None or traced.eager_count < 200:
        return EAGER_OP_S
    busy = traced.seconds - traced.run_s - traced.input_wait_s - traced.delete_s
    inside = traced.eager_s / traced.eager_count
    # Python between two ops is theirs up to a point; beyond, it is the user's own computing.
    cost = min(max(busy, traced.eager_s) / traced.eager_count, inside + 4 * EAGER_OP_S)
    return cost * _drift(evidence, inside)


def _drift(evidence: Evidence, inside_s: float) -> float:
    """How much longer the program's usual op took than those of the windows.

    The windows lie early; a machine that gets busy later makes all ops slower. The usual op is the
    median over all ops of the mean length of their kind: a few heavy ones do not move it.
    """
    counts: dict[str, int] = {}
    lengths: dict[str, float] = {}
    for span in _own_spans(evidence.recording.tree):
        for name, (count, seconds) in span.ops.items():
            if not name.startswith("<"):
                counts[name] = counts.get(name, 0) + count
                lengths[name] = lengths.get(name, 0.0) + seconds
    half = sum(counts.values()) / 2
    for mean_s, count in sorted((lengths[name] / n, n) for name, n in counts.items() if n):
        half -= count
        if half <= 0:
            return min(_MOST_DRIFT, max(1.0, mean_s / inside_s)) if inside_s > 0 else 1.0
    return 1.0


def dispatch_share(evidence: Evidence) -> float:
    """Which part of an eager op's cost is not its kernel."""
    traced = evidence.traced
    if traced is None or traced.eager_count < 50:
        return 0.7
    kernel = traced.eager_kernel_s / traced.eager_count
    return max(0.0, 1.0 - kernel / max(op_cost_s(evidence), kernel, 1e-9))


def loop_ops(evidence: Evidence) -> tuple[int, float]:
    """Eager ops of the user's own loops: how many, and seconds inside them."""
    count, seconds = 0, 0.0
    for span in _own_spans(evidence.recording.tree):
        for name, (n, s) in span.ops.items():
            if not name.startswith("<") and not any(part in name for part in _DATA_OPS):
                count, seconds = count + n, seconds + s
    return count, seconds


def _own_spans(span: Span) -> list[Span]:
    found = [span]
    for child in span.children:
        if child.kind not in _ELSEWHERE:
            found += _own_spans(child)
    return found


def find(evidence: Evidence) -> list[Draft]:
    """The loop that is bound by dispatch, and the optimizer that updates outside of the graph."""
    count, inside = loop_ops(evidence)
    once = _ops_of_once(evidence)
    repeated = count - max(once, _OPS_PER_VARIABLE * _variables(evidence))
    if repeated < _FEWEST_OPS:
        return []
    # What was seen to be the user's own Python is no price of an op.
    cost = max(inside, op_cost_s(evidence) * count - evidence.own_python_s) / count
    share = dispatch_share(evidence)
    lost = min(repeated * cost * share, evidence.work_s)
    updates = evidence.spans("update")
    update_ops = sum(span.all_ops("build")[0] for span in updates)
    update_s = sum(span.total_s for span in updates)
    drafts = []
    if updates and update_ops >= 0.5 * repeated and _gradients_in_graph(evidence):
        drafts.append(_update_draft(evidence, updates, update_ops, update_s))
    drafts.append(_loop_draft(evidence, repeated, cost, share, 0.85 * lost))
    return drafts


def _variables(evidence: Evidence) -> int:
    """Variables made by the user's own code: each brings the ops that initialise it."""
    return sum(
        span.ops.get("VarHandleOp", (0, 0.0))[0] for span in _own_spans(evidence.recording.tree)
    )


def _ops_of_once(evidence: Evidence) -> int:
    """Ops of lines that ran once: building the model, making the data."""
    every = 16
    once = sum(
        int(site["samples"])
        for site in _sites(evidence)
        if site["last_at_s"] - site["first_at_s"] < 0.05 * evidence.work_s
    )
    return once * every


def _sites(evidence: Evidence) -> list[dict[str, Any]]:
    return [
        site
        for site in evidence.recording.many("op_sites")
        if site["under"] not in _ELSEWHERE and site["under"] not in ("gap", "step", "first_step")
    ]


def _gradients_in_graph(evidence: Evidence) -> bool:
    calls = sum(span.count for span in evidence.recording.tree.below("call"))
    updates = sum(span.count for span in evidence.spans("update"))
    return calls >= 0.5 * updates > 0


def _update_draft(evidence: Evidence, updates: list[Span], ops: int, seconds: float) -> Draft:
    calls = sum(span.count for span in updates)
    saved_s = 0.85 * min(seconds, evidence.work_s)
    return Draft(
        cause="eager_optimizer_update",
        sentence=(
            f"{updates[0].name} updates the weights outside of the graph: {ops} eager ops in "
            f"{calls} updates"
        ),
        line=max(updates, key=lambda span: span.total_s).line,
        evidence=(
            Number("updates outside a graph", calls, "count"),
            Number("their eager ops", ops, "count"),
            Number("time in them", seconds, "s"),
            Number("share of the main work", evidence.share(seconds), "share"),
        ),
        saved_s=saved_s,
        surely_s=0.6 * saved_s,
        at_most_s=seconds,
        confidence=0.95,
        change="Move optimizer.apply_gradients(...) into the tf.function that computes the gradients",
        refuted_by="The updates take as long inside the graph.",
        supersedes=("dispatch_bound_eager_loop",),
    )


def _loop_draft(evidence: Evidence, ops: int, cost: float, share: float, saved_s: float) -> Draft:
    line, name = _function(evidence)
    source = "watch" if evidence.traced is None else "trace"
    return Draft(
        cause="dispatch_bound_eager_loop",
        sentence=(
            f"`{name}` runs op by op from Python: {ops} small ops, of each of which "
            f"{100 * share:.0f} % is dispatch"
        ),
        line=line,
        evidence=(
            Number("eager ops in loops", ops, "count"),
            Number("cost of one, Python included", cost, "s", source),  # type: ignore[arg-type]
            Number("of it not in its kernel", share, "share", source),  # type: ignore[arg-type]
            Number("share of the main work", evidence.share(saved_s), "share"),
        ),
        saved_s=saved_s,
        surely_s=0.5 * saved_s,
        # In a graph the kernels remain, and what the executor needs for each op.
        at_most_s=min(
            1.3 * saved_s,
            max(saved_s, evidence.work_s - ops * (cost * (1 - share) + GRAPH_OP_S)),
        ),
        confidence=0.85,
        change=f"Put @tf.function on `{name}`",
        refuted_by="The time per step stays the same under tf.function: the kernels take it.",
        # Reads of tensors are dispatch as well, but what Python does with their values is not.
        supersedes=("host_sync_per_step",)
        if share > 0.5 and evidence.share(evidence.own_python_s) < MUCH_PYTHON
        else (),
    )


def _function(evidence: Evidence) -> tuple[Line | None, str]:
    """The user's function whose ops are many: its definition when it is called again and again,
    else the busiest line of the loop in it.
    """
    by_function: dict[tuple[str, int, str], list[dict[str, Any]]] = defaultdict(list)
    for site in _sites(evidence):
        if site["last_at_s"] - site["first_at_s"] < 0.05 * evidence.work_s:
            continue
        file, first = site["defined_at"]
        by_function[file, first, site["function"]].append(site)
    if not by_function:
        return None, "the loop"
    (file, first, name), sites = max(
        by_function.items(), key=lambda item: sum(one["samples"] for one in item[1])
    )
    busiest = max(sites, key=lambda one: one["samples"])
    called_often = sum(one["frames"] for one in sites) > 3 * len(sites)
    if name == "<module>" or not called_often:
        return Line(busiest["site"][0], busiest["site"][1]), (
            "the loop" if name == "<module>" else name
        )
    return Line(file, first), name


RULES: tuple[Rule[Evidence, Draft], ...] = (
    Rule(
        causes=("dispatch_bound_eager_loop",),
        proof="Thousands of eager ops outside Keras's loops on lines that run again and again; "
        "their number times the cost of one, without its kernel, is the loss.",
        refutation="The kernels take most of an op's time, or the ops are those of building the "
        "model once.",
        find=find,
    ),
    Rule(
        causes=("eager_optimizer_update",),
        proof="Optimizer updates outside a graph make most of the eager ops, while the gradients "
        "come from a tf.function.",
        refutation="The forward pass is eager as well, or the updates take little.",
        find=lambda _evidence: [],
    ),
)
