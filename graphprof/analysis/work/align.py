"""The same work in two modes: which ops of one took the place of which ops of the other.

Owner and pass are the common ancestor: work never moves from one layer to another, as far as the
labels are right. Inside each, ops are matched in this order:

1. by name, where both modes were built from the same graph (graph, XLA, Keras's loops): an XLA
   instruction says which ops it does the work of;
2. by the TensorFlow op type (eager ops have no name);
3. what a compiler left without a name of TensorFlow's (half of XLA's instructions) goes to the ops
   of the same owner and pass that have no counterpart yet;
4. what is left over goes to a fused op of the same owner and pass, unless the graphs show that it met
   another end: ``_FusedConv2D`` took in BiasAdd and Relu;
5. what is still left has *vanished* (folded, eliminated, made an address) or *appeared* (layout
   copies, casts, the pieces that XLA makes of an op); the graphs of the modes, where they were
   recorded, say why (``graphprof.analysis.work.vanishing``).

Matches that share an op are joined, so that a match reads 1:1, 1:N or N:M.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from graphprof.analysis.work.ops import OpRow
from graphprof.trace.opnames import base_type, is_fused

# Ops that compute nothing: when a graph has them no more, they were folded, not fused.
_PLUMBING = frozenset(
    {
        *("Shape", "ShapeN", "Size", "Rank", "Reshape", "Squeeze", "ExpandDims", "Identity"),
        *("Const", "EagerConst", "ReadVariableOp", "BroadcastGradientArgs", "NoOp"),
    }
)

FUSED = "fused into "
"""How an explanation begins that names a fused op."""

How = Literal["same", "fused", "rewritten", "vanished", "appeared"]


@dataclass(frozen=True)
class Side:
    """Ops of one type of one mode in a match.

    Attributes:
        op_type: as recorded.
        calls: runs in a step.
        wall_s: part of the mean step, seconds; None where no run was recorded.
        why: what became of them, or what they are for, where they have no counterpart and the graphs
            show it; else empty.
    """

    op_type: str
    calls: float
    wall_s: float | None
    why: str = ""


@dataclass(frozen=True)
class Match:
    """Ops of the left mode and what does their work in the right mode.

    Attributes:
        owner: path of the layer, or name of the loss, optimizer or metric.
        in_pass: the pass.
        how: ``same`` (op for op), ``fused`` (fewer ops do the work), ``rewritten`` (other ops do),
            ``vanished`` (no op on the right), ``appeared`` (no op on the left).
        left: the ops of the left mode.
        right: the ops of the right mode.
    """

    owner: str
    in_pass: str
    how: How
    left: tuple[Side, ...]
    right: tuple[Side, ...]


@dataclass(frozen=True)
class Alignment:
    """All matches between two modes; shares are of calls, 0 to 1, None where there are none.

    Attributes:
        matches: largest time (of either side) first.
        left_mapped: share of the left mode's ops that have a counterpart.
        left_vanished: share that has none although their layer and pass is there on the right.
        right_mapped: share of the right mode's ops that have a counterpart.
        left_unlabelled: share of the left mode's ops that belong to no layer, and so to no match.
        left_explained: share that has none, and of which a graph shows why.
        left_mapped_time: like ``left_mapped``, of time instead of calls.
        right_mapped_time: like ``right_mapped``, of time instead of calls.
    """

    matches: tuple[Match, ...]
    left_mapped: float | None
    left_vanished: float | None
    right_mapped: float | None
    left_unlabelled: float | None
    left_explained: float | None
    left_mapped_time: float | None
    right_mapped_time: float | None


Explain = Callable[[str, str, str], str]
"""Says why ops have no counterpart, by owner, pass and TensorFlow op type; empty when unknown."""


def align(
    left: Iterable[OpRow],
    right: Iterable[OpRow],
    vanished: Explain | None = None,
    appeared: Explain | None = None,
) -> Alignment:
    """Match the op tables of two modes.

    Args:
        left: ops of one.
        right: ops of the other.
        vanished: why ops of the left mode are not in the right one.
        appeared: what ops of the right mode are for that are not in the left one.
    """
    groups: defaultdict[tuple[str, str], tuple[list[OpRow], list[OpRow]]] = defaultdict(
        lambda: ([], [])
    )
    for side, rows in enumerate((left, right)):
        for row in rows:
            groups[row.owner, row.in_pass][side].append(row)
    matches: list[Match] = []
    unlabelled = 0.0
    for (owner, in_pass), (ours, theirs) in groups.items():
        if not owner:
            unlabelled += sum(row.calls for row in ours)
            continue
        found = _in_group(owner, in_pass, ours, theirs, vanished, appeared)
        matches += [_explained(match, vanished, appeared) for match in found]
    matches.sort(key=lambda match: (-_time(match), match.owner, match.in_pass, match.how))
    return _summed(tuple(matches), unlabelled)


def _time(match: Match) -> float:
    return max(sum(side.wall_s or 0.0 for side in sides) for sides in (match.left, match.right))


def _explained(match: Match, vanished: Explain | None, appeared: Explain | None) -> Match:
    """Say why the ops of a match have no counterpart, where they have none."""

    def said(explain: Explain, sides: tuple[Side, ...]) -> tuple[Side, ...]:
        return tuple(
            replace(side, why=explain(match.owner, match.in_pass, base_type(side.op_type)))
            for side in sides
        )

    if match.how == "vanished" and vanished is not None:
        return replace(match, left=said(vanished, match.left))
    if match.how == "appeared" and appeared is not None:
        return replace(match, right=said(appeared, match.right))
    return match


def _in_group(
    owner: str,
    in_pass: str,
    left: list[OpRow],
    right: list[OpRow],
    vanished: Explain | None,
    appeared: Explain | None,
) -> list[Match]:
    links = _links(left, right)
    fused = [place for place, row in enumerate(right) if _is_fusion(row)]
    links |= {
        (one, other)
        for one in _loose(left, links, 0)
        for other in fused
        if _may_be_in(left[one], right[other], vanished)
    }
    fused = [place for place, row in enumerate(left) if _is_fusion(row)]
    links |= {
        (one, other)
        for other in _loose(right, links, 1)
        for one in fused
        if _may_be_in(right[other], left[one], appeared)
    }
    found = []
    for ours, theirs in _components(len(left), len(right), links):
        sides = _side(left[place] for place in ours), _side(right[place] for place in theirs)
        found.append(Match(owner, in_pass, _how(*sides), *sides))
    return found


def _links(left: list[OpRow], right: list[OpRow]) -> set[tuple[int, int]]:
    links = set(_shared(map(_names, left), map(_names, right)))
    named = {place for place, _ in links}
    types = (_types(row) if place not in named else frozenset() for place, row in enumerate(left))
    links.update(_shared(types, map(_types, right)))
    _link_pieces(left, right, links)
    return links


def _shared(
    left: Iterable[frozenset[str]], right: Iterable[frozenset[str]]
) -> Iterator[tuple[int, int]]:
    """Pairs of places that have a word in common."""
    places: defaultdict[str, list[int]] = defaultdict(list)
    for place, words in enumerate(right):
        for word in words:
            places[word].append(place)
    for place, words in enumerate(left):
        for word in words:
            for other in places.get(word, ()):
                yield place, other


def _may_be_in(row: OpRow, fusion: OpRow, explain: Explain | None) -> bool:
    """Whether a fused op may have taken in an op, as far as the graphs show what became of it."""
    why = "" if explain is None else explain(row.owner, row.in_pass, row.tf_type)
    into = base_type(why.removeprefix(FUSED)) if why.startswith(FUSED) else ""
    return not why or into == base_type(fusion.op_type)


def _link_pieces(left: list[OpRow], right: list[OpRow], links: set[tuple[int, int]]) -> None:
    """Link what a compiler made of ops and left without a name of theirs.

    Such pieces belong to the ops that have found no counterpart yet, else to the largest op.
    """
    pieces = [place for place in _loose(right, links, 1) if not _types(right[place])]
    if not pieces or not left:
        return
    whole = _loose(left, links, 0) or [
        max(range(len(left)), key=lambda place: (left[place].wall_s or 0.0, -place))
    ]
    links |= {(one, other) for one in whole for other in pieces}


def _loose(rows: list[OpRow], links: set[tuple[int, int]], side: int) -> list[int]:
    """Return the rows without a link, those left out that only look at shapes or hold values."""
    linked = {link[side] for link in links}
    return [
        place
        for place, row in enumerate(rows)
        if place not in linked and row.tf_type not in _PLUMBING
    ]


def _names(row: OpRow) -> frozenset[str]:
    """Return the graph ops that a row does the work of, by name; none for eager ops."""
    if row.implements:
        return frozenset(part.rpartition(":")[0] for part in row.implements)
    name = row.name.removeprefix("StatefulPartitionedCall/")
    return frozenset({name} if name else ())


def _types(row: OpRow) -> frozenset[str]:
    parts = {base_type(part.rpartition(":")[2]) for part in row.implements}
    return frozenset(part for part in (row.tf_type, *parts) if part)


def _is_fusion(row: OpRow) -> bool:
    return is_fused(row.op_type) or len(row.implements) > 1


def _components(
    left: int, right: int, links: set[tuple[int, int]]
) -> list[tuple[list[int], list[int]]]:
    """Join links that share an op; ops without a link stand alone."""
    group = list(range(left + right))

    def find(place: int) -> int:
        while group[place] != place:
            group[place] = group[group[place]]
            place = group[place]
        return place

    for one, other in links:
        group[find(one)] = find(left + other)
    found: defaultdict[int, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
    for place in range(left + right):
        side, own = (0, place) if place < left else (1, place - left)
        found[find(place)][side].append(own)
    return list(found.values())


def _side(rows: Iterable[OpRow]) -> tuple[Side, ...]:
    """Sum rows of one type, those with most time first."""
    calls: defaultdict[str, float] = defaultdict(float)
    wall: dict[str, float] = {}
    for row in rows:
        calls[row.op_type] += row.calls
        if row.wall_s is not None:
            wall[row.op_type] = wall.get(row.op_type, 0.0) + row.wall_s
    sides = [Side(op_type, calls[op_type], wall.get(op_type)) for op_type in calls]
    return tuple(sorted(sides, key=lambda side: (-(side.wall_s or 0.0), side.op_type)))


def _how(left: tuple[Side, ...], right: tuple[Side, ...]) -> How:
    if not right:
        return "vanished"
    if not left:
        return "appeared"
    ours, theirs = (sum(side.calls for side in sides) for sides in (left, right))
    types = [{base_type(side.op_type) for side in sides} for sides in (left, right)]
    if types[0] == types[1]:
        return "same"
    return "fused" if theirs < ours else "rewritten"


def _summed(matches: tuple[Match, ...], unlabelled: float) -> Alignment:
    def total(side: int, hows: Iterable[How], what: str) -> float:
        counted = (match for match in matches if match.how in hows)
        sides = (one for match in counted for one in (match.left, match.right)[side])
        return sum(one.calls if what == "calls" else one.wall_s or 0.0 for one in sides)

    def share(part: float, whole: float) -> float | None:
        return part / whole if whole else None

    explained = sum(
        side.calls
        for match in matches
        if match.how == "vanished"
        for side in match.left
        if side.why
    )
    both: tuple[How, ...] = ("same", "fused", "rewritten")
    ours = total(0, (*both, "vanished"), "calls") + unlabelled
    theirs = total(1, (*both, "appeared"), "calls")
    return Alignment(
        matches=matches,
        left_mapped=share(total(0, both, "calls"), ours),
        left_vanished=share(total(0, ("vanished",), "calls"), ours),
        right_mapped=share(total(1, both, "calls"), theirs),
        left_unlabelled=share(unlabelled, ours),
        left_explained=share(explained, ours),
        left_mapped_time=share(total(0, both, "wall_s"), total(0, (*both, "vanished"), "wall_s")),
        right_mapped_time=share(total(1, both, "wall_s"), total(1, (*both, "appeared"), "wall_s")),
    )
