"""The parent's book of a session: everything measured so far, in memory and on disk."""

from __future__ import annotations

import dataclasses
import datetime
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from graphprof import session as disk
from graphprof._version import __version__
from graphprof.analysis.building import building_log
from graphprof.capture.protocol import Buildings
from graphprof.errors import StorageError
from graphprof.session import (
    Block,
    Failure,
    MachineSample,
    Measurement,
    Process,
    Run,
    RunFolder,
    Session,
    SessionInfo,
    TraceRecord,
)


@dataclass
class ProcessBook:
    """What one worker has measured so far."""

    wave: int
    arm: Literal["mode", "aa"]
    pid: int
    startup_s: float | None = None
    first_call_s: float | None = None
    warmup_s: tuple[float, ...] = ()
    blocks: list[Block] = field(default_factory=list)
    peak_rss_bytes: int | None = None
    losses: tuple[float, ...] = ()
    first_call_traced: bool = False

    def frozen(self) -> Process:
        """The record for the disk."""
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        return Process(**{**values, "blocks": tuple(self.blocks)})


class Ledger:
    """Keeps a session's records and writes them into its folder.

    Attributes:
        folder: the session's folder.
        origin: zero of the session's monotonic clock, ``perf_counter`` seconds.
    """

    def __init__(self, folder: Path, info: SessionInfo) -> None:
        self.folder = folder
        self.origin = time.perf_counter()
        self._info = info
        self._runs = {mode: Run(mode, mode, "running") for mode in info.modes}
        self._steps_per_call = dict.fromkeys(info.modes, 1)
        self._books: dict[str, list[ProcessBook]] = {mode: [] for mode in info.modes}
        self._samples: list[MachineSample] = []
        self._buildings: dict[str, list[dict[str, Any]]] = {mode: [] for mode in info.modes}
        self._unsaved_buildings: set[str] = set()

    @property
    def info(self) -> SessionInfo:
        """``session.json`` as it stands."""
        return self._info

    def run(self, mode: str) -> Run:
        """``run.json`` of a mode as it stands."""
        return self._runs[mode]

    def describe(self, **changes: Any) -> None:
        """Change fields of ``session.json``."""
        self._info = dataclasses.replace(self._info, **changes)

    def note(self, *sentences: str) -> None:
        """Add sentences to the session's notes, each once."""
        new = dict.fromkeys((*self._info.notes, *sentences))
        self.describe(notes=tuple(new))

    def resolve(self, mode: str, steps_per_call: int, **changes: Any) -> None:
        """Change fields of a mode's ``run.json``, and say how many steps its calls hold."""
        self._steps_per_call[mode] = steps_per_call
        self._runs[mode] = dataclasses.replace(self._runs[mode], **changes)

    def remark(self, mode: str, *sentences: str) -> None:
        """Add sentences to a mode's notes, each once."""
        run = self._runs[mode]
        notes = tuple(dict.fromkeys((*run.notes, *sentences)))
        self._runs[mode] = dataclasses.replace(run, notes=notes)

    def keep_trace(self, mode: str, record: TraceRecord, notes: Sequence[str]) -> None:
        """Note a mode's trace."""
        self._runs[mode] = dataclasses.replace(self._runs[mode], trace=record)
        self.remark(mode, *notes)

    def keep_early(self, mode: str, record: TraceRecord | None, notes: Sequence[str]) -> None:
        """Note the trace of a mode's first calls, or why there is none."""
        if record is not None:
            self._runs[mode] = dataclasses.replace(self._runs[mode], early=record)
        self.remark(mode, *notes)

    def keep_buildings(self, mode: str, book: ProcessBook, told: Buildings) -> None:
        """Note the graphs that a worker of a mode has built."""
        place = len(book.blocks)
        log = self._buildings[mode]
        process = next((one for one in log if one["pid"] == book.pid), None)
        if process is None:
            process = {"wave": book.wave, "arm": book.arm, "pid": book.pid}
            process |= {"buildings": [], "compiles": [] if told.sees_xla else None, "left_out": 0}
            log.append(process)
        for key, new in (("buildings", told.records), ("compiles", told.compiles)):
            for record in new:
                block = place if record["during"] == "block" else None
                process[key].append({**record, "block": block})
        process["left_out"] += told.left_out
        self._unsaved_buildings.add(mode)

    def fail(self, mode: str, failure: Failure) -> None:
        """Say why a mode has no complete result; what it has measured stays."""
        self._runs[mode] = dataclasses.replace(self._runs[mode], status="failed", error=failure)

    def open_book(self, mode: str, book: ProcessBook) -> None:
        """Begin to note what a new worker of ``mode`` measures."""
        self._books[mode].append(book)

    def sample(self, sample: MachineSample) -> None:
        """Note how busy the machine is."""
        self._samples.append(sample)

    def measurements(self) -> dict[str, Measurement]:
        """What has been measured so far, of the modes that have timed a block."""
        return {
            mode: self._measurement(mode)
            for mode, books in self._books.items()
            if any(book.blocks for book in books)
        }

    def measured(self, mode: str) -> bool:
        """Whether a mode itself has timed a block."""
        return any(book.blocks for book in self._books[mode] if book.arm == "mode")

    def session(self) -> Session:
        """The session as it stands, from memory."""
        runs = tuple(
            RunFolder(self.folder / mode, run, self._measurement_or_none(mode))
            for mode, run in self._runs.items()
        )
        return Session(self.folder, self._complete_info(), runs)

    def save(self) -> None:
        """Write everything that has changed since the session began.

        Raises:
            StorageError: the disk is full or the folder cannot be written.
        """
        for mode, run in self._runs.items():
            own = disk.graphprof_folder(self.folder / mode)
            measurement = self._measurement_or_none(mode)
            if measurement is not None:
                disk.save(own / disk.MEASUREMENT_FILE, measurement)
            disk.save(own / disk.RUN_FILE, run)
            if mode in self._unsaved_buildings:
                building_log.save(own / building_log.BUILDING_FILE, self._buildings[mode])
        self._unsaved_buildings.clear()
        disk.save(self.folder / disk.SESSION_FILE, self._complete_info())

    def close(self, status: Literal["complete", "interrupted", "failed"]) -> None:
        """Settle the status of the session and of each mode that is still running, and save.

        Raises:
            StorageError: the disk is full or the folder cannot be written.
        """
        for mode, run in self._runs.items():
            if run.status != "running":
                continue
            if status == "complete" or (self.measured(mode) and run.trace is not None):
                self._runs[mode] = dataclasses.replace(run, status="complete")
            elif status == "failed" and self._info.error is not None:
                self.fail(mode, self._info.error)
            elif status == "interrupted":
                what = "its trace was recorded" if self.measured(mode) else "it was measured"
                self.fail(
                    mode,
                    Failure(
                        "interrupted",
                        f"The session was interrupted before {what}",
                        "Profile again and let it finish",
                    ),
                )
        self.describe(status=status)
        self.save()

    def _complete_info(self) -> SessionInfo:
        return dataclasses.replace(self._info, machine=tuple(self._samples))

    def _measurement(self, mode: str) -> Measurement:
        return Measurement(
            self._steps_per_call[mode], tuple(book.frozen() for book in self._books[mode])
        )

    def _measurement_or_none(self, mode: str) -> Measurement | None:
        """A process whose model never became ready has measured nothing, not even its start."""
        measurement = self._measurement(mode)
        began = tuple(p for p in measurement.processes if p.startup_s is not None)
        return dataclasses.replace(measurement, processes=began) if began else None


