"""Which ops of a graph each layer, loss, metric and optimizer has made, seen while it is built.

Open ``building()`` around the first call of a mode that builds graphs. Each call of an owner notes how
many ops its graph held before and after; when the building is over, the names of the ops between
are its own. That costs microseconds per layer, once, while a graph is built; no op is added or named
differently, and no step that is timed passes through it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import tensorflow as tf

from graphprof.capture.instrument import owners, private
from graphprof.trace.labels import UNLABELLED, Label, Labels, LayerInfo, Pass


class _Made(NamedTuple):
    """The ops number ``first`` to ``last`` of a graph, and whose they are."""

    graph: Any
    first: int
    last: int
    label: Label


class Names:
    """What was seen while graphs were built."""

    def __init__(self) -> None:
        self.layers: dict[str, LayerInfo] = {}
        self._made: list[_Made] = []
        self._open = [UNLABELLED]

    def around(self, owner: owners.Owner, method: Callable[..., Any]) -> Callable[..., Any]:
        """``method`` of an owner; its ops are noted when it is called while a graph is built."""

        def noted(self_: Any, *args: Any, **kwargs: Any) -> Any:
            if tf.executing_eagerly():
                return method(self_, *args, **kwargs)
            label = owner.label(self_, self._open)
            if label.in_pass == "forward" and label.owner not in self.layers:
                self.layers[label.owner] = owners.describe(self_, label.owner)
            graph = tf.compat.v1.get_default_graph()
            first = graph.version  # the number of its ops
            self._open.append(label)
            try:
                return method(self_, *args, **kwargs)
            finally:
                self._open.pop()
                # Inner owners are noted before outer ones: the first note of an op holds.
                self._made.append(_Made(graph, first, graph.version, label))

        return noted

    def around_gradient(
        self,
        backward: Callable[..., Any],
        inputs: Sequence[Any],  # noqa: ARG002 eager scopes need it
    ) -> Callable[..., Any]:
        """A gradient function of the user's own; its ops are noted for the layer around it now."""
        label = self._open[-1]
        if tf.executing_eagerly() or not label.owner:
            return backward
        in_pass: Pass = "loss" if label.in_pass == "loss" else "backward"

        def noted(*gradients: Any) -> Any:
            graph = tf.compat.v1.get_default_graph()
            first = graph.version
            try:
                return backward(*gradients)
            finally:
                self._made.append(_Made(graph, first, graph.version, Label(label.owner, in_pass)))

        return noted

    def graph(self) -> Any | None:
        """The graph that was built last, with all that it calls; ask before ``labels`` forgets it."""
        return private.outermost(self._made[-1].graph) if self._made else None

    def labels(self) -> Labels:
        """What the names mean, as short as possible; forgets the graphs."""
        merged: dict[str, Label] = {}
        scopes: dict[str, Label] = {}
        # A function that makes variables is built twice: what was built last is what runs.
        for ops, in_scopes in map(_of_graph, _by_graph(self._made)):
            merged.update(ops)
            scopes.update(in_scopes)
        self._made = []
        exceptions = {
            name: label for name, label in merged.items() if longest_scope(name, scopes) != label
        }
        return Labels(tuple(self.layers.values()), scopes, exceptions)


@contextmanager
def building() -> Iterator[Names]:
    """Note whose ops are made for as long as the context is open."""
    names = Names()
    with owners.replaced(names.around), owners.gradients_replaced(names.around_gradient):
        yield names


def longest_scope(name: str, scopes: dict[str, Label]) -> Label | None:
    """The label of the longest of ``scopes`` that ``name`` stands in, or None."""
    while name:
        name = name.rpartition("/")[0]
        if name in scopes:
            return scopes[name]
    return None


def _by_graph(made: list[_Made]) -> list[list[_Made]]:
    graphs: dict[int, list[_Made]] = {}
    for note in made:
        graphs.setdefault(id(note.graph), []).append(note)
    return list(graphs.values())


def _of_graph(notes: list[_Made]) -> tuple[dict[str, Label], dict[str, Label]]:
    """The labelled ops of one graph by name, and the name scopes that speak for what is in them."""
    ops = notes[0].graph.get_operations()
    names = [op.name for op in ops]
    labels: list[Label | None] = [None] * len(names)
    own_scopes: dict[str, Label] = {}
    for note in notes:
        own = range(note.first, min(note.last, len(names)))
        for place in own:
            labels[place] = labels[place] or note.label
        scope = _common_scope([names[place] for place in own])
        if scope:
            # The longest common scope of an owner's ops is its own name scope, as a rule. The
            # outer owner is noted later, and must not take the scope of an only child.
            own_scopes.setdefault(scope, note.label)
    scopes = _uniform_scopes(names, labels) | own_scopes
    for place, op in enumerate(ops):
        if labels[place] is None and op.type == "AddN":
            labels[place] = _of_sum(op, scopes)
    return {name: label for name, label in zip(names, labels, strict=True) if label}, scopes


def _of_sum(op: Any, scopes: dict[str, Label]) -> Label | None:
    """Say whose a sum of gradients is: the tape makes it in no scope, for the op that receives it."""
    for consumer in op.outputs[0].consumers():
        _, gradient, forward = consumer.name.rpartition("gradient_tape/")
        label = longest_scope(forward, scopes) if gradient else None
        if label is not None:
            return label if label.in_pass == "loss" else Label(label.owner, "backward")
    return None


def _common_scope(names: list[str]) -> str:
    if not names:
        return ""
    low, high = min(names).split("/")[:-1], max(names).split("/")[:-1]
    depth = 0
    while depth < min(len(low), len(high)) and low[depth] == high[depth]:
        depth += 1
    return "/".join(low[:depth])


def _uniform_scopes(names: list[str], labels: list[Label | None]) -> dict[str, Label]:
    """The outermost scopes all of whose ops have the same label."""
    inside: dict[str, Label | None] = {}
    for name, label in zip(names, labels, strict=True):
        scope = name.rpartition("/")[0]
        while scope:
            inside[scope] = label if inside.get(scope, label) == label else None
            scope = scope.rpartition("/")[0]
    uniform = {scope: label for scope, label in inside.items() if label is not None}
    return {
        scope: label
        for scope, label in uniform.items()
        if uniform.get(scope.rpartition("/")[0]) != label
    }
