"""One building that is long because a Python loop was unrolled into the graph."""

from __future__ import annotations

import ast
import linecache
from collections import Counter
from functools import cache

from graphprof.analysis.findings.base import Draft, Number, Rule
from graphprof.analysis.findings.evidence import Evidence
from graphprof.analysis.programs.recording import Building, Line, to_line

_FEWEST_REPEATS = 12
_FEWEST_OPS = 400
_LOOPS = (ast.For, ast.While, ast.ListComp, ast.GeneratorExp, ast.DictComp, ast.SetComp)


def find(evidence: Evidence) -> list[Draft]:
    """One draft a building with many repeats of the same code."""
    drafts = []
    for building in evidence.outer_buildings:
        ops = evidence.op_count(building)
        if ops < _FEWEST_OPS:
            continue
        repeats, line = _repeats(evidence, building)
        if repeats >= _FEWEST_REPEATS:
            drafts.append(_draft(evidence, building, ops, repeats, line))
    return drafts


def _repeats(evidence: Evidence, building: Building) -> tuple[int, Line | None]:
    """How often the same code ran while the graph was built, and the line that repeats it."""
    best, line = 0, building.called_from
    for one in evidence.inside(building):
        for layer in one.layers:
            if layer["calls"] > best:
                best, line = layer["calls"], to_line(layer.get("site"))
        seen: Counter[tuple[str, tuple[Line, ...]]] = Counter()
        for place in one.places:
            if place.direct and place.line is not None:
                seen[place.type, place.chain] += place.count
        # One line may hold several ops of a type, so the count of its rarest type is taken.
        by_chain: dict[tuple[Line, ...], list[int]] = {}
        for (_, chain), count in seen.items():
            by_chain.setdefault(chain, []).append(count)
        for chain, counts in by_chain.items():
            if min(counts) > best and sum(counts) >= 0.1 * one.op_count:
                best, line = min(counts), _looping(chain)
    return best, _unrolled_layer(evidence) or line


def _looping(chain: tuple[Line, ...]) -> Line:
    """The innermost of the lines that stands in a loop: the op's own, or a call that led to it."""
    return next((line for line in chain if line.line in _lines_in_loops(line.file)), chain[0])


@cache
def _lines_in_loops(file: str) -> frozenset[int]:
    """Lines of a file that a loop of their own function goes over; none where it cannot be read."""
    try:
        tree = ast.parse("".join(linecache.getlines(file)))
    except (SyntaxError, ValueError):
        return frozenset()
    found: set[int] = set()
    for loop in ast.walk(tree):
        if isinstance(loop, _LOOPS):
            found.update(range(loop.lineno, (loop.end_lineno or loop.lineno) + 1))
    return frozenset(found)


def _unrolled_layer(evidence: Evidence) -> Line | None:
    found = evidence.recording.many("unrolled")
    return to_line(found[0].get("site")) if found else None


def _draft(
    evidence: Evidence, building: Building, ops: int, repeats: int, line: Line | None
) -> Draft:
    price = evidence.price_s(building)
    compiling = evidence.first_excess_s(building) if evidence.jit(building) else 0.0
    # Half of what XLA takes is left to its own rule: the loop is one cause of it, XLA the other.
    saved_s = (price - 0.5 * compiling) * 0.9 * (1 - 1 / repeats)
    name = building.name.rsplit(".", 1)[-1]
    unrolled = evidence.recording.many("unrolled")
    return Draft(
        cause="unrolled_loop_trace_time",
        sentence=(
            f"A Python loop of about {repeats} rounds was unrolled into the graph of `{name}`: "
            f"{ops} ops, {price:.1f} s until its first result"
        ),
        line=line,
        evidence=(
            Number("building and first execution", price, "s"),
            Number("ops in the graph", ops, "count"),
            Number("repeats of the same code", repeats, "count"),
            Number("share of the main work", evidence.share(price), "share"),
        ),
        saved_s=saved_s,
        surely_s=0.5 * saved_s,
        at_most_s=price,
        confidence=0.9,
        change=(
            "Remove unroll=True"
            if unrolled
            else "Loop over tf.range(...) (or tf.while_loop, tf.scan) instead of Python's range()"
        ),
        once=True,
        refuted_by="The number of ops does not fall when the number of rounds is halved.",
        supersedes=("compile_dominates_short_run",),
    )


RULES = (
    Rule(
        causes=("unrolled_loop_trace_time",),
        proof="One building with hundreds of ops in which the same layer or the same line of the "
        "user's code was run a dozen times or more, and the time until its first result.",
        refutation="The graph has few ops, or different layers make them, or the price is less "
        "than 3 % of the main work.",
        find=find,
    ),
)
