"""Which layer made which tensor, and so which layer a gradient function belongs to.

TensorFlow numbers eager tensors as they are made, from one counter. Noting the counter where a
scope begins and ends is enough to say later in which scope a tensor was made. When the backward pass
calls an op's gradient function, it hands over those inputs and outputs of the forward op that the
gradient needs; they lead back to the forward op's scope. Nothing is added to the computation.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Sequence
from typing import Any

from graphprof.trace.labels import UNLABELLED, Label

KEPT = 400_000
"""How many changes of scope are remembered; of older tensors nothing is known any more."""


class Provenance:
    """The scopes in which tensors were made.

    Tensors stand for their numbers everywhere here.
    """

    def __init__(self) -> None:
        self._since: list[int] = []
        self._scope: list[Label] = []
        self._results: set[int] = set()  # tensors that a layer has returned
        self._takers: dict[int, list[Label]] = {}  # tensor -> the layers that were called on it
        self._owner: dict[int, tuple[Label, bool]] = {}  # gradient -> scope that made its tensor
        self._known: dict[str, Label] = {}
        self._last = UNLABELLED

    def change(self, clock: int, scope: Label) -> None:
        """From now on tensors are made in ``scope``."""
        if len(self._since) > KEPT:
            del self._since[: KEPT // 2], self._scope[: KEPT // 2]
            self._results.clear()
            self._takers.clear()
        self._since.append(clock)
        self._scope.append(scope)
        if scope.owner:
            self._known.setdefault(scope.owner, scope)

    def called(self, layer: Label, tensors: Iterable[int]) -> None:
        """``layer`` was called on these tensors."""
        for tensor in tensors:
            self._takers.setdefault(tensor, []).append(layer)

    def returned(self, tensors: Iterable[int]) -> None:
        """A layer has returned these tensors."""
        self._results.update(tensors)

    def made_in(self, tensor: int) -> Label | None:
        """The scope in which ``tensor`` was made, or None for one made before all of them."""
        place = bisect.bisect_right(self._since, tensor) - 1
        return self._scope[place] if place >= 0 else None

    def of_gradient(
        self,
        inputs: Sequence[int | None],
        outputs: Sequence[int | None],
        gradients: Sequence[int | None],
        name_scope: str | None,
    ) -> Label:
        """The scope of the forward op whose gradient function is called.

        The surest source comes first: the name scope that was recorded with the op, its outputs,
        the consumer that has just handed its gradient on, its newest input; then guesses, which
        concern ops whose gradients need no tensor (adding a bias, negating).

        Args:
            inputs: the forward op's inputs, None where its gradient does not need them.
            outputs: its outputs, likewise.
            gradients: the gradients of its outputs.
            name_scope: the name scope in which it ran, where TensorFlow has recorded it.
        """
        found = (
            self._by_name(name_scope)
            or self._by_outputs(outputs)
            or self._by_consumer(gradients, sure=True)
            or self._by_inputs([tensor for tensor in inputs if tensor is not None])
            or self._by_consumer(gradients, sure=False)
            or self._last
        )
        self._last = found
        return found

    def handed_on(
        self, scope: Label, inputs: Sequence[int | None], gradients: Sequence[int | None]
    ) -> None:
        """A gradient function in ``scope`` has computed the gradients of its op's inputs."""
        for place, gradient in enumerate(gradients):
            if gradient is None:
                continue
            tensor = inputs[place] if place < len(inputs) else None
            maker = None if tensor is None else self.made_in(tensor)
            self._owner[gradient] = (scope, False) if maker is None else (maker, True)

    def backward_done(self) -> None:
        """The backward pass has ended: its gradients are not seen again."""
        self._owner.clear()
        self._last = UNLABELLED

    def _by_name(self, name_scope: str | None) -> Label | None:
        while name_scope:
            if name_scope in self._known:
                return self._known[name_scope]
            name_scope = name_scope.rpartition("/")[0]
        return None

    def _by_outputs(self, outputs: Sequence[int | None]) -> Label | None:
        return next((self.made_in(tensor) for tensor in outputs if tensor is not None), None)

    def _by_consumer(self, gradients: Sequence[int | None], *, sure: bool) -> Label | None:
        owners = [self._owner[g] for g in gradients if g is not None and g in self._owner]
        return next((scope for scope, exact in owners if exact or not sure), None)

    def _by_inputs(self, inputs: list[int]) -> Label | None:
        if not inputs:
            return None
        newest = max(inputs)
        if newest not in self._results:
            return self.made_in(newest)
        # The op takes what layers have returned, so that it runs in a layer called on all of it,
        # or (`x + y` in a model's own code) in none of them but around them.
        takers = [self._takers.get(tensor, []) for tensor in inputs if tensor in self._results]
        shared = [layer for layer in takers[0] if all(layer in others for others in takers[1:])]
        if shared:
            return max(shared, key=lambda layer: layer.owner.count("/"))
        maker = self.made_in(newest)
        if maker is None:
            return None
        around = maker.owner.rpartition("/")[0]
        return self._known.get(around)


def numbers(tensors: Iterable[Any], number: Any) -> list[int | None]:
    """The numbers of ``tensors``; None for what is no eager tensor."""
    return [None if tensor is None else number(tensor) for tensor in tensors]
