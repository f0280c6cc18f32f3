"""Whose each event of a trace is: the layer, the pass and the op.

Eager traces say it by scopes around the events, graphs by the names of their nodes, XLA by the
instruction and its module. An event that says nothing itself belongs to what stands around it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from graphprof.trace import hlo, rules
from graphprof.trace.classify import Classes
from graphprof.trace.labels import SCOPE_PASSES, UNLABELLED, Label, Labels, Tag
from graphprof.trace.model import Int64, Plane
from graphprof.trace.nesting import Nesting, levels
from graphprof.trace.opnames import Named, Names, base_type

STATS: tuple[str, ...] = ("hlo_op", "hlo_module")
"""The stats that say which XLA instruction an event is; ask for them when reading."""

_SCOPE = re.compile(rf"({'|'.join(SCOPE_PASSES)}): (.*)", re.DOTALL)
_NODE = re.compile(r"[^\s:]+:\w+")
_KERNEL = re.compile(r"KernelAndDevice(Op|Func)::Run(Async)?")
_TAKES_INPUT = re.compile(r"Iterator\w*|Optional(GetValue|HasValue|FromValue|None)")
_TAPE = Label("", "backward")
_INPUT = Label("", "input")


@dataclass(frozen=True)
class Op:
    """One op of one owner: a row of the op table.

    Attributes:
        label: whose it is.
        op_type: as ``Conv2D``, ``_FusedMatMul``; of an XLA instruction its name without the number.
        name: the node's or instruction's name; empty for eager ops, which have none.
        tag: where the label comes from.
        tf_type: the TensorFlow op type that it stands for, without the library's version of it, so
            that modes can be compared; of an XLA instruction without metadata empty.
        implements: the TensorFlow ops that an XLA instruction does the work of, as ``name:OpType``.
    """

    label: Label
    op_type: str
    name: str
    tag: Tag
    tf_type: str = ""
    implements: tuple[str, ...] = ()


@dataclass(frozen=True)
class Owners:
    """Whose the events of a plane are.

    Attributes:
        ops: the ops, and one entry without op type for each label.
        of: shape (n,), int64: index in ``ops`` for each event of the plane.
        roots: shape (n,), bool: the event is an op itself, not a piece of one.
    """

    ops: tuple[Op, ...]
    of: Int64
    roots: npt.NDArray[np.bool_]


def find(
    plane: Plane,
    nesting: Nesting,
    classes: Classes,
    labels: Labels,
    modules: Mapping[str, bytes] | None = None,
) -> Owners:
    """Say whose each event of a host plane is.

    Args:
        plane: read with the stats in ``STATS`` and those of ``graphprof.trace.classify``.
        nesting: how its events nest.
        classes: what its events are.
        labels: what the op names of the run mean.
        modules: the XLA modules of the trace, serialised, by name.
    """
    names = Names(labels)
    table = _Table()
    own = _own_words(plane, classes, names, table)
    _xla_words(plane, modules or {}, names, table, own)
    own.word[own.roots & ~_is_work(classes)] = -1
    own.roots &= _is_work(classes)
    label_of = _inherit(plane, nesting, table, own)
    reads = (classes.kind == rules.INPUT) | _takes_input(own, table)
    label_of[reads & (label_of == table.label(UNLABELLED))] = table.label(_INPUT)
    return _assemble(nesting, table, own, label_of)


def _takes_input(own: _Own, table: _Table) -> npt.NDArray[np.bool_]:
    """Which events are ops that take the next batch: a loop's own, they are in no layer."""
    found = [place for word, place in table.words.items() if _TAKES_INPUT.fullmatch(word.op_type)]
    takes: npt.NDArray[np.bool_] = np.isin(own.word, found)
    return takes


class _Word(NamedTuple):
    """What an op says about itself; see ``Op``."""

    op_type: str
    name: str
    tag: Tag
    tf_type: str
    implements: tuple[str, ...] = ()


class _Table:
    """Labels and words (what an event says about itself), interned."""

    def __init__(self) -> None:
        self.labels: dict[Label, int] = {UNLABELLED: 0}
        self.words: dict[_Word, int] = {}

    def label(self, label: Label) -> int:
        return self.labels.setdefault(label, len(self.labels))

    def word(self, word: _Word) -> int:
        return self.words.setdefault(word, len(self.words))


@dataclass
class _Own:
    """What events say about themselves: indices in the table, -1 for nothing."""

    label: Int64
    word: Int64
    roots: npt.NDArray[np.bool_]
    scopes: npt.NDArray[np.bool_]


def _is_work(classes: Classes) -> npt.NDArray[np.bool_]:
    work: npt.NDArray[np.bool_] = np.isin(classes.kind, (rules.OP, rules.PY_FUNCTION))
    return work


def _own_words(plane: Plane, classes: Classes, names: Names, table: _Table) -> _Own:
    size = len(plane.names)
    label, word = np.full(size, -1, np.int64), np.full(size, -1, np.int64)
    scopes, kernels = np.zeros(size, bool), np.zeros(size, bool)
    for place, name in enumerate(plane.names):
        if found := _SCOPE.fullmatch(name):
            scopes[place] = True
            label[place] = table.label(Label(found[2], SCOPE_PASSES[found[1]]))
        elif _NODE.fullmatch(name):
            node = names.node(name)
            said = _Word(node.op_type, name.rpartition(":")[0], node.tag, base_type(node.op_type))
            word[place] = table.word(said)
            if node.label != UNLABELLED:
                label[place] = table.label(node.label)
        elif _KERNEL.fullmatch(name):
            kernels[place] = True
    eager = np.array(
        [
            table.word(_eager(rules.CALL_PREFIX.sub("", name, count=1)))
            if rules.CALL_PREFIX.match(name)
            else -1
            for name in plane.names
        ],
        np.int64,
    )
    words = word[plane.name_id]
    here = kernels[plane.name_id]
    words[here] = eager[classes.label[here]]
    return _Own(label[plane.name_id], words, words >= 0, scopes[plane.name_id])


