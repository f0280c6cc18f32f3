"""Layer scopes in eager mode: marks in the trace that say whose work the ops between them are.

An eager trace names ops but never layers. While ``layers()`` is open, each call of a layer, a loss, a
metric and an optimizer, and each gradient function of the backward pass, stands in a scope of the
trace (``layer: model/conv2d``, ``gradient: model/conv2d``, ``loss: …``, ``metric: …``,
``optimizer: …``; the blank keeps them apart from a graph's ops, which are named ``name:OpType``).
Scopes cost about a microsecond each, and are written only while a trace is recorded: the timed steps
never see them. Modes that build graphs need none of it (see ``naming.py``): calls that happen while
a graph is built pass through.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import tensorflow as tf

from graphprof.capture.instrument import owners, private
from graphprof.capture.instrument.provenance import Provenance, numbers
from graphprof.trace.labels import SCOPE_PASSES, UNLABELLED, Label, LayerInfo

_PREFIXES = {in_pass: prefix for prefix, in_pass in SCOPE_PASSES.items()}


class Scopes:
    """What the scopes have seen.

    Attributes:
        layers: the layers that were called, by path.
        now: the label of the innermost scope that is open.
        lost: what cannot be labelled with this release of TensorFlow, one sentence each.
    """

    def __init__(self) -> None:
        self.layers: dict[str, LayerInfo] = {}
        self.now = UNLABELLED
        self.lost: tuple[str, ...] = ()


@contextmanager
def layers() -> Iterator[Scopes]:
    """Write scopes into the trace for as long as the context is open.

    Open it around the traced steps of a mode that runs op by op, from its main thread.
    """
    seen = Scopes()
    writer = _Writer(seen)
    with (
        owners.replaced(writer.around, tape=writer.around_tape),
        writer.gradients_watched(),
        owners.gradients_replaced(writer.around_custom_gradient) as lost,
    ):
        seen.lost = (*seen.lost, lost) if lost else seen.lost
        yield seen


class _Writer:
    """Writes the scopes of one thread; calls in other threads pass through."""

    def __init__(self, seen: Scopes) -> None:
        self._seen = seen
        self._thread = threading.get_ident()
        self._open = [UNLABELLED]
        self._made: Provenance | None = None
        self._clock: Callable[[], int] = int

    def around(self, owner: owners.Owner, method: Callable[..., Any]) -> Callable[..., Any]:
        """``method`` of a layer, loss, metric or optimizer, in its scope."""

        def scoped(self_: Any, *args: Any, **kwargs: Any) -> Any:
            if not self._watching():
                return method(self_, *args, **kwargs)
            label = owner.label(self_, self._open)
            is_layer = owner.in_pass == "forward"
            if is_layer and label.owner not in self._seen.layers:
                self._seen.layers[label.owner] = owners.describe(self_, label.owner)
            if is_layer and self._made is not None:
                self._made.called(label, _tensors((args, kwargs)))
            with _scope(label):
                self._enter(label)
                try:
                    result = method(self_, *args, **kwargs)
                finally:
                    self._leave()
            if is_layer and self._made is not None:
                self._made.returned(_tensors(result))
            return result

        return scoped

    def around_tape(self, method: Callable[..., Any]) -> Callable[..., Any]:
        """``GradientTape.gradient`` in a scope: what stands in no gradient function is backward too."""

        def scoped(*args: Any, **kwargs: Any) -> Any:
            if not self._watching():
                return method(*args, **kwargs)
            around, self._seen.now = self._seen.now, Label("", "backward")
            with _scope(self._seen.now):
                try:
                    return method(*args, **kwargs)
                finally:
                    self._seen.now = around
                    if self._made is not None:
                        self._made.backward_done()

        return scoped

    @contextmanager
    def gradients_watched(self) -> Iterator[None]:
        """Put each gradient function in the scope of its forward op."""
        try:
            original = private.GRADIENT_FUNCTION.resolve()[2]
            register = private.REGISTER_GRADIENT_FUNCTION.resolve()[2]
            self._clock = private.TENSOR_CLOCK.resolve()[2]
        except (ImportError, AttributeError) as error:
            lost = f"This release of TensorFlow has no such function ({error}): eager backward ops stay without layers."
            self._seen.lost = (lost,)
            yield
            return
        self._made = Provenance()
        register(self._around_gradient(original, self._made))
        try:
            yield
        finally:
            register(original)
            self._made = None

    def _around_gradient(
        self, original: Callable[..., Any], made: Provenance
    ) -> Callable[..., Any]:
        number = private.tensor_id

        def scoped(
            op_name: str,
            attributes: Any,
            num_inputs: int,
            inputs: Any,
            outputs: Any,
            gradients: Any,
            skipped: Any,
            name_scope: str | None,
        ) -> Any:
            call = (
                op_name,
                attributes,
                num_inputs,
                inputs,
                outputs,
                gradients,
                skipped,
                name_scope,
            )
            if not self._watching():
                return original(*call)
            taken = numbers(inputs or (), number)
            label = made.of_gradient(
                taken, numbers(outputs or (), number), numbers(gradients or (), number), name_scope
            )
            backward = label if label.in_pass == "loss" else Label(label.owner, "backward")
            around, self._seen.now = self._seen.now, backward
            with _scope(backward):
                try:
                    results = original(*call)
                finally:
                    self._seen.now = around
            made.handed_on(label, taken, numbers(_listed(results), number))
            return results

        return scoped

    def around_custom_gradient(
        self, backward: Callable[..., Any], inputs: Sequence[Any]
    ) -> Callable[..., Any]:
        """A gradient function of the user's own, in the scope of the layer around it now."""
        made, label = self._made, self._open[-1]
        if made is None or not label.owner or not self._watching():
            return backward
        taken = numbers(inputs, private.tensor_id)
        scope = label if label.in_pass == "loss" else Label(label.owner, "backward")

        def scoped(*gradients: Any) -> Any:
            around, self._seen.now = self._seen.now, scope
            with _scope(scope):
                try:
                    results = backward(*gradients)
                finally:
                    self._seen.now = around
            made.handed_on(label, taken, numbers(_listed(results), private.tensor_id))
            return results

        return scoped

    def _watching(self) -> bool:
        return threading.get_ident() == self._thread and tf.executing_eagerly()

    def _enter(self, label: Label) -> None:
        self._open.append(label)
        self._seen.now = label
        if self._made is not None:
            self._made.change(self._clock(), label)

    def _leave(self) -> None:
        self._open.pop()
        self._seen.now = self._open[-1]
        if self._made is not None:
            self._made.change(self._clock(), self._open[-1])


def _scope(label: Label) -> Any:
    # A `#` in the name would begin the event's stats.
    owner = label.owner.replace("#", "_")
    return tf.profiler.experimental.Trace(f"{_PREFIXES[label.in_pass]}: {owner}")


def _tensors(structure: Any) -> list[int]:
    found = numbers(keras.tree.flatten(structure), private.tensor_id)
    return [number for number in found if number is not None]


def _listed(results: Any) -> list[Any]:
    return list(results) if isinstance(results, (list, tuple)) else [results]
