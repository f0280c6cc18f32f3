"""Queries to bytes: what the page asks for, answered from the sessions that were found.

Knows no web server: ``plugin.py`` hands over the query's texts and sends what comes back. A query
that cannot be answered raises a ``GraphprofError``. The routes are described in ``http_api.md``.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from graphprof import session as sessions
from graphprof._version import __version__
from graphprof.analysis.timing import steps as step_analysis
from graphprof.analysis.work.difference import BYS
from graphprof.errors import GraphprofError, SessionError, UsageError
from graphprof.report import answer
from graphprof.session import RunFolder, Session
from graphprof.trace.kinds import KINDS
from graphprof.trace.model import Int64
from tensorboard_plugin_graphprof import timeline as lanes
from tensorboard_plugin_graphprof import whose as owning
from tensorboard_plugin_graphprof.cache import Cache, fingerprint
from tensorboard_plugin_graphprof.comparing import Comparing
from tensorboard_plugin_graphprof.discovery import Discovery
from tensorboard_plugin_graphprof.process_table import process_table
from tensorboard_plugin_graphprof.remembering import Remembering

Query = Mapping[str, str]

_JSON: Final = "application/json"
_BINARY: Final = "application/octet-stream"

# A time in a trace stays below this by far (2.5 hours), and the browser counts exactly up to it.
_LAST_PS: Final = 1 << 53
_WIDEST_PX: Final = 16_384


# What a thread can be at beside the kinds of step time, in classify's order after them.
_BESIDE: Final = (
    {
        "id": "waiting",
        "title": "Waiting",
        "explanation": "The thread waits for others; what they do in that time says what for.",
    },
    {
        "id": "background",
        "title": "Background input",
        "explanation": "The input pipeline at work on its own threads, while nobody waits for it.",
    },
)


class NotFoundError(GraphprofError):
    """A session, mode or event that does not exist (any more)."""


@dataclass(frozen=True)
class Answer:
    """What goes back to the page."""

    body: bytes
    content_type: str = _JSON


@dataclass(frozen=True)
class _Meant:
    """The events that a query stands for, and how they do the work that was asked for."""

    events: Int64
    whose: owning.Whose | None = None
    how: str | None = None


class Api:
    """Answers the page's queries. Threads may call it at the same time."""

    def __init__(self, discovery: Discovery) -> None:
        self._discovery = discovery
        self._reports: Cache[bytes] = Cache(16)
        self._traces: Cache[lanes.Opened] = Cache(12)
        self._comparing = Comparing()
        self._remembering = Remembering()
        self._building = threading.Lock()
        # Apart, so that lanes are drawn while it is still found out whose their events are.
        self._whose: Cache[owning.Whose] = Cache(12)
        self._labelling = threading.Lock()
        self.routes: dict[str, Callable[[Query], Answer]] = {
            "sessions": self.sessions,
            "kinds": self.kinds,
            "report": self.report,
            "steps": self.steps,
            "trace": self.trace,
            "timeline": self.timeline,
            "event": self.event,
            "uses": self.uses,
            "whose": self.whose,
            "difference": self.difference,
            "layers": self.layers,
            "memory": self.memory,
        }

    def sessions(self, query: Query) -> Answer:  # noqa: ARG002
        """Every session that is there now, newest first; a damaged one with what is wrong."""
        entries = [_entry(name, path) for name, path in self._discovery.refresh().items()]
        entries.sort(key=lambda entry: (entry["created"] or "", entry["id"]), reverse=True)
        logdir = ", ".join(str(folder) for folder in self._discovery.folders)
        return _json({"sessions": entries, "logdir": _text(logdir), "version": __version__})

    def kinds(self, query: Query) -> Answer:  # noqa: ARG002
        """The kinds of time, in order of display."""
        return _json({"kinds": [asdict(kind) for kind in KINDS], "beside": list(_BESIDE)})

    def report(self, query: Query) -> Answer:
        """The session's report: what the terminal prints and ``--json`` writes."""
        path = self._session_path(query)
        with self._building:
            return Answer(
                self._reports.get(
                    path,
                    fingerprint(path),
                    lambda: answer.to_json(answer.build(sessions.load(path)), indent=None).encode(),
                )
            )

    def steps(self, query: Query) -> Answer:
        """Every timed call of a session as columns, and a line on each process."""
        session = self._session(query)
        columns = step_analysis.columns(session)
        return _json(
            {
                "modes": list(columns.modes),
                "parts": list(step_analysis.PARTS),
                "columns": {
                    "mode": columns.mode.tolist(),
                    "process": columns.process.tolist(),
                    "round": columns.round.tolist(),
                    "part": columns.part.tolist(),
                    "seconds": columns.seconds.tolist(),
                },
                "processes": process_table(session, columns),
            }
        )

    def trace(self, query: Query) -> Answer:
        """What a mode's trace holds, without its events."""
        return _json(lanes.outline(_argument(query, "mode"), self._opened(query)))

    def timeline(self, query: Query) -> Answer:
        """The events in a window of a mode's trace, as the browser draws them."""
        start_ps, end_ps = _window(query)
        width = _number(query, "width", 1, _WIDEST_PX)
        return Answer(lanes.window(self._opened(query), start_ps, end_ps, width), _BINARY)

    def event(self, query: Query) -> Answer:
        """Everything about one event."""
        opened = self._opened(query)
        event = _number(query, "event", 0, _LAST_PS)
        if event >= len(opened.plane):
            raise NotFoundError(
                f"There is no event {event}: the trace has {len(opened.plane)}",
                "Reload the page: the trace has changed",
            )
        return _json(lanes.event(opened, event))

    def uses(self, query: Query) -> Answer:
        """Where the events that a name stands for are in a window, and their times."""
        start_ps, end_ps = _window(query)
        width = _number(query, "width", 1, _WIDEST_PX)
        opened = self._opened(query)
        meant = self._meant(query, opened)
        found, events = lanes.uses(opened, meant.events, start_ps, end_ps, width)
        types = [] if meant.whose is None else meant.whose.types(events)
        return _json({**found, "how": meant.how, "types": types})

    def whose(self, query: Query) -> Answer:
        """The layer, the pass and the op that an event belongs to."""
        found = self._whose_of(query)
        event = _number(query, "event", 0, _LAST_PS)
        if event >= len(found.of):
            raise NotFoundError(
                f"There is no event {event}: the trace has {len(found.of)}",
                "Reload the page: the trace has changed",
            )
        return _json(found.event(event))

    def difference(self, query: Query) -> Answer:
        """Where the difference between two modes comes from."""
        path = self._session_path(query)
        baseline, mode, by = (_argument(query, name) for name in ("baseline", "mode", "by"))
        if by not in BYS:
            raise UsageError(f"'by' is {by[:40]!r}", f"Give one of {', '.join(BYS)}")
        session = sessions.load(path)
        for name in (baseline, mode):
            _traced(session, name)
        return Answer(self._comparing.difference(path, session, baseline, mode, by))

    def layers(self, query: Query) -> Answer:
        """What each layer and op costs in every mode."""
        path = self._session_path(query)
        return _json(self._comparing.layers(path, sessions.load(path)))

    def memory(self, query: Query) -> Answer:
        """What each mode's steps and process hold in memory."""
        path = self._session_path(query)
        return _json(self._remembering.memory(path, sessions.load(path)))

    def _meant(self, query: Query, opened: lanes.Opened) -> _Meant:
        """The events that a query's ``name`` stands for."""
        name = _argument(query, "name")
        asked = owning.parse(name)
        if asked is None:
            return _Meant(lanes.named(opened, name))
        found = self._whose_of(query)
        if isinstance(asked, owning.Layer):
            return _Meant(found.of_layer(asked), found)
        mode = _argument(query, "mode")
        if mode == asked.mode:
            return _Meant(found.of_types(asked, frozenset({asked.op_type})), found)
        path = self._session_path(query)
        aligned = self._comparing.alignment(path, sessions.load(path), asked.mode, mode)
        how, types = owning.counterparts(aligned, asked)
        return _Meant(found.of_types(asked, types), found, how)

    def _whose_of(self, query: Query) -> owning.Whose:
        session, mode = self._session(query), _argument(query, "mode")
        _traced(session, mode)
        folder = session.run(mode)
        assert folder is not None  # it has a trace
        with self._labelling:
            return self._whose.get(
                folder.path, fingerprint(folder.path), lambda: owning.read(folder)
            )

    def _session_path(self, query: Query) -> Path:
        name = _argument(query, "session")
        path = self._discovery.path(name)
        if path is None:
            raise NotFoundError(
                f"There is no session {name!r} in this log directory",
                "Choose one of the list, or reload the page if it was just recorded",
            )
        return path

    def _session(self, query: Query) -> Session:
        return sessions.load(self._session_path(query))

    def _opened(self, query: Query) -> lanes.Opened:
        xplane = _traced(self._session(query), _argument(query, "mode"))
        with self._building:
            return self._traces.get(xplane, fingerprint(xplane), lambda: lanes.read(xplane))


