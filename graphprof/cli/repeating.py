"""``graphprof profile --like SESSION``: an older session's choices as the defaults of a new one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from graphprof import session
from graphprof.cli.report import newest
from graphprof.errors import SessionError


def take_over(context: click.Context, parameter: click.Parameter, path: Path | None) -> Path | None:
    """Make the choices of the session at ``path`` the defaults of the other options."""
    del parameter
    if path is None:
        return None
    found = newest(path)
    context.default_map = {**(context.default_map or {}), **choices(session.load(found))}
    return found


def choices(then: session.Session) -> dict[str, Any]:
    """The options of ``graphprof profile`` that make a session like ``then``.

    Raises:
        SessionError: it is not of that kind.
    """
    options = then.info.options
    spec = options.get("workload")
    if not isinstance(spec, dict) or "target" not in spec:
        raise SessionError(
            f"{then.path} cannot be repeated: it was not made by `graphprof profile`",
            "Name a session that was",
        )
    fewest, most = options.get("fewest_waves"), options.get("waves", 0)
    chosen = {
        "target": spec["target"],
        "modes": ",".join(then.info.modes),
        "phase": spec.get("phase"),
        "settings": [f"{key}={value}" for key, value in (spec.get("settings") or {}).items()],
        "data": spec.get("data"),
        "batch_size": spec.get("batch_size"),
        "precision": spec.get("precision"),
        "seed": options.get("seed"),
        "baseline": options.get("baseline"),
        "steps": options.get("trace_steps"),
        "budget": options.get("budget_s"),
        "timeout": options.get("timeout_s"),
        "no_parity": options.get("parity") is False,
        "quick": most == 1,
        "thorough": (fewest or most) >= 5,
    }
    return {name: value for name, value in chosen.items() if value not in (None, [], False)}
