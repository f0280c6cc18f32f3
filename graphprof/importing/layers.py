"""Labels for a trace that came without: guessed from names, and numbered anew.

A graph's op names hold the names of layers, with numbers that depend on what the process made before:
the third model is ``sequential_2``, and a scope that is entered again gets one more. So that the same
model has the same layers in two traces, names that differ by their numbers alone are counted anew in
each trace, in their order: ``sequential_6_1/conv2d_8_1`` and ``.../conv2d_9_1`` become
``sequential/conv2d`` and ``sequential/conv2d_1``.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from graphprof.errors import TraceError
from graphprof.trace import hlo
from graphprof.trace.labels import Label, Labels
from graphprof.trace.model import Plane
from graphprof.trace.opnames import Names

STATS: tuple[str, ...] = ("hlo_module",)

_NODE = re.compile(r"([^\s:]+/[^\s:]+):\w+")
_NUMBERED = re.compile(r"(.*?)((?:_\d+)*)", re.DOTALL)


def guess(host: Plane, modules: Mapping[str, bytes]) -> Labels:
    """Return what the op names of a trace seem to mean.

    Args:
        host: its host plane, read with ``STATS``.
        modules: its XLA modules.
    """
    names = Names(Labels())
    found: dict[str, Label] = {}
    for name in _op_names(host, modules):
        label = names.label(name)
        if label.owner:
            # A guessed owner is the scope that it was guessed from.
            in_pass = "forward" if label.in_pass == "backward" else label.in_pass
            found.setdefault(label.owner, Label(label.owner, in_pass))
    renamed = _renumbered(found)
    return Labels(
        scopes={scope: Label(renamed[scope], label.in_pass) for scope, label in found.items()}
    )


def _op_names(host: Plane, modules: Mapping[str, bytes]) -> Iterator[str]:
    for name in host.names:
        node = _NODE.fullmatch(name)
        if node is not None:
            yield node[1]
    # A module of something that ran before the trace began is part of it, too.
    column = host.stats.get("hlo_module")
    ran = set() if column is None else {str(name) for name in set(column.values.tolist())}
    for name, data in modules.items():
        if (name.rpartition("(")[0] or name) in ran:
            yield from _instruction_names(data)


def _instruction_names(module: bytes) -> Iterator[str]:
    try:
        instructions = hlo.parse(module)
    except TraceError:
        return  # the analyses say so where it matters
    for instruction in instructions.values():
        if instruction.op_name:
            yield instruction.op_name


def _renumbered(paths: Iterable[str]) -> dict[str, str]:
    """Return path -> the same with the numbers of each segment counted anew among its siblings."""
    siblings: dict[str, dict[str, set[tuple[int, ...]]]] = defaultdict(lambda: defaultdict(set))
    split = {path: path.split("/") for path in paths}
    for segments in split.values():
        for place, segment in enumerate(segments):
            base, numbers = _numbers(segment)
            siblings["/".join(segments[:place])][base].add(numbers)

    def anew(segments: list[str], place: int) -> str:
        base, numbers = _numbers(segments[place])
        rank = sorted(siblings["/".join(segments[:place])][base]).index(numbers)
        return f"{base}_{rank}" if rank else base

    return {
        path: "/".join(anew(segments, place) for place in range(len(segments)))
        for path, segments in split.items()
    }


def _numbers(segment: str) -> tuple[str, tuple[int, ...]]:
    """``conv2d_8_1`` as ``("conv2d", (8, 1))``."""
    found = _NUMBERED.fullmatch(segment)
    if found is None or not found[1]:
        return segment, ()
    return found[1], tuple(int(number) for number in found[2].split("_")[1:])
