"""The parent's book, and what it leaves on the disk."""

from __future__ import annotations

import datetime
import math
from pathlib import Path
from typing import Any

from graphprof import session
from graphprof.capture.controller.ledger import Ledger, ProcessBook, open_session
from graphprof.session import Block, Failure, TraceRecord

NOW = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)


def opened(logdir: Path, *modes: str) -> Ledger:
    info: dict[str, Any] = {"phase": "train", "target": "t", "modes": modes, "baseline": modes[0]}
    return open_session(logdir, "digits", info, NOW)


def measured(ledger: Ledger, mode: str) -> ProcessBook:
    book = ProcessBook(0, "mode", 1, startup_s=1.0, first_call_s=2.0)
    book.blocks.append(Block(0, 0, 0.5, (0.1, 0.2)))
    ledger.open_book(mode, book)
    return book


def test_sessions_of_the_same_second_get_folders_of_their_own(tmp_path: Path) -> None:
    folders = [opened(tmp_path, "eager").folder.name for _ in range(3)]

    first = "20260102-030405-digits"
    assert folders == [first, f"{first}-2", f"{first}-3"]


def test_a_session_is_readable_from_its_first_moment(tmp_path: Path) -> None:
    done = session.load(opened(tmp_path, "eager", "fit-spe=8").folder)

    assert done.info.status == "running"
    assert done.info.created == "2026-01-02T03:04:05+00:00"
    assert [run.run.status for run in done.runs] == ["running", "running"]
    assert all(run.measurement is None for run in done.runs)
    assert not done.problems


def test_memory_and_disk_agree(tmp_path: Path) -> None:
    ledger = opened(tmp_path, "eager", "graph")
    book = measured(ledger, "eager")
    book.losses = (math.inf,)
    ledger.open_book("graph", ProcessBook(0, "mode", 2))  # never became ready
    ledger.note("Data were made up.", "Data were made up.")
    ledger.save()

    done = session.load(ledger.folder)

    assert done == ledger.session()
    assert done.info.notes == ("Data were made up.",)
    assert done.runs[0].measurement is not None
    assert done.runs[0].measurement.processes[0].losses == (math.inf,)
    assert done.runs[1].measurement is None


def test_closing_settles_every_mode(tmp_path: Path) -> None:
    ledger = opened(tmp_path, "traced", "untraced", "unmeasured", "failed")
    for mode in ("traced", "untraced"):
        measured(ledger, mode)
    ledger.keep_trace("traced", TraceRecord("x", 1, (0,), (0.1,)), ["a note"])
    ledger.fail("failed", Failure("failed", "It raised", "Correct it"))
    ledger.close("interrupted")

    done = session.load(ledger.folder)

    status = {run.run.mode: (run.run.status, run.run.error) for run in done.runs}
    assert status["traced"] == ("complete", None)
    assert status["untraced"][1].message.endswith("before its trace was recorded")  # type: ignore[union-attr]
    assert status["unmeasured"][1].message.endswith("before it was measured")  # type: ignore[union-attr]
    assert status["failed"][1] == Failure("failed", "It raised", "Correct it")
    assert done.runs[0].run.notes == ("a note",)


def test_a_complete_session_completes_its_modes(tmp_path: Path) -> None:
    ledger = opened(tmp_path, "eager")
    measured(ledger, "eager")
    ledger.close("complete")

    done = session.load(ledger.folder)
    assert (done.info.status, done.runs[0].run.status) == ("complete", "complete")
