"""What imported modes are called, in which order they stand, and what is said of all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from graphprof.errors import UsageError
from graphprof.importing.contents import Guess
from graphprof.importing.sources import Source
from graphprof.session import Phase, folder_name
from graphprof.units import count

# A note names this many of the modes that it is about.
_NAMED = 6

# How modes stand beside each other, and which is compared with first.
_ORDER = ("eager", "fit-eager", "graph", "fit", "xla", "fit-xla", "trace")


def given(found: Sequence[Source], wanted: Mapping[Path, str]) -> dict[Source, str]:
    """Return the modes that the user named, by recording.

    Args:
        found: the recordings.
        wanted: resolved path of a file -> name of its mode.

    Raises:
        UsageError: a name is no folder's, is given twice, or its file is not among the traces.
    """
    named: dict[Source, str] = {}
    for path, mode in wanted.items():
        if folder_name(mode) != mode:
            raise UsageError(
                f"{mode!r} is no name for a mode", "Use letters, digits and any of + - = . _"
            )
        if mode in named.values():
            raise UsageError(f"Mode {mode} is named twice", "Give each trace a name of its own")
        source = next((one for one in found if one.path.resolve() == path), None)
        if source is not None:
            named[source] = mode
    return named


def modes(
    good: Sequence[Source], guessed: Mapping[Source, Guess], names: Mapping[Source, str]
) -> dict[Source, str]:
    """Return a name for each mode; those that seem the same are numbered from 2."""
    taken = {names[source] for source in good if source in names}
    found: dict[Source, str] = {}
    for source in good:
        base = names.get(source) or guessed[source].mode
        mode, number = base, 1
        while source not in names and mode in taken:
            number += 1
            mode = f"{base}-{number}"
        found[source] = mode
        taken.add(mode)
    return found


def place(guess: Guess, named: bool) -> int:
    """Where a mode stands among the others."""
    # Named modes stand in the order of the command line.
    return -1 if named else _ORDER.index(guess.mode)


def phase(phases: Sequence[Phase]) -> Phase:
    """The phase of a session, from those that its traces seem to be of."""
    return "train" if "train" in phases else "predict"


def phase_notes(phases: Sequence[Phase]) -> list[str]:
    """What to know of a phase that was guessed."""
    if len(set(phases)) > 1:
        return [
            "Some of these traces hold a backward pass and some do not: they are not of the same work."
        ]
    holds = "holds a" if phase(phases) == "train" else "holds no"
    return [f"The phase is a guess: what was recorded {holds} backward pass (--phase says it)."]


def some(modes: Sequence[str]) -> str:
    """``a, b and 198 more``."""
    more = len(modes) - _NAMED
    return ", ".join(modes[:_NAMED]) + (f" and {count(more)} more" if more > 0 else "")
