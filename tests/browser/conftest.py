"""A real TensorBoard, a real Chromium, and no network but the one between them."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import builders
import pytest
import recorded_programs
import recorded_session
from playwright.sync_api import Browser, sync_playwright
from visiting import HOSTILE, HOSTILE_LAYERS, Visit, find_chromium

from graphprof import session as sessions
from graphprof.analysis.results import parity_file
from graphprof.session import Failure

READY = re.compile(r"TensorBoard \S+ at (http://\S+)")
START_S = 180  # the command imports TensorFlow where that is installed

UNAVAILABLE = Failure("unavailable", "No batch count fits", "Give --steps 32")


@pytest.fixture(scope="session")
def logdir(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("browser-logs")
    builders.session(
        folder,
        modes=("eager", "graph", "xla", "fit-spe=8"),
        steps=6,
        failed={"fit-spe=8": UNAVAILABLE},
        rounds=6,
    )
    builders.session(folder, name=HOSTILE, modes=("eager", "graph"), hostile_names=True, rounds=3)
    builders.session(folder, name="untraced", modes=("graph",), traces=False, rounds=3)
    recorded_programs.retracing_program(folder)
    differing = builders.session(folder, name="differing", modes=("graph", "xla"), rounds=3)
    builders.save_results(differing, {"xla": {"output/output": 0.5}})
    truth = builders.results({"layer/dense": 2e-7}, precision="float64")
    parity_file.save(differing / parity_file.REFERENCE_FILE, truth)
    recorded_session.write(folder)
    recorded_session.write_hostile(folder, HOSTILE_LAYERS)
    _write_a_session_that_was_cut_off(folder / "nothing")
    for name, text in {"cut": '{"id": ', "newer": '{"format_version": 99}'}.items():
        (folder / name).mkdir()
        (folder / name / "session.json").write_text(text)
    return folder


def _write_a_session_that_was_cut_off(folder: Path) -> None:
    """A session that ended before any mode had begun."""
    info = sessions.SessionInfo(
        id=folder.name,
        created="2025-01-01T00:00:00+00:00",
        graphprof_version="0.1.0",
        status="interrupted",
        phase="train",
        target="models.py:build",
        modes=(),
        baseline=None,
    )
    sessions.save(folder / sessions.SESSION_FILE, info)


@pytest.fixture(scope="session")
def board(logdir, tmp_path_factory) -> Iterator[str]:
    """The address of a running TensorBoard, as `tensorboard --logdir` starts it."""
    log = tmp_path_factory.mktemp("board") / "log"
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(logdir)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", "0"],
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # it starts a data server, which must go with it
        )
    try:
        yield _wait_for_address(process, log)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def _wait_for_address(process: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        found = READY.search(log.read_text(errors="replace"))
        if found:
            return found.group(1).rstrip("/")
        time.sleep(0.2)
    raise AssertionError(f"TensorBoard did not start:\n{log.read_text(errors='replace')}")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_chromium(playwright),
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
                "--disable-dev-shm-usage",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
            ],
        )
        yield browser
        browser.close()


@pytest.fixture
def visitor(chromium, board):
    """Makes visits; each must end without trouble unless the test takes it out of the list."""
    visits: list[Visit] = []

    def make(**options: Any) -> Visit:
        visits.append(Visit(chromium, board, **options))
        return visits[-1]

    yield make
    for visit in visits:
        visit.close()
    assert [visit.trouble for visit in visits] == [[]] * len(visits)


@pytest.fixture
def visit(visitor) -> Visit:
    return visitor()
