"""A line on each worker process of a session, for the table under the Steps view."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from graphprof.analysis.timing import steps
from graphprof.analysis.timing.steps import StepColumns
from graphprof.session import Process, Session

_QUARTILES = (0, 25, 50, 75, 100)


def process_table(session: Session, columns: StepColumns) -> list[dict[str, Any]]:
    """One entry a process, in the order of ``StepColumns.process``; seconds of one step."""
    table = []
    for number, mode in enumerate(columns.modes):
        folder = session.run(mode)
        if folder is None or folder.measurement is None:
            continue
        for place, process in enumerate(folder.measurement.processes):
            own = (columns.mode == number) & (columns.process == place)
            steady = columns.seconds[own & (columns.part == steps.STEADY)]
            table.append(
                {
                    "mode": mode,
                    "process": place,
                    "steps_per_call": folder.measurement.steps_per_call,
                    **_process(process),
                    **_spread(steady),
                }
            )
    return table


def _process(process: Process) -> dict[str, Any]:
    return {
        "wave": process.wave,
        "arm": process.arm,
        "blocks": len(process.blocks),
        "warmup": len(process.warmup_s),
        "first_call_s": process.first_call_s,
        "startup_s": process.startup_s,
        "peak_rss_bytes": process.peak_rss_bytes,
    }


def _spread(seconds: npt.NDArray[np.float64]) -> dict[str, Any]:
    names = ("min_s", "low_quartile_s", "median_s", "high_quartile_s", "max_s")
    values = np.percentile(seconds, _QUARTILES).tolist() if len(seconds) else [None] * len(names)
    return {"timed": len(seconds), **dict(zip(names, values, strict=True))}