def _traced(session: Session, mode: str) -> Path:
    """The trace of a mode."""
    folder: RunFolder | None = session.run(mode)
    if folder is None:
        raise NotFoundError(
            f"Session {session.info.id} has no mode {mode!r}",
            f"It has {', '.join(run.run.mode for run in session.runs) or 'none yet'}",
        )
    if folder.xplane is None:
        why = folder.run.error.message if folder.run.error else f"{mode} was not traced"
        raise NotFoundError(f"There is no trace: {why}", "Profile it again with traces")
    return folder.xplane


def _entry(name: str, path: Path) -> dict[str, Any]:
    """A session as the list shows it."""
    try:
        info = sessions.load_info(path)
    except SessionError as error:
        return {
            "id": name,
            "target": None,
            "phase": None,
            "created": None,
            "status": None,
            "modes": [],
            "error": {"message": _text(error.message), "cure": _text(error.cure)},
        }
    return {
        "id": name,
        "target": info.target,
        "phase": info.phase,
        "created": info.created,
        "status": info.status,
        "modes": list(info.modes),
        "error": None,
    }


def _argument(query: Query, name: str) -> str:
    value = query.get(name, "")
    if not value:
        raise UsageError(f"The query has no {name!r}", "See http_api.md for what each route takes")
    return value


def _number(query: Query, name: str, low: int, high: int) -> int:
    text = _argument(query, name)
    # int() would take " 1_0", "١" and a megabyte of digits.
    if not re.fullmatch(r"-?[0-9]{1,19}", text):
        raise UsageError(f"{name!r} is not a whole number: {text[:40]!r}", "Give digits only")
    value = int(text)
    if not low <= value <= high:
        raise UsageError(f"{name!r} is {value}", f"Give a number from {low} to {high}")
    return value


def _window(query: Query) -> tuple[int, int]:
    start_ps = _number(query, "start_ps", -_LAST_PS, _LAST_PS)
    end_ps = _number(query, "end_ps", -_LAST_PS, _LAST_PS)
    if end_ps <= start_ps:
        raise UsageError(
            f"The window ends at {end_ps}, not after its start at {start_ps}",
            "Give end_ps greater than start_ps",
        )
    return start_ps, end_ps


def _json(content: Any) -> Answer:
    # Only ASCII goes out, so that half of a surrogate pair in a name cannot break the encoding.
    return Answer(json.dumps(content, allow_nan=False, separators=(",", ":")).encode("ascii"))


def _text(text: str) -> str:
    """A path as text: what is no text in it is shown as a replacement character."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
