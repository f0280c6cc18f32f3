"""Which graphs the processes of a mode have built (``building.json``), and why they were built again.

The workers note every building while they run (``graphprof.capture.instrument.building``): before
the first call, in it, and in any later one. A building in a later call is one too many: the
function was built before, and something made TensorFlow build it again.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from graphprof.analysis.programs.recording import Building, to_building
from graphprof.errors import SessionError
from graphprof.session import graphprof_folder, write_atomically

BUILDING_FILE: Final = "building.json"
FORMAT_VERSION: Final = 1


@dataclass(frozen=True)
class Built:
    """One building, and the call in which it happened.

    Attributes:
        building: what was built.
        call: number of the call in its process, from 0 (the first call); None when it was built
            before the first call, or between two calls.
        during: what the process was doing: ``first``, ``results``, ``warmup``, ``block``,
            ``trace``; None as above.
        within: number of the call in what it was doing.
        block: number of the block within its process, or None outside blocks.
    """

    building: Building
    call: int | None
    during: str | None
    within: int | None
    block: int | None


@dataclass(frozen=True)
class Compiled:
    """One compilation by XLA (or several, in one call).

    Attributes:
        seconds: of the whole call.
        inputs: the call's batch, described like a signature; None where the loop does not know it.
        call, during, within, block: as in ``Built``.
    """

    seconds: float
    inputs: dict[str, Any] | None
    call: int | None
    during: str | None
    within: int | None
    block: int | None


@dataclass(frozen=True)
class ProcessLog:
    """What one process has built and compiled.

    Attributes:
        wave, arm, pid: as in ``session.Process``.
        built: its buildings, in the order in which they ended.
        compiled: its compilations by XLA, in order; None where they cannot be seen.
        left_out: buildings and compilations after these.
    """

    wave: int
    arm: Literal["mode", "aa"]
    pid: int
    built: tuple[Built, ...] = ()
    compiled: tuple[Compiled, ...] | None = None
    left_out: int = 0


def save(path: Path, processes: list[dict[str, Any]]) -> None:
    """Write a mode's log.

    Raises:
        StorageError: the disk is full or the folder cannot be written.
    """
    record = {"format_version": FORMAT_VERSION, "processes": processes}
    write_atomically(path, json.dumps(record, indent=1).encode())


def read(run_path: Path) -> tuple[ProcessLog, ...] | None:
    """The log of a run's folder, one entry a process; None where none was kept.

    Raises:
        SessionError: it is damaged or from a newer version.
    """
    path = graphprof_folder(run_path) / BUILDING_FILE
    try:
        raw = json.loads(path.read_bytes())
        if raw["format_version"] > FORMAT_VERSION:
            raise SessionError(
                f"{path} was written by a newer graphprof", "Update it: pip install -U graphprof"
            )
        return tuple(_process(one) for one in raw["processes"])
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SessionError(f"Cannot read {path}: {error.strerror}", "Profile again") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SessionError(f"{path} is damaged: {error}", "Profile again") from error


def _process(raw: dict[str, Any]) -> ProcessLog:
    compiles = raw.get("compiles")
    return ProcessLog(
        wave=int(raw["wave"]),
        arm="aa" if raw["arm"] == "aa" else "mode",
        pid=int(raw["pid"]),
        built=tuple(_built(one) for one in raw["buildings"]),
        compiled=None if compiles is None else tuple(_compiled(one) for one in compiles),
        left_out=int(raw.get("left_out", 0)),
    )


def _built(raw: dict[str, Any]) -> Built:
    return Built(
        building=to_building(raw),
        call=_number(raw.get("call")),
        during=raw.get("during"),
        within=_number(raw.get("within")),
        block=_number(raw.get("block")),
    )


def _compiled(raw: dict[str, Any]) -> Compiled:
    return Compiled(
        seconds=float(raw["seconds"]),
        inputs=raw.get("inputs"),
        call=_number(raw.get("call")),
        during=raw.get("during"),
        within=_number(raw.get("within")),
        block=_number(raw.get("block")),
    )


def _number(value: Any) -> int | None:
    return None if value is None else int(value)
