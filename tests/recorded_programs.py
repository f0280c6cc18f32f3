"""Recordings written by hand: a program of ten seconds, of which the caller says what it did."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from graphprof.analysis.findings import registry
from graphprof.analysis.findings.base import Finding
from graphprof.analysis.findings.evidence import Evidence
from graphprof.analysis.programs.recording import WATCH_FILE, from_json
from graphprof.analysis.programs.traced import Op, Stage, Traced
from graphprof.session import PROGRAM_RUN, SESSION_FILE, SessionInfo, graphprof_folder, save

PROGRAM = "train-20250101-120000"
SITE = ["train.py", 10]


def span(
    kind: str, name: str = "", total: float = 0.0, count: int = 1, **more: Any
) -> dict[str, Any]:
    """One node of the tree; ``first`` and ``kept`` are lengths of single spans."""
    usual = total / count if count else 0.0
    return {
        "kind": kind,
        "name": name,
        "total_s": total,
        "count": count,
        "first_s": more.pop("first", usual),
        "kept_s": more.pop("kept", [usual] * min(max(count - 1, 0), 32)),
        "first_at_s": more.pop("at", 1.0),
        "last_end_s": 10.0,
        **more,
    }


def tensor(*shape: int, dtype: str = "float32") -> dict[str, Any]:
    return {"kind": "tensor", "shape": list(shape), "dtype": dtype}


def number(value: float) -> dict[str, Any]:
    return {"kind": "python", "type": "float", "value": repr(value)}


def building(index: int, function: int = 0, seconds: float = 0.3, **more: Any) -> dict[str, Any]:
    return {
        "index": index,
        "function": function,
        "name": "step",
        "defined_at": ["train.py", 5],
        "called_from": SITE,
        "signature": {"x": tensor(32, 8)},
        "at_s": 1.0 + index * 0.1,
        "seconds": seconds,
        "op_count": 500,
        "concrete": f"step_{index}",
        "under": "call",
        **more,
    }


def place(op: str, count: int = 1, **more: Any) -> dict[str, Any]:
    return {"type": op, "dtype": "float32", "site": SITE, "count": count, "names": [], **more}


def raw(*spans: dict[str, Any], work: float = 10.0, **lists: Any) -> dict[str, Any]:
    """The recording of a program with these spans and lists, as it stands in ``watch.json``."""
    return {
        "format_version": 1,
        "wall_s": work,
        "ended": {"how": "end", "code": 0, "at_s": work},
        "tree": span("program", total=work, children=list(spans)),
        **lists,
    }


def session(folder: Path, *spans: dict[str, Any], target: str = "train.py", **lists: Any) -> Path:
    """Write the session of a watched program below ``folder`` and return its path."""
    path = folder / PROGRAM
    info = SessionInfo(
        id=path.name,
        created="2025-01-01T12:00:00+00:00",
        graphprof_version="0",
        status="complete",
        phase="train",
        target=target,
        modes=(PROGRAM_RUN,),
        baseline=None,
        workload={"program": target, "arguments": ["--epochs", "3"]},
        options={"verb": "exec", "exit_code": 0},
    )
    save(path / SESSION_FILE, info)
    own = graphprof_folder(path / PROGRAM_RUN)
    own.mkdir(parents=True)
    (own / WATCH_FILE).write_text(json.dumps(raw(*spans, **lists)))
    return path


def retracing_program(folder: Path) -> Path:
    """A second of imports, then a function that is built anew for every value of a float."""
    buildings = [
        building(index, signature={"x": tensor(32, 8), "k": number(index)}, seconds=0.6)
        for index in range(8)
    ]
    runs = [span("run", f"step_{index}", 0.2, 10) for index in range(8)]
    return session(
        folder,
        span("import", "tensorflow", 1.0, at=0.0),
        span("call", "step", 8.0, 80, site=SITE, children=runs),
        buildings=buildings,
        imports_end_s=1.0,
    )


def find(
    *spans: dict[str, Any], traced: Traced | None = None, work: float = 10.0, **lists: Any
) -> tuple[Finding, ...]:
    """What the rules say of a program with these spans and lists."""
    recorded = raw(*spans, work=work, **lists)
    if traced is not None:
        recorded.setdefault(
            "windows", [{"xplane": "x", "probe": False, "opened_s": 0.0, "seconds": traced.seconds}]
        )
    return registry.find(Evidence(from_json(recorded), traced))


def loud(findings: tuple[Finding, ...]) -> list[str]:
    """Causes above minor, most important first."""
    return [finding.cause for finding in findings if finding.severity != "minor"]


def window(**facts: Any) -> Traced:
    """One second of trace."""
    facts.setdefault("seconds", 1.0)
    return Traced(**facts)


__all__ = [
    "PROGRAM", "SITE", "Op", "Stage", "building", "find", "loud", "number", "place",
    "retracing_program", "session", "span", "tensor", "window",
]  # fmt: skip
