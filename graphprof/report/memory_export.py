"""Memory as tables for other programs: what is alive at the peaks, and what processes took."""

from __future__ import annotations

from typing import Any

from graphprof.errors import GraphprofError
from graphprof.report import memory
from graphprof.session import Session, graphprof_folder
from graphprof.trace import memory_file

ALIVE = ("mode", "owner", "pass", "bytes", "share", "tensors", "largest", "largest_bytes", "shape")
RESIDENT = ("mode", "wave", "arm", "process_id", "after", "at_ns", "calls", "rss_bytes")


def alive(session: Session) -> tuple[list[tuple[Any, ...]], list[str]]:
    """What each mode's step holds at its peak, by owner and pass.

    Returns:
        rows: under ``ALIVE``.
        problems: modes that are missing, and why, one sentence each.
    """
    rows: list[tuple[Any, ...]] = []
    problems = []
    for folder in session.runs:
        found = memory.of_run(folder)
        if found.problem:
            problems.append(f"{folder.run.mode}: {found.problem}")
        for one in found.alive:
            of = (one.owner, one.in_pass, one.bytes, one.share, one.tensors)
            rows.append((folder.run.mode, *of, one.largest, one.largest_bytes, one.shape))
    return rows, problems


def resident(session: Session) -> tuple[list[tuple[Any, ...]], list[str]]:
    """The resident set of each process after whatever it has done.

    Returns:
        rows: under ``RESIDENT``.
        problems: modes that are missing, and why, one sentence each.
    """
    rows: list[tuple[Any, ...]] = []
    problems = []
    for folder in session.runs:
        try:
            record = memory_file.load(graphprof_folder(folder.path) / memory_file.MEMORY_FILE)
        except GraphprofError as error:
            problems.append(f"{folder.run.mode}: {error}")
            continue
        for process in record.processes if record else ():
            who = (folder.run.mode, process.wave, process.arm, process.pid)
            rows += [
                (*who, one.after, one.at_ns, one.calls, one.rss_bytes) for one in process.moments
            ]
    return rows, problems
