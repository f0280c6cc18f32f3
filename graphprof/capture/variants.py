"""Variants of a mode: the same mode on the workload with some of its settings changed.

A variant is named as a mode with its changes behind an ``@``: ``fit@batch_size=256``,
``fit@input.cache=8``, ``graph@xla_layers=norm+dense``. Variants take part in a session like modes, so that they are timed in the same rounds
as what they are compared with. Imports no TensorFlow.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from graphprof.capture.spec import WorkloadSpec
from graphprof.errors import UsageError
from graphprof.trials import AND

_MARK = "@"
_INPUT = "input."
INPUT_CHANGES = ("cache", "prefetch", "parallel")
_SPEC_CHANGES = ("batch_size", "precision", "xla_layers")


def name(mode: str, changes: Mapping[str, Any]) -> str:
    """The name of ``mode`` with ``changes``; without any, the mode itself.

    Raises:
        UsageError: one of them is no setting that can be changed.
    """
    for key in changes:
        known = key in _SPEC_CHANGES or key.removeprefix(_INPUT) in INPUT_CHANGES
        if not known:
            raise UsageError(
                f"A workload's {key!r} cannot be changed from outside",
                f"Change {', '.join((*_SPEC_CHANGES, *(_INPUT + one for one in INPUT_CHANGES)))}",
            )
    told = ",".join(f"{key}={value}" for key, value in changes.items())
    return f"{mode}{_MARK}{told}" if told else mode


def mode_of(variant: str) -> str:
    """The mode that a variant is one of; a mode's own name is itself."""
    return variant.partition(_MARK)[0]


def changes_of(variant: str) -> dict[str, int | str]:
    """What a variant changes; empty for a mode itself."""
    told = variant.partition(_MARK)[2]
    pairs = (part.split("=", 1) for part in told.split(",") if "=" in part)
    return {key: _value(text) for key, text in pairs}


def _value(text: str) -> int | str:
    return int(text) if text.lstrip("-").isdigit() else text


def spec_of(variant: str, spec: WorkloadSpec) -> WorkloadSpec:
    """The workload that a variant runs.

    Args:
        variant: its name; a mode's own name changes nothing.
        spec: the session's workload.
    """
    for key, value in changes_of(variant).items():
        if key.startswith(_INPUT):
            inputs = {**spec.input, key.removeprefix(_INPUT): int(value)}
            spec = dataclasses.replace(spec, input=inputs)
        elif key == "batch_size":
            spec = dataclasses.replace(spec, batch_size=int(value))
        elif key == "xla_layers":
            spec = dataclasses.replace(spec, xla_layers=tuple(str(value).split(AND)))
        else:
            spec = dataclasses.replace(spec, precision=str(value))
    return spec
