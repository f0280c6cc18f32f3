"""What was tried after a finding, on disk: ``<session>/trials.json``.

A finding whose change can be tried carries a *trial*: how to make the change. ``graphprof verify`` makes
it, measures with and without it side by side, compares what both compute, and adds a ``Tried`` here.
Reports are derived anew each time and look up what was tried by the finding's ``key``.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Discriminator, TypeAdapter, ValidationError

from graphprof.errors import SessionError
from graphprof.session import write_atomically

FORMAT_VERSION = 1
TRIALS_FILE = "trials.json"
AND = "+"
"""Joins several values of one change, as the layers in ``xla_layers``."""


@dataclass(frozen=True)
class ModeTrial:
    """Measure ``mode`` beside ``against`` on the session's own workload.

    Attributes:
        mode: the mode to try, as ``fit-spe=16``.
        against: the mode that the finding is about.
    """

    mode: str
    against: str
    kind: Literal["mode"] = "mode"


@dataclass(frozen=True)
class WorkloadTrial:
    """Measure ``mode`` on the session's workload with some of its settings changed.

    Attributes:
        mode: the mode that the finding is about.
        changes: fields of ``WorkloadSpec`` (``batch_size``, ``precision``, ...) -> new value, or
            ``input.<name>`` -> value for changes to the data (``input.prefetch``, ``input.cache``,
            ``input.parallel``). Several layers in ``xla_layers`` are joined by ``AND``.
        per: what the times are compared per: ``step``, or ``example`` when a step's size changes.
    """

    mode: str
    changes: dict[str, Any]
    per: Literal["step", "example"] = "step"
    kind: Literal["workload"] = "workload"


@dataclass(frozen=True)
class SourceTrial:
    """Run the watched program with one file's text replaced.

    Attributes:
        file: absolute path of the user's file; it is never written to.
        patch: unified diff from the file's text to the changed one.
        sha256: of the text that the patch was made from, as hexadecimal.
        does: what the change does, as an order.
        alters: what it alters by design beside the time (other batches, other printed lines); empty
            where results must stay the same up to rounding.
    """

    file: str
    patch: str
    sha256: str
    does: str = ""
    alters: str = ""
    kind: Literal["source"] = "source"


Trial = Annotated[ModeTrial | WorkloadTrial | SourceTrial, Discriminator("kind")]


@dataclass(frozen=True)
class Interval:
    """A gain: time now over time after the change (1.5: half as much again as is needed), 95 %."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Outcome:
    """What a trial gave, before it is judged.

    Attributes:
        before_s: the times without the change, seconds, in the order of measuring.
        after_s: the times with it.
        measured: the gain with its 95 % interval, or None when too little was measured for one.
        parity: whether both compute the same.
        session: folder of the session with the raw measurements, relative to the session tried in.
        problem: one sentence: what kept the gain from being measured, or None.
        remarks: sentences that a reader of the verdict must know.
        interrupted: the user asked to finish; what is here was measured before.
    """

    before_s: tuple[float, ...] = ()
    after_s: tuple[float, ...] = ()
    measured: Interval | None = None
    parity: Literal["passed", "failed", "unknown"] = "unknown"
    session: str | None = None
    problem: str | None = None
    remarks: tuple[str, ...] = ()
    interrupted: bool = False


@dataclass(frozen=True)
class Tried:
    """What trying a change showed.

    Attributes:
        finding: ``key`` of the finding.
        cause: its cause id.
        trial: how the change was made.
        verdict: ``confirmed`` (the interval lies above 1, and both compute the same), ``refuted``
            (it does not help, or slows the program, or changes its results), ``inconclusive``.
        sentence: the same in plain words, with the figures.
        predicted: the gain that the finding had promised.
        measured: the gain that was measured, or None when it could not be.
        parity: whether both compute the same: ``passed``, ``failed`` or ``unknown``.
        before_s: the raw times without the change, seconds, in the order of measuring.
        after_s: the raw times with it.
        at: ISO 8601 time.
        session: folder of the session that holds the raw measurements, relative to this session's
            folder, or None when ``before_s`` and ``after_s`` are all there is.
        problem: what kept it from being measured, or None.
    """

    finding: str
    cause: str
    trial: Trial
    verdict: Literal["confirmed", "refuted", "inconclusive"]
    sentence: str
    predicted: Interval | None
    measured: Interval | None
    parity: Literal["passed", "failed", "unknown"]
    before_s: tuple[float, ...]
    after_s: tuple[float, ...]
    at: str
    session: str | None = None
    problem: str | None = None


@dataclass(frozen=True)
class _File:
    tried: tuple[Tried, ...] = ()
    format_version: int = FORMAT_VERSION


_ADAPTER: TypeAdapter[_File] = TypeAdapter(_File)


def key(cause: str, subject: str) -> str:
    """What a finding is found again by: stable while its cause and its subject stay.

    Args:
        cause: the cause id.
        subject: what tells it from another finding of that cause: a place in the code, a mode.
    """
    return f"{cause}-{hashlib.sha256(subject.encode()).hexdigest()[:8]}"


def load(session: Path) -> tuple[Tried, ...]:
    """Everything that was tried in a session, oldest first; empty when nothing was.

    Raises:
        SessionError: the file is damaged or from a newer version.
    """
    path = session / TRIALS_FILE
    if not path.is_file():
        return ()
    try:
        raw = json.loads(path.read_bytes())
        if isinstance(raw, dict) and int(raw.get("format_version", 1)) > FORMAT_VERSION:
            raise SessionError(f"{path} is from a newer graphprof", "Upgrade graphprof")
        return _ADAPTER.validate_python(raw, strict=False).tried
    except (OSError, ValueError, ValidationError) as error:
        raise SessionError(
            f"{path} is damaged: {str(error)[:200]}", "Delete it and run `graphprof verify` again"
        ) from error


def add(session: Path, tried: Tried) -> None:
    """Keep ``tried``; what was tried before for the same finding stays above it.

    Raises:
        SessionError: the file that is there is damaged.
        StorageError: it cannot be written.
    """
    record = _File((*load(session), tried))
    write_atomically(session / TRIALS_FILE, _ADAPTER.dump_json(record, indent=1))


def latest(session: Path) -> dict[str, Tried]:
    """Key of the finding -> what its last trial showed."""
    return {tried.finding: tried for tried in load(session)}
