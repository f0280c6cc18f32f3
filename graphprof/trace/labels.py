"""Labels: whose work an op is, and in which pass of the step.

A label is a pass and an owner: the path of a Keras layer (``model/block/conv2d``), or the name of the
loss, the optimizer or the metric. Labels come into a trace in two ways: eager traces carry scopes
(``layer: model/conv2d``), written by ``graphprof.capture.instrument.scopes``; graphs carry op names,
which ``labels.json`` beside the trace explains. That file is written when the graph is built, by
watching which ops each layer makes: op names alone are ambiguous, since TensorFlow numbers a scope
that is entered again just as Keras numbers layers (``conv2d_1`` is the second layer, or the second
call of the first).

Format history
    1  first format.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import TypeAdapter, ValidationError

from graphprof.errors import SessionError

FORMAT_VERSION = 1
LABELS_FILE = "labels.json"

Pass = Literal["forward", "backward", "optimizer", "loss", "metrics", "input", "other"]
PASSES: tuple[Pass, ...] = (
    "forward",
    "backward",
    "loss",
    "optimizer",
    "metrics",
    "input",
    "other",
)

Tag = Literal["direct", "inner", "dataflow", "none"]
TAGS: tuple[Tag, ...] = ("direct", "inner", "dataflow", "none")

# Prefix of a scope's event name -> its pass. `gradient:` holds what a layer's gradient functions do.
SCOPE_PASSES: dict[str, Pass] = {
    "layer": "forward",
    "gradient": "backward",
    "loss": "loss",
    "optimizer": "optimizer",
    "metric": "metrics",
}


class Label(NamedTuple):
    """Whose work it is.

    Attributes:
        owner: path of the layer, or name of the loss, optimizer or metric; empty when unknown.
        in_pass: the pass; the backward pass of a loss belongs to ``loss``.
    """

    owner: str
    in_pass: Pass


UNLABELLED = Label("", "other")


@dataclass(frozen=True)
class LayerInfo:
    """A layer that was called.

    Attributes:
        path: names of the layers around it and its own, joined by ``/``.
        kind: its class.
        container: whether it is a model, so that its parts are of more interest than itself.
    """

    path: str
    kind: str
    container: bool = False


@dataclass(frozen=True)
class Labels:
    """What the op names of a run's graphs mean.

    Attributes:
        layers: the layers that were called, in the order of their first call.
        scopes: name scope (without a slash at its end) -> label of the ops in it, unless a longer
            scope or ``ops`` says otherwise.
        ops: op name -> label, of those that no scope explains.
    """

    layers: tuple[LayerInfo, ...] = ()
    scopes: dict[str, Label] = field(default_factory=dict)
    ops: dict[str, Label] = field(default_factory=dict)
    format_version: int = FORMAT_VERSION

    @property
    def containers(self) -> frozenset[str]:
        """Paths of the models among the layers."""
        return frozenset(layer.path for layer in self.layers if layer.container)


_ADAPTER = TypeAdapter(Labels)


def to_json(labels: Labels) -> bytes:
    """``labels`` as the content of ``labels.json``."""
    return _ADAPTER.dump_json(labels, indent=1)


def load(path: Path) -> Labels:
    """Read ``labels.json``; empty labels when there is none (a trace taken by others).

    Raises:
        SessionError: it is damaged or cannot be read.
    """
    try:
        return _ADAPTER.validate_json(path.read_bytes())
    except FileNotFoundError:
        return Labels()
    except (OSError, ValidationError) as error:
        raise SessionError(
            f"Cannot read {path}: {error}", "Delete it to go on without it, or profile again"
        ) from error
