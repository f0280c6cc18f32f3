"""All modes by name: the built-in ones and those of other packages.

Another package adds one with an entry point in the group ``graphprof.modes`` that names a subclass
of ``Mode`` (or a ready ``Mode``). One that cannot be loaded is reported and left out.

Importing this module and finding modes imports no TensorFlow: the parent process checks names.
"""

from __future__ import annotations

import difflib
import importlib.metadata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from graphprof.capture.modes import fit
from graphprof.capture.modes.base import Mode
from graphprof.capture.modes.eager import Eager
from graphprof.capture.modes.graph import Graph
from graphprof.capture.modes.xla import Xla
from graphprof.errors import UsageError
from graphprof.session import Phase

ENTRY_POINT_GROUP = "graphprof.modes"

BUILT_IN: tuple[Mode, ...] = (Eager(), Graph(), Xla(), *fit.modes())


@dataclass(frozen=True)
class Registry:
    """The modes that exist here.

    Attributes:
        modes: in order of display.
        problems: one sentence for each mode of another package that could not be loaded.
    """

    modes: tuple[Mode, ...]
    problems: tuple[str, ...] = ()

    def of_phase(self, phase: Phase) -> tuple[Mode, ...]:
        """The modes that exist in a phase."""
        return tuple(mode for mode in self.modes if phase in mode.phases)


@lru_cache(maxsize=1)
def load() -> Registry:
    """The built-in modes and those that other packages bring."""
    return with_entry_points(importlib.metadata.entry_points(group=ENTRY_POINT_GROUP))


def with_entry_points(entry_points: Iterable[importlib.metadata.EntryPoint]) -> Registry:
    """The registry for given entry points."""
    modes = list(BUILT_IN)
    problems = []
    for entry in entry_points:
        found = _load_entry(entry, {mode.name for mode in modes})
        if isinstance(found, Mode):
            modes.append(found)
        else:
            problems.append(found)
    return Registry(tuple(modes), tuple(problems))


def _load_entry(entry: importlib.metadata.EntryPoint, taken: set[str]) -> Mode | str:
    """The mode behind an entry point, or one sentence saying why there is none."""
    try:
        loaded = entry.load()
        mode = loaded() if isinstance(loaded, type) else loaded
        if not isinstance(mode, Mode):
            raise TypeError(f"{entry.value} is no graphprof Mode")
        if mode.name in taken:
            raise ValueError(f"a mode {mode.name!r} exists already")
    except Exception as error:  # another package may fail in any way; it is reported
        return f"Mode {entry.name!r} of {entry.value} cannot be loaded: {type(error).__name__}: {error}."
    return mode


def default_names(phase: Phase) -> tuple[str, ...]:
    """The modes that are compared when none are asked for."""
    return ("eager", "graph", "xla", fit.LOOPS[phase])


def resolve(name: str, phase: Phase, registry: Registry | None = None) -> Mode:
    """The mode that ``name`` means in a phase.

    ``fit`` and its variants mean Keras's own loop of the phase: ``fit-xla`` is ``predict-xla`` when
    predicting; ``Mode.name`` says which.

    Raises:
        UsageError: there is no such mode in this phase.
    """
    registry = registry or load()
    base, equals, value = name.strip().partition("=")
    if phase != "train" and (base == "fit" or base.startswith("fit-")):
        base = fit.LOOPS[phase] + base.removeprefix("fit")
    found = next((mode for mode in registry.of_phase(phase) if mode.name == base), None)
    if found is None:
        raise _unknown(name.strip(), base, phase, registry)
    if equals:
        return found.with_parameter(value)
    if found.parameter:
        raise UsageError(
            f"Mode {base} needs a value", f"Write {base}={found.parameter}, as {base}=8"
        )
    return found


def resolve_all(text: str | Iterable[str], phase: Phase) -> tuple[Mode, ...]:
    """The modes named in ``eager,graph,fit-spe=8`` or a list, each once, in that order.

    Raises:
        UsageError: one of them does not exist, or none is named.
    """
    names = text.split(",") if isinstance(text, str) else list(text)
    modes = {mode.name: mode for mode in (resolve(name, phase) for name in names if name.strip())}
    if not modes:
        raise UsageError("No mode is named", f"Write --modes {','.join(default_names(phase))}")
    return tuple(modes.values())


def _unknown(asked: str, base: str, phase: Phase, registry: Registry) -> UsageError:
    here = [_shown(mode) for mode in registry.of_phase(phase)]
    elsewhere = next((mode for mode in registry.modes if mode.name == base), None)
    if elsewhere is not None:
        return UsageError(
            f"Mode {base} does not exist in phase {phase}, only in {', '.join(elsewhere.phases)}",
            f"Choose from {', '.join(here)}",
        )
    near = difflib.get_close_matches(base, [mode.name for mode in registry.of_phase(phase)], n=2)
    hint = f"Did you mean {' or '.join(near)}? " if near else ""
    return UsageError(f"There is no mode {asked!r}", f"{hint}Choose from {', '.join(here)}")


def _shown(mode: Mode) -> str:
    return f"{mode.name}={mode.parameter}" if mode.parameter else mode.name
