"""What became of a graph's nodes: from the graph as it was built to the one that runs.

TensorFlow prepares a graph in two strides: Grappler inlines, folds, merges, prunes and fuses; then
oneDNN's kernels take the place of TensorFlow's, some of them for several nodes. A node keeps its name
for as long as it lives, so that the graphs before and after each stride tell by name what stayed, and
by who reads what instead, why the others are gone. The rules, in this order, for a node that is gone:

1. calls, loops and branches are *inlined*: their bodies stand in their place;
2. its reader is a fused op now: *fused*, where that op says that it took in such a node, or does not say;
3. its readers read a constant that was not there before: *constant folding*;
4. they read another node of the same type, that was there before: *common subexpression*;
5. they read a fused op: *fused* (``BiasAddGrad`` is an output of oneDNN's filter gradient);
6. they read what it read itself: *bypassed*, it did nothing that mattered;
7. they read something new: *rewritten*;
8. all its readers are gone as well: for the reason of most of them;
9. nothing reads it: *dead code*.

XLA leaves no such trail. Of its modules the instructions are counted.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from graphprof.session import RunFolder, graphprof_folder
from graphprof.trace import hlo, labels, xspace
from graphprof.trace.graphs import GRAPHS_FILE, Graphs, Nodes, load, plain
from graphprof.trace.labels import Label
from graphprof.trace.opnames import Names, base_type, is_fused

Why = Literal[
    "constant folding",
    "common subexpression",
    "fused",
    "bypassed",
    "rewritten",
    "inlined",
    "dead code",
    "layout",
    "cast",
    "loop",
    "transfer",
    "folded constant",
    "other",
]
"""Why a node is gone (the first seven) or new."""

_INLINED = ("PartitionedCall", "While", "If", "Case")
_LOOP = ("Enter", "Exit", "Merge", "Switch", "NextIteration", "LoopCond")
_NEW: tuple[tuple[Why, tuple[str, ...]], ...] = (
    ("loop", _LOOP),
    ("layout", ("Transpose",)),
    ("cast", ("Cast",)),
    ("transfer", ("_Send", "_Recv", "_HostSend", "_HostRecv", "_Arg", "_Retval")),
)


@dataclass(frozen=True)
class Change:
    """Nodes of one type of one owner that are gone, or new.

    Attributes:
        owner: path of the layer, or name of the loss, optimizer or metric; empty when unknown.
        in_pass: the pass.
        op_type: their type.
        why: what became of them, or what they are for.
        into: op type of what does their work now; empty where there is none.
        count: how many nodes.
    """

    owner: str
    in_pass: str
    op_type: str
    why: Why
    into: str
    count: int


@dataclass(frozen=True)
class Count:
    """Nodes of one type of one owner, stage by stage; None where a stage was not recorded.

    Attributes:
        owner: path of the layer, or name of the loss, optimizer or metric; empty when unknown.
        in_pass: the pass.
        op_type: their type, without the library's version of it.
        before: nodes as built.
        optimised: after Grappler.
        ran: as they ran.
    """

    owner: str
    in_pass: str
    op_type: str
    before: int | None
    optimised: int | None
    ran: int | None


@dataclass(frozen=True)
class Stride:
    """One stride of the preparation.

    Attributes:
        name: ``grappler`` or ``kernels`` (oneDNN's kernels, and placement).
        before: nodes before it.
        after: nodes after it.
        removed: what is gone, the most nodes first.
        added: what is new, the most nodes first.
    """

    name: Literal["grappler", "kernels"]
    before: int
    after: int
    removed: tuple[Change, ...]
    added: tuple[Change, ...]


@dataclass(frozen=True)
class Compiled:
    """What XLA made of the graph: the instructions of all modules in the trace.

    Attributes:
        modules: how many modules.
        instructions: opcode -> how many in the computations that run as they stand (the entry,
            and bodies of loops).
        fusions: how many of them are fusions.
        fused: instructions inside fusions.
    """

    modules: int
    instructions: dict[str, int]
    fusions: int
    fused: int


@dataclass(frozen=True)
class GraphChanges:
    """The graphs of a mode; what does not apply or was not recorded is None.

    Attributes:
        before: op type -> nodes, as built.
        optimised: the same after Grappler.
        ran: the same as it ran.
        nodes: the same by owner, pass and type.
        strides: what changed, stride by stride.
        compiled: what XLA made of it.
        lost: what could not be recorded, one sentence each.
    """

    before: dict[str, int] | None
    optimised: dict[str, int] | None
    ran: dict[str, int] | None
    nodes: tuple[Count, ...]
    strides: tuple[Stride, ...]
    compiled: Compiled | None
    lost: tuple[str, ...] = ()

    def removed(self) -> dict[tuple[str, str, str], Change]:
        """(owner, pass, op type) -> what became of most such nodes that are gone."""
        return _most(change for stride in self.strides for change in stride.removed)

    def added(self) -> dict[tuple[str, str, str], Change]:
        """(owner, pass, op type) -> what most such nodes that are new are for."""
        return _most(change for stride in self.strides for change in stride.added)


def _most(changes: Iterable[Change]) -> dict[tuple[str, str, str], Change]:
    found: dict[tuple[str, str, str], Change] = {}
    for change in changes:
        key = change.owner, change.in_pass, base_type(change.op_type)
        if key not in found or found[key].count < change.count:
            found[key] = change
    return found


def of_run(folder: RunFolder) -> GraphChanges | None:
    """Say what became of a run's graphs; None where nothing was recorded of them (eager).

    Raises:
        SessionError: its graphs or labels are damaged.
        TraceError: its trace cannot be read.
    """
    own = graphprof_folder(folder.path)
    found = load(own / GRAPHS_FILE)
    if found is None or found.before is None:
        return None
    modules = {}
    if found.optimised is None and folder.xplane is not None:
        modules = xspace.hlo_modules(folder.xplane)
    return changes(found, Names(labels.load(own / labels.LABELS_FILE)), modules)


def changes(found: Graphs, names: Names, modules: Mapping[str, bytes]) -> GraphChanges:
    """Say what became of graphs.

    Args:
        found: as recorded.
        names: what the nodes' names mean.
        modules: XLA modules of the trace.
    """
    stages = [found.before, found.optimised, found.ran]
    strides: list[Stride] = []
    for name, before, after in (
        ("grappler", found.before, found.optimised),
        ("kernels", found.optimised, found.ran),
    ):
        if before is not None and after is not None and before.names and after.names:
            strides.append(_stride(name, before, after, names))  # type: ignore[arg-type]
    totals = [None if stage is None else dict(stage.counts) for stage in stages]
    counted = _counts(stages, names)
    return GraphChanges(
        totals[0], totals[1], totals[2], counted, tuple(strides), _compiled(modules), found.lost
    )


def _counts(stages: list[Nodes | None], names: Names) -> tuple[Count, ...]:
    counted: list[Counter[tuple[Label, str]] | None] = [
        None
        if stage is None
        else Counter(
            (names.label(name), base_type(stage.type_of(place)))
            for place, name in enumerate(stage.names)
        )
        for stage in stages
    ]
    keys = {key for stage in counted if stage is not None for key in stage}
    return tuple(
        Count(
            label.owner,
            label.in_pass,
            op_type,
            *(None if stage is None else stage[label, op_type] for stage in counted),
        )
        for label, op_type in sorted(keys)
    )


def _stride(
    name: Literal["grappler", "kernels"], before: Nodes, after: Nodes, names: Names
) -> Stride:
    found = fates(before, after)
    old = {plain(one) for one in before.names}
    new = [place for place, one in enumerate(after.names) if plain(one) not in old]
    gone = [
        (names.label(before.names[place]), before.type_of(place), fate.why, fate.into)
        for place, fate in found.items()
    ]
    added = [
        (names.label(after.names[place]), after.type_of(place), _purpose(after, place), "")
        for place in new
    ]
    return Stride(name, before.total, after.total, _summed(gone), _summed(added))


def _summed(nodes: Iterable[tuple[Label, str, Why, str]]) -> tuple[Change, ...]:
    counted = Counter(nodes)
    found = (
        Change(label.owner, label.in_pass, op_type, why, into, count)
        for (label, op_type, why, into), count in counted.items()
    )
    return tuple(sorted(found, key=lambda one: (-one.count, one.op_type, one.owner, one.in_pass)))


def _purpose(after: Nodes, place: int) -> Why:
    name, op_type = after.names[place], after.type_of(place)
    if name.startswith("ConstantFolding/"):
        return "folded constant"
    if is_fused(op_type):
        return "fused"
    for why, types in _NEW:
        if op_type in types:
            return why
    return "rewritten" if "Optimizer/" in name else "other"


class Fate(NamedTuple):
    """What became of a node.

    Attributes:
        why: why it is gone, or no longer itself.
        into: op type of what does its work now, or empty.
        host: that op's index in the graph after, where the node was fused into it; else -1.
    """

    why: Why
    into: str = ""
    host: int = -1


def fates(before: Nodes, after: Nodes) -> dict[int, Fate]:
    """Say what became of the nodes of one graph (by index) that are not in the next, or as another op."""
    return _Fates(before, after).all()


class _Fates:
    """Why nodes of one graph are not in the next."""

    def __init__(self, before: Nodes, after: Nodes) -> None:
        self._before = before
        self._after = after
        self._old = {plain(name): place for place, name in enumerate(before.names)}
        self._new = {plain(name): place for place, name in enumerate(after.names)}
        self._readers: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
        for reader, inputs in enumerate(before.inputs):
            for slot, (node, _) in enumerate(inputs):
                self._readers[node].append((reader, slot))
        self._found: dict[int, Fate] = {}

    def all(self) -> dict[int, Fate]:
        """Node (index before) -> its fate, of those that are gone or became another op."""
        # Readers stand behind what they read, so that their fates are known first.
        for place in reversed(range(len(self._before.names))):
            fate = self._fate(place)
            if fate is not None:
                self._found[place] = fate
        return self._found

    def _fate(self, place: int) -> Fate | None:
        op_type = self._before.type_of(place)
        here = self._new.get(plain(self._before.names[place]))
        if any(word in op_type for word in _INLINED):
            kept = here is not None and self._after.type_of(here) == op_type
            return None if kept else Fate("inlined")
        if here is not None:
            return self._in_place(op_type, here)
        if op_type == "Placeholder":
            return Fate("inlined")
        readers = self._readers[place]
        told = [self._by_reader(place, op_type, *reader) for reader in readers]
        said = [fate for fate in told if fate is not None]
        if said:
            return Counter(said).most_common(1)[0][0]
        later = [self._found[reader] for reader, _ in readers if reader in self._found]
        if later:
            return Counter(later).most_common(1)[0][0]
        return Fate("rewritten") if readers else Fate("dead code")

    def _in_place(self, op_type: str, here: int) -> Fate | None:
        now = self._after.type_of(here)
        if now == op_type or "Placeholder" in op_type:
            return None
        if now == "Const":
            return Fate("constant folding", "Const")
        if is_fused(now) and not is_fused(op_type):
            return Fate("fused", now, here)
        if base_type(now) == base_type(op_type):
            return None
        return Fate("rewritten", now)

    def _by_reader(self, place: int, op_type: str, reader: int, slot: int) -> Fate | None:
        """What the reader of a node that is gone tells of it; None when it is gone itself."""
        here = self._new.get(plain(self._before.names[reader]))
        if here is None:
            return None
        now = self._after.type_of(here)
        if now == "Const":
            return Fate("constant folding", "Const")
        if is_fused(now) and now != self._before.type_of(reader):
            return self._by_fusion(here, op_type)
        successor = self._successor(op_type, reader, slot, here)
        return (
            Fate("bypassed") if successor is None else self._by_successor(place, op_type, successor)
        )

    def _successor(self, op_type: str, reader: int, slot: int, here: int) -> int | None:
        """The node (index after) that a reader reads in place of one that is gone, or None."""
        had = {plain(self._before.names[node]) for node, _ in self._before.inputs[reader]}
        inputs = [node for node, _ in self._after.inputs[here]]
        fresh = [node for node in inputs if plain(self._after.names[node]) not in had]
        # Grappler turns the operands of sums and products round.
        if slot < len(inputs) and inputs[slot] in fresh:
            return inputs[slot]
        if fresh:
            return fresh[0]
        # One of two equal operands is gone: the other is read twice.
        twins = {node for node in inputs if inputs.count(node) > 1}
        return next((one for one in twins if self._after.type_of(one) == op_type), None)

    def _by_fusion(self, fused: int, op_type: str) -> Fate:
        now = self._after.type_of(fused)
        parts = self._after.fused.get(fused, ())
        took_in = not parts or op_type in parts or base_type(now) == base_type(op_type)
        return Fate("fused", now, fused) if took_in else Fate("bypassed")

    def _by_successor(self, place: int, op_type: str, successor: int) -> Fate:
        """What is read in place of a node tells why it is gone."""
        now = self._after.type_of(successor)
        was = self._old.get(plain(self._after.names[successor]))
        if now == "Const" and (was is None or self._before.type_of(was) != "Const"):
            return Fate("constant folding", "Const")
        if was is not None and base_type(now) == base_type(op_type):
            return Fate("common subexpression", now)
        if is_fused(now):
            return Fate("fused", now, successor)
        if was is not None and self._reads(place, was, now):
            return Fate("bypassed")
        return Fate("rewritten", now)

    def _reads(self, place: int, sought: int, like: str) -> bool:
        """Whether a node reads another one, or one of its type that is gone, or what that reads."""
        waiting, seen = [place], {place}
        while waiting:
            for node, _ in self._before.inputs[waiting.pop()]:
                gone = plain(self._before.names[node]) not in self._new
                if node == sought or (gone and self._before.type_of(node) == like):
                    return True
                if node not in seen and gone:
                    seen.add(node)
                    waiting.append(node)
        return False


def _compiled(modules: Mapping[str, bytes]) -> Compiled | None:
    if not modules:
        return None
    counts: Counter[str] = Counter()
    fused = 0
    for data in modules.values():
        for one in hlo.parse(data).values():
            if one.caller is not None and one.caller.opcode not in ("while", "conditional", "call"):
                fused += one.caller.opcode == "fusion"
            else:
                counts[one.opcode] += 1
    return Compiled(len(modules), dict(sorted(counts.items())), counts["fusion"], fused)
