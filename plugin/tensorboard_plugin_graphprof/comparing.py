"""Modes compared: whose their steps' time is, and where the difference between two of them comes from.

Reading a trace takes long and asking about it does not, so whose the time of a run is, is kept for as long
as its files stay the same. Threads may ask at the same time.
"""

from __future__ import annotations

import threading
from dataclasses import asdict
from pathlib import Path
from typing import Any

from graphprof.analysis.work import attribution, layers, ops, optimizing
from graphprof.analysis.work.align import Alignment
from graphprof.analysis.work.attribution import Attribution
from graphprof.analysis.work.difference import By
from graphprof.errors import GraphprofError
from graphprof.report import comparison
from graphprof.session import RunFolder, Session
from graphprof.trace.labels import PASSES, TAGS
from tensorboard_plugin_graphprof.cache import Cache, fingerprint

# The columns of an op that the page shows; what they mean: ``graphprof.analysis.work.ops.OpRow``.
_COLUMNS = (
    *("owner", "in_pass", "op_type", "tf_type", "name", "tag"),
    *("calls", "recorded", "wall_s", "busy_s", "low_s", "high_s"),
    *("inputs", "outputs", "flops", "bytes", "flops_per_s", "bytes_per_s"),
)


class Comparing:
    """Compares the modes of sessions, and remembers."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._attributed: Cache[Attribution | None] = Cache(24)
        self._differences: Cache[bytes] = Cache(48)
        self._aligned: Cache[Alignment | None] = Cache(48)
        self._tables: Cache[dict[str, Any]] = Cache(8)

    def difference(self, path: Path, session: Session, baseline: str, mode: str, by: By) -> bytes:
        """The gap between two modes, divided: what ``graphprof compare --json`` prints."""
        with self._lock:
            return self._differences.get(
                (path, baseline, mode, by),
                fingerprint(path),
                lambda: comparison.to_json(
                    comparison.build(session, baseline, mode, by, self._of_run), indent=None
                ).encode(),
            )

    def layers(self, path: Path, session: Session) -> dict[str, Any]:
        """Layers and ops of every mode; a mode that has none says why."""
        with self._lock:
            return self._tables.get(path, fingerprint(path), lambda: self._layers(session))

    def alignment(self, path: Path, session: Session, baseline: str, mode: str) -> Alignment | None:
        """What does the work of ``baseline``'s ops in ``mode``; None where that is not known."""
        with self._lock:
            return self._aligned.get(
                (path, baseline, mode),
                fingerprint(path),
                lambda: self._align(session, baseline, mode),
            )

    def _align(self, session: Session, *names: str) -> Alignment | None:
        sides: list[tuple[str, Attribution]] = []
        for name in names:
            folder = session.run(name)
            found = None if folder is None else self._of_run(folder)
            if found is None or not found.knows_layers:
                return None
            sides.append((name, found))
        return comparison.aligned(session, *sides)

    def _of_run(self, folder: RunFolder) -> Attribution | None:
        return self._attributed.get(
            folder.path, fingerprint(folder.path), lambda: attribution.of_run(folder)
        )

    def _layers(self, session: Session) -> dict[str, Any]:
        modes = [self._mode(folder) for folder in session.runs]
        owners = {
            row["owner"]
            for mode in modes
            for row in mode["rows"]
            if row["in_pass"] in ("forward", "backward")
        }
        return {
            "baseline": session.info.baseline,
            "root": layers.root(owners),
            "passes": list(PASSES),
            "tags": list(TAGS),
            "modes": modes,
        }

    def _mode(self, folder: RunFolder) -> dict[str, Any]:
        try:
            found = self._of_run(folder)
        except GraphprofError as error:
            return _without(folder, error.message, error.cure)
        if found is None:
            failed = folder.run.error
            why = failed.message if failed else f"{folder.run.mode} was not traced"
            return _without(folder, why, failed.cure if failed else "Profile it again with traces")
        table = layers.table(found)
        updates = optimizing.of(found)
        return {
            "mode": folder.run.mode,
            "error": None,
            "step_s": table.step_s,
            "op_s": table.op_s,
            "labelled": table.labelled,
            "tags": table.tags,
            "rows": [asdict(row) for row in table.rows],
            "ops": _columns(ops.table(found)),
            "optimizer": None if updates is None else [asdict(one) for one in updates],
        }


def _columns(rows: tuple[ops.OpRow, ...]) -> dict[str, list[Any]]:
    return {name: [getattr(row, name) for row in rows] for name in _COLUMNS}


def _without(folder: RunFolder, message: str, cure: str) -> dict[str, Any]:
    """A mode of which nothing can be said."""
    return {
        "mode": folder.run.mode,
        "error": {"message": message, "cure": cure},
        "step_s": None,
        "op_s": None,
        "labelled": None,
        "tags": {},
        "rows": [],
        "ops": _columns(()),
        "optimizer": None,
    }
