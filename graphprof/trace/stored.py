"""A prepared trace as a folder of arrays: ``.npy`` files to map, and one JSON file for the rest."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from graphprof.trace.blocks import Entries, Int8
from graphprof.trace.lod import Levels
from graphprof.trace.model import Line, Plane, StatColumn, Trace
from graphprof.trace.nesting import Nesting

_META = "meta.json"
_SMALL = 1 << 16  # a file of fewer bytes is read rather than mapped
_LEVEL_ARRAYS = (
    "row_first",
    "row_count",
    "order",
    "tile_row",
    "tile_span",
    "tile_events",
    "tile_level",
)


@dataclass(frozen=True)
class LoadedTrace:
    """A trace with what is derived from its host plane.

    Attributes:
        trace: the trace, with the stats that were asked for.
        nesting: how the host's events nest.
        kinds: shape (n,), int8: kind of each event's own time (see ``classify.kinds``).
        levels: the host's levels of detail.
    """

    trace: Trace
    nesting: Nesting
    kinds: Int8
    levels: Levels

    def narrowed(self, stats: Collection[str]) -> LoadedTrace:
        """Return it with no other stats than ``stats``."""
        planes = tuple(
            replace(plane, stats={name: plane.stats[name] for name in plane.stats if name in stats})
            for plane in self.trace.planes
        )
        trace = replace(self.trace, planes=planes)
        levels = replace(self.levels, plane=trace.host or self.levels.plane)
        return replace(self, trace=trace, levels=levels)


def write(folder: Path, loaded: LoadedTrace) -> None:
    """Write a prepared trace into ``folder``.

    Raises:
        OSError: it cannot be written.
    """
    trace, levels = loaded.trace, loaded.levels
    meta = {
        "origin_ns": trace.origin_ns,
        "errors": trace.errors,
        "warnings": trace.warnings,
        "dropped": trace.dropped,
        "overlapping": loaded.nesting.overlapping,
        "planes": [
            _write_plane(folder, number, plane) for number, plane in enumerate(trace.planes)
        ],
    }
    arrays = {
        "parent": loaded.nesting.parent,
        "depth": loaded.nesting.depth,
        "self_ps": loaded.nesting.self_ps,
        "kinds": loaded.kinds,
        **{name: getattr(levels, name) for name in _LEVEL_ARRAYS},
        **{f"entry.{name}": getattr(levels.entries, name) for name in _entry_names()},
    }
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array, allow_pickle=False)
    (folder / _META).write_text(json.dumps(meta))


def read(folder: Path, stats: Collection[str]) -> LoadedTrace:
    """Map the prepared trace in ``folder`` into memory.

    Raises:
        OSError: it is not there, or no longer.
        ValueError, KeyError: it is damaged.
    """
    meta = json.loads((folder / _META).read_text())
    trace = Trace(
        planes=tuple(
            _read_plane(folder, number, plane, stats) for number, plane in enumerate(meta["planes"])
        ),
        origin_ns=meta["origin_ns"],
        errors=tuple(meta["errors"]),
        warnings=tuple(meta["warnings"]),
        dropped=tuple(meta["dropped"]),
    )
    host = trace.host
    if host is None:
        raise ValueError(folder)
    parent, depth, self_ps = (_array(folder, name) for name in ("parent", "depth", "self_ps"))
    nested = Nesting(parent, depth, self_ps, tuple(meta["overlapping"]))
    kinds = _array(folder, "kinds")
    levels = Levels(
        host,
        nested,
        kinds,
        **{name: _array(folder, name) for name in _LEVEL_ARRAYS},
        entries=Entries(*(_array(folder, f"entry.{name}") for name in _entry_names())),
    )
    return LoadedTrace(trace, nested, kinds, levels)


def _entry_names() -> list[str]:
    return [field.name for field in fields(Entries)]


def _write_plane(folder: Path, number: int, plane: Plane) -> dict[str, Any]:
    for name in ("name_id", "start_ps", "duration_ps"):
        np.save(folder / f"{number}.{name}.npy", getattr(plane, name), allow_pickle=False)
    stats = {}
    for place, (name, column) in enumerate(plane.stats.items()):
        values, texts = column.values, None
        if values.dtype == object:
            values, texts = _interned(values)
        np.save(folder / f"{number}.{place}.owner.npy", column.owner, allow_pickle=False)
        np.save(folder / f"{number}.{place}.values.npy", values, allow_pickle=False)
        stats[name] = {"place": place, "texts": texts}
    return {
        "name": plane.name,
        "lines": [(line.id, line.name, line.first, line.last) for line in plane.lines],
        "names": plane.names,
        "stats": stats,
        "plane_stats": {name: _packed(value) for name, value in plane.plane_stats.items()},
    }


def _read_plane(folder: Path, number: int, meta: Any, wanted: Collection[str]) -> Plane:
    stats = {}
    for name, stat in meta["stats"].items():
        if name in wanted:
            values = _array(folder, f"{number}.{stat['place']}.values")
            if stat["texts"] is not None:
                texts = np.empty(len(stat["texts"]), object)
                texts[:] = [_unpacked(text) for text in stat["texts"]]
                values = texts[values]
            stats[name] = StatColumn(_array(folder, f"{number}.{stat['place']}.owner"), values)
    columns = ("name_id", "start_ps", "duration_ps")
    name_id, start_ps, duration_ps = (_array(folder, f"{number}.{name}") for name in columns)
    return Plane(
        name=meta["name"],
        lines=tuple(Line(*line) for line in meta["lines"]),
        names=tuple(meta["names"]),
        name_id=name_id,
        start_ps=start_ps,
        duration_ps=duration_ps,
        stats=stats,
        plane_stats={name: _unpacked(value) for name, value in meta["plane_stats"].items()},
    )


def _interned(values: npt.NDArray[Any]) -> tuple[npt.NDArray[np.int32], list[Any]]:
    """Return objects as indices into a list of the distinct ones."""
    # 1, 1.0 and True are equal, and must stay what they are.
    index: dict[tuple[type, Any], int] = {}
    ids = [index.setdefault((type(value), value), len(index)) for value in values.tolist()]
    return np.array(ids, np.int32), [_packed(value) for _, value in index]


def _packed(value: Any) -> Any:
    """Return a stat's value as JSON, which has no bytes."""
    return {"bytes": value.decode("latin-1")} if isinstance(value, bytes) else value


def _unpacked(value: Any) -> Any:
    return value["bytes"].encode("latin-1") if isinstance(value, dict) else value


def _array(folder: Path, name: str) -> npt.NDArray[Any]:
    path = folder / f"{name}.npy"
    small = path.stat().st_size < _SMALL
    array = np.load(path, mmap_mode=None if small else "r", allow_pickle=False)
    # A memmap pays for its class at every slice.
    return np.asarray(array).view(np.ndarray)