def open_session(
    logdir: Path, name: str, info: Mapping[str, Any], now: datetime.datetime | None = None
) -> Ledger:
    """Make a new session's folder and write its first records.

    Args:
        logdir: where sessions are kept; made when missing.
        name: what its folder's name ends in.
        info: the fields of ``SessionInfo`` that are known by now.
        now: when it begins, with zone.

    Raises:
        StorageError: the folder cannot be made or written.
    """
    moment = now or datetime.datetime.now().astimezone()
    folder = _new_folder(logdir, f"{moment:%Y%m%d-%H%M%S}-{disk.folder_name(name)}")
    record = SessionInfo(
        id=folder.name,
        created=moment.isoformat(timespec="seconds"),
        graphprof_version=__version__,
        status="running",
        **info,
    )
    ledger = Ledger(folder, record)
    ledger.save()
    return ledger


def _new_folder(logdir: Path, name: str) -> Path:
    for number in range(1, 1000):
        folder = logdir / (name if number == 1 else f"{name}-{number}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError as error:
            if not logdir.is_dir():
                raise _unwritable(logdir, error) from error
            continue
        except OSError as error:
            raise _unwritable(logdir, error) from error
        return folder
    raise StorageError(f"{logdir} has too many sessions named {name}", "Name another with --name")


def _unwritable(logdir: Path, error: OSError) -> StorageError:
    return StorageError(
        f"Cannot write into the log directory {logdir}: {error.strerror or error}",
        "Name a folder that you may write to with --logdir",
    )
