"""The watch: what is recorded about a program while it runs.

It holds the tree of spans and the lists that the watchers fill, and writes them as ``watch.json``
(``docs/watch-format.md``). It knows nothing of TensorFlow.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

from graphprof.capture.instrument.sampling import OwnPython
from graphprof.capture.instrument.sites import Site
from graphprof.capture.instrument.spans import Tree, dump
from graphprof.capture.replay.candidates import Candidates

FORMAT_VERSION = 1
MOST_BUILDINGS = 3000
MOST_OPS = 60_000
MOST_CALLS = 400
MOST_SETTINGS = 400
MOST_PRODUCERS = 2000


class Watch:
    """Everything seen of one program.

    Attributes:
        tree: where the main thread's time went.
        own_python: which lines ran while no span was open.
        buildings: one record a building of a graph.
        open_buildings: the buildings that are going on, outermost first.
        owners: what is making graph ops now, as ``("optimizer", "Adam")``, outermost first.
        replays: what could be run again in other modes.
        replay: what of it was saved, or why nothing was.
        keras_calls: one record a call of ``fit``, ``predict`` ...
        lost: sentences: what this release does not let us see.
        notes: sentences: what else a reader must know.
    """

    def __init__(self, tree: Tree | None = None) -> None:
        self.tree = tree or Tree()
        self.own_python = OwnPython(self.tree)
        self.buildings: list[dict[str, Any]] = []
        self.buildings_left_out = 0
        self.functions_seen = 0
        self.open_buildings: list[dict[str, Any]] = []
        self.owners: list[tuple[str, str]] = []
        self.graph_ops_left = MOST_OPS
        self.replays = Candidates()
        self.replay: dict[str, Any] | None = None
        self.keras_calls: list[dict[str, Any]] = []
        self.compiles: list[dict[str, Any]] = []
        self.settings: list[dict[str, Any]] = []
        self.optimizers: dict[str, dict[str, Any]] = {}
        self.optimizers_made: dict[str, dict[str, Any]] = {}
        self.loop_functions: list[dict[str, Any]] = []
        self.unrolled: list[dict[str, Any]] = []
        self.producers: dict[str, dict[str, Any]] = {}
        self.pipelines: dict[str, dict[str, Any]] = {}
        self.conversions: dict[tuple[str, Site | None], list[float]] = {}
        self.reads: dict[Site | None, list[float]] = {}
        self.slow_runs: dict[str, list[dict[str, Any]]] = {}
        self.op_sites: dict[tuple[Any, ...], list[float]] = {}
        self.op_dtypes: dict[str, list[float]] = {}
        self.windows: list[dict[str, Any]] = []
        self.marks: dict[str, float] = {}
        self.lost: list[str] = []
        self.notes: list[str] = []
        self.imports_s = 0.0
        self.imports_end_s = 0.0
        self.elsewhere: dict[str, int] = {}

    @property
    def building(self) -> bool:
        """Whether the main thread is building a graph."""
        return bool(self.open_buildings)

    def setting(self, record: dict[str, Any]) -> None:
        """Keep what was set or handed over, and where; of very many, the first."""
        if len(self.settings) < MOST_SETTINGS:
            self.settings.append(record)

    def note(self, sentence: str) -> None:
        """Keep a sentence once."""
        if sentence not in self.notes:
            self.notes.append(sentence)

    @contextlib.contextmanager
    def aside(self) -> Iterator[None]:
        """While it is open nothing is recorded, on no thread, and the clock stands still."""
        elsewhere = dict(self.elsewhere)
        with self.tree.aside():
            yield
        self.elsewhere = elsewhere

    def counted_elsewhere(self, what: str) -> None:
        """Count something seen on a thread that has no tree."""
        self.elsewhere[what] = self.elsewhere.get(what, 0) + 1

    def record(self) -> dict[str, Any]:
        """The recording so far as JSON values."""
        end_s = self.tree.now_s()
        root = self.tree.root
        root.count, root.total_s, root.last_end_s = 1, end_s, end_s
        return {
            "format_version": FORMAT_VERSION,
            "wall_s": end_s,
            "imports_s": self.imports_s,
            "imports_end_s": self.imports_end_s,
            "tree": dump(root),
            "buildings": self.buildings,
            "buildings_left_out": self.buildings_left_out,
            "keras_calls": self.keras_calls,
            "compiles": self.compiles,
            "settings": self.settings,
            "optimizers": list(self.optimizers.values()),
            "optimizers_made": list(self.optimizers_made.values()),
            "loop_functions": self.loop_functions,
            "unrolled": self.unrolled,
            "producers": list(self.producers.values()),
            "pipelines": list(self.pipelines.values()),
            "conversions": [
                {
                    "type": kind,
                    "site": _site(site),
                    "count": int(v[0]),
                    "total_s": v[1],
                    "bytes": int(v[2]),
                }
                for (kind, site), v in self.conversions.items()
            ],
            "reads": [
                {"site": _site(site), "count": int(v[0]), "total_s": v[1], "bytes": int(v[2])}
                for site, v in self.reads.items()
            ],
            "own_python": self.own_python.record(),
            "slow_runs": self.slow_runs,
            "op_sites": [
                {
                    "site": [file, line],
                    "function": function,
                    "defined_at": [file, first_line],
                    "under": under,
                    "samples": int(v[0]),
                    "frames": int(v[1]),
                    "first_at_s": v[3],
                    "last_at_s": v[4],
                }
                for (file, line, function, first_line, under), v in self.op_sites.items()
            ],
            "op_dtypes": [
                {"op": name, "samples": int(v[0]), "total_s": v[1]}
                for name, v in self.op_dtypes.items()
            ],
            "windows": self.windows,
            "marks": self.marks,
            "elsewhere": self.elsewhere,
            "replay": self.replay,
            "threads": threading.active_count(),
            "lost": self.lost,
            "notes": self.notes,
        }


def _site(site: Site | None) -> list[Any] | None:
    return None if site is None else list(site)