def _eager(op_type: str) -> _Word:
    return _Word(op_type, "", "direct", base_type(op_type))


def _xla_words(
    plane: Plane, modules: Mapping[str, bytes], names: Names, table: _Table, own: _Own
) -> None:
    column = plane.stats.get("hlo_op")
    if column is None:
        return
    module_of = plane.stats.get("hlo_module")
    known = _Modules(modules, names.label)
    module = np.full(len(plane), "", object)
    if module_of is not None:
        module[module_of.owner] = module_of.values
    events: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for event, name in zip(column.owner.tolist(), column.values, strict=True):
        events[module[event], str(name)].append(event)
    for (module_name, name), here in events.items():
        named, kind, parts = known.look_up(module_name, name)
        own.word[here] = table.word(_Word(kind, name, named.tag, base_type(named.op_type), parts))
        own.roots[here] = True
        own.label[here] = -1 if named.label == UNLABELLED else table.label(named.label)


class _Modules:
    """The XLA modules of a trace, read when they are needed."""

    def __init__(self, modules: Mapping[str, bytes], name_label: Callable[[str], Label]) -> None:
        # The trace appends a number to a module's name: `jit_step(42)`.
        self._data = {name.rpartition("(")[0] or name: data for name, data in modules.items()}
        self._name_label = name_label
        self._read: dict[str, tuple[dict[str, hlo.Instruction], dict[str, Named]]] = {}

    def look_up(self, module: str, name: str) -> tuple[Named, str, tuple[str, ...]]:
        """The label of an instruction, what kind it is, and the TensorFlow ops inside."""
        if module not in self._read:
            data = self._data.get(module)
            instructions = {} if data is None else hlo.parse(data)
            self._read[module] = instructions, hlo.label(instructions, self._name_label)
        instructions, labels = self._read[module]
        if name not in instructions:
            return Named(UNLABELLED, "", "none"), hlo.kind(name), ()
        return labels[name], hlo.kind(name), tuple(sorted(instructions[name].implements))


def _inherit(plane: Plane, nesting: Nesting, table: _Table, own: _Own) -> Int64:
    """Return the label of each event: its own, or that of what is around it."""
    label = own.label.copy()
    scope = np.where(own.scopes, np.arange(len(label)), -1)
    for here in levels(nesting):
        up = nesting.parent[here]
        label[here] = np.where(label[here] >= 0, label[here], label[up])
        scope[here] = np.where(scope[here] >= 0, scope[here], scope[up])
    known: Int64 = np.where(label >= 0, label, table.label(UNLABELLED))
    _between_gradients(plane, table, own, known, scope)
    return known


def _between_gradients(plane: Plane, table: _Table, own: _Own, label: Int64, scope: Int64) -> None:
    """Give what the tape itself does to the gradient function that comes next.

    Between gradient functions the tape adds up the gradients of what several ops have read, just
    before it hands the sum to the op that made it.
    """
    tape = table.labels.get(_TAPE)
    if tape is None:
        return
    loose = np.flatnonzero((label == tape) & own.roots)
    in_backward = own.scopes & np.isin(
        own.label,
        [place for one, place in table.labels.items() if one.in_pass in ("backward", "loss")],
    )
    named = np.flatnonzero(in_backward & (own.label != tape))
    # A line's events are in order of time, and lines follow one another.
    following = np.searchsorted(named, loose)
    inside = following < len(named)
    loose, following = loose[inside], named[following[inside]]
    same = plane.start_ps[following] < plane.end_ps[np.maximum(scope[loose], 0)]
    same &= following > loose
    label[loose[same]] = own.label[following[same]]
    words = list(table.words)
    for event in loose[same]:
        own.word[event] = table.word(words[own.word[event]]._replace(tag="dataflow"))


def _assemble(nesting: Nesting, table: _Table, own: _Own, label: Int64) -> Owners:
    words, labels = list(table.words), list(table.labels)
    # An op's row is its word and its label; what is no op has a row by its label alone.
    key = np.where(own.roots, (own.word + 1) * len(labels) + label, -1)
    for here in levels(nesting):
        above = key[nesting.parent[here]]
        key[here] = np.where(key[here] >= 0, key[here], above)
    key = np.where(key >= 0, key, label)
    plain = np.arange(len(labels))
    rows, of = np.unique(np.concatenate((plain, key)), return_inverse=True)
    ops = tuple(_op(int(row), words, labels) for row in rows)
    return Owners(ops, of[len(labels) :].astype(np.int64), own.roots)


def _op(key: int, words: list[_Word], labels: list[Label]) -> Op:
    word, label = divmod(key, len(labels))
    owned = bool(labels[label].owner)
    if word == 0:
        return Op(labels[label], "", "", "direct" if owned else "none")
    op_type, name, tag, tf_type, implements = words[word - 1]
    if labels[label] == _INPUT:
        tag = "direct"
    elif not owned:
        tag = "none"
    elif tag == "none":
        tag = "dataflow"
    return Op(labels[label], op_type, name, tag, tf_type, implements)
