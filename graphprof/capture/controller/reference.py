"""The reference: the first steps once more, eagerly and in float64, to hold every mode against.

A difference between two modes says that they differ, not which of them is right: a mode may round
otherwise and be nearer to the truth than the baseline. So one more short process runs the same
steps from the same weights on the same batches in double precision, once a session, while nothing
is timed. It has a bounded time, and it is left out where the first calls are slow; why it is missing
is said in its file. It costs the comparison with the reference alone.
"""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from graphprof import session as disk
from graphprof.analysis.results import parity_file
from graphprof.capture import environment, protocol
from graphprof.capture.controller import options as constants
from graphprof.capture.controller.child import Child, Lost, any_answered, ask_and_wait
from graphprof.capture.controller.crew import Crew, worker_variables

# Eager is the mode that adds nothing of its own to what the model says.
_MODE = "eager"
# Beside the workers that are still there, in double precision.
_GROWTH = 2.0


@contextlib.contextmanager
def beside(crew: Crew) -> Iterator[None]:
    """Load the reference's process while the block runs, then let it compute; once a session.

    Raises:
        StorageError: the log directory cannot be written.
        Interrupted: the user wants to finish.
    """
    around = crew.around
    path = around.ledger.folder / parity_file.REFERENCE_FILE
    kept = [member for member in crew.members if member.keeps_results]
    wanted = around.options.parity and around.options.reference
    if not wanted or path.exists() or not kept:
        yield
        return
    reason = _why_not(crew)
    if reason is not None:
        _leave(path, reason)
        yield
        return
    folder = around.weights.parent / "reference"
    log = folder / disk.WORKER_LOG
    variables = {**worker_variables(), "PYTHONHASHSEED": "0"}
    child = Child(_MODE, "mode", log, variables, around.options.command)
    try:
        problem = _load(child, crew)
        yield
        around.progress.doing(None, "comparing: the first steps once more, eagerly in float64")
        problem = problem or _compute(child, crew, folder)
        if problem is None:
            made = disk.graphprof_folder(folder) / parity_file.PARITY_FILE
            disk.write_atomically(path, made.read_bytes())
        else:
            _leave(path, f"The model could not be run in float64: {problem.rstrip('.')}.")
    finally:
        child.end()
        shutil.rmtree(folder, ignore_errors=True)


def _load(child: Child, crew: Crew) -> str | None:
    """Let it begin to load; returns what went wrong, as a clause."""
    around = crew.around
    spec = dataclasses.replace(around.spec, precision="float64", weights_path=str(around.weights))
    startups = [member.book.startup_s or 0.0 for member in crew.members]
    loading_s = constants.REFERENCE_S + 2 * max(startups)
    try:
        child.ask(protocol.Prepare(_MODE, spec, keep_results=True), loading_s)
    except Lost as lost:
        return lost.failure.message
    return None


def _compute(child: Child, crew: Crew, folder: Path) -> str | None:
    """Let it make its steps into ``folder``; returns what went wrong, as a clause."""
    around = crew.around
    steps = around.parity_steps or constants.PARITY_STEPS
    try:
        any_answered([child], around.stop)
        reply = child.reply()
        until = time.monotonic() + constants.REFERENCE_S
        for request in (
            protocol.FirstCall(),
            protocol.KeepResults(steps, str(folder)),
            protocol.ExamineResults(str(folder)),
        ):
            reply = ask_and_wait(child, request, max(1.0, until - time.monotonic()), around.stop)
            if isinstance(reply, protocol.Kept) and reply.problem is not None:
                return reply.problem
    except Lost as lost:
        return lost.failure.message
    child.dismiss()
    return None


def _why_not(crew: Crew) -> str | None:
    first_s = min(member.book.first_call_s or 0.0 for member in crew.members)
    if first_s > constants.EXAMINED_FIRST_CALL_S:
        return f"The first calls took {first_s:.0f} s: too long to make them again in float64."
    eager = next((member for member in crew.members if member.mode == _MODE), None)
    steps = crew.around.parity_steps or constants.PARITY_STEPS
    # The probe of layers and gradients is about two steps more; float64 takes about twice as long.
    if eager is not None and 2 * (steps + 2) * eager.call_s > constants.REFERENCE_S:
        return f"An eager step takes {eager.call_s:.0f} s: too long to make {steps} in float64."
    if environment.available_memory_bytes() < _GROWTH * crew.rss_bytes:
        return "There was no memory for one more process, in float64."
    return None


def _leave(path: Path, reason: str) -> None:
    """Leave the reason where the reference would be."""
    parity_file.save(path, parity_file.pack({"reason": reason}, []))
