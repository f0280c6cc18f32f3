"""Keeps what the watch recorded, however the program ends.

Written at the end; before ``os._exit`` and ``os.exec*``, which run no exit handlers; when a signal
that nobody handles ends the program (it then ends by that signal as it would have); and every ten
seconds while it runs, for what gives no warning (``kill -9``, a crash, the machine's memory).
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from graphprof.capture import sources
from graphprof.capture.instrument.watch import Watch
from graphprof.capture.instrument.window import Windows
from graphprof.capture.replay import saving
from graphprof.errors import StorageError
from graphprof.session import write_atomically

WATCH_FILE = "watch.json"
FLUSH_EVERY_S = 10.0
FLUSH_SHARE = 0.005
"""Largest share of the program's time that the writing in between may take."""


class Recording:
    """Writes the watch's recording, in the process that was watched and no child of it."""

    def __init__(self, watch: Watch, windows: Windows, folder: Path) -> None:
        self.watch = watch
        self.windows = windows
        self.path = folder / "plugins" / "graphprof" / WATCH_FILE
        self.pid = os.getpid()
        self.began_s = time.time()
        self.ended: dict[str, Any] | None = None
        self.written = False

    def program_ended(self, how: dict[str, Any]) -> None:
        """The main module has ended; what follows is interpreter shutdown."""
        if self.ended is None and os.getpid() == self.pid:
            self.ended = {**how, "at_s": self.watch.tree.now_s()}

    def save_replay(self) -> None:
        """Write down what could be run in other modes; never disturb how the program ends."""
        if not self.watch.replays.wanted or os.getpid() != self.pid:
            return
        self.windows.finish()
        try:
            self.watch.replay = saving.save(self.watch, self.path.parent / "replay")
        except Exception as error:  # odd states at the end of a program
            why = f"saving it failed with {type(error).__name__}: {error}"
            self.watch.replay = {"why_not": why, "cure": "Report this as a bug"}

    def write(self) -> None:
        """Close the windows and write the recording, once."""
        if self.written or os.getpid() != self.pid:
            return  # a forked child has nothing to say
        self.written = True
        self.watch.own_python.stop()
        self.windows.finish()
        self._write()

    def write_so_far(self) -> None:
        """Write the recording of a program that goes on, or is about to become another."""
        if not self.written and os.getpid() == self.pid:
            self._write(hashes=False)

    def _write(self, hashes: bool = True) -> None:
        record = self.watch.record()
        record["ended"] = self.ended
        record["environment"] = environment()
        if hashes:  # of all files of the user's: too long for a program that goes on
            record["files"] = sources.hashes(self.began_s)
        try:
            write_atomically(self.path, json.dumps(record, default=str).encode())
        except StorageError as error:
            self.written = True  # told once
            print(f"graphprof: {error}", file=sys.stderr)


def keep(recording: Recording) -> None:
    """Write ``recording`` also where Python's exit handlers do not run."""
    _before_exit(recording)
    _before_exec(recording)
    _on_signals(recording)
    _now_and_then(recording)
    os.register_at_fork(after_in_child=lambda: _leave_alone(recording.watch))


def _before_exit(recording: Recording) -> None:
    leave = os._exit

    def _exit(status: int) -> NoReturn:
        recording.program_ended({"how": "exit", "code": status})
        recording.write()
        leave(status)

    os._exit = _exit


def _before_exec(recording: Recording) -> None:
    """All of ``os.exec*`` end in ``execv`` or ``execve``; a call that fails leaves all as it was."""

    def around(original: Callable[..., NoReturn]) -> Callable[..., NoReturn]:
        def replace(*args: Any) -> NoReturn:
            if recording.ended is None and os.getpid() == recording.pid:
                recording.ended = {
                    "how": "exec",
                    "code": None,
                    "at_s": recording.watch.tree.now_s(),
                }
                recording.write_so_far()
                recording.ended = None
            original(*args)

        return replace

    for name in ("execv", "execve"):
        setattr(os, name, around(getattr(os, name)))


def _on_signals(recording: Recording) -> None:
    """Handle the signals that end a program and that nobody else handles yet.

    A program that sets a handler of its own replaces this one; one that asks which handler is set
    sees it.
    """
    ending = False

    def end(number: int, _frame: FrameType | None) -> None:
        nonlocal ending
        if ending and os.getpid() == recording.pid:
            return  # sent twice, to the group and by the parent: the first is being handled
        ending = True
        recording.program_ended({"how": "signal", "code": -number})
        recording.write()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, end)


def _now_and_then(recording: Recording) -> None:
    tree = recording.watch.tree

    def flush(now: float) -> None:
        busy = recording.watch.open_buildings or tree.current.kind == "import"
        if recording.ended is not None or busy:
            tree.set_timer(flush, now + 1.0)
            return
        token = tree.enter("profiler", "save")
        try:
            recording.write_so_far()
        finally:
            cost = tree.leave(token)
        tree.set_timer(flush, tree.clock() + max(FLUSH_EVERY_S, cost / FLUSH_SHARE))

    tree.set_timer(flush, tree.clock() + FLUSH_EVERY_S)


def _leave_alone(watch: Watch) -> None:
    """In a forked child: record nothing, trace nothing."""
    watch.tree.thread = None
    watch.tree.stop_timers()


def environment() -> dict[str, Any]:
    """What the program ran on."""
    found: dict[str, Any] = {
        "python": sys.version.split()[0],
        "platform": sys.platform,
        "cpus": os.cpu_count(),
    }
    for name in ("tensorflow", "keras", "numpy"):
        module = sys.modules.get(name)
        if module is not None:
            found[name] = getattr(module, "__version__", None)
    tensorflow = sys.modules.get("tensorflow")
    config = getattr(tensorflow, "config", None)  # None while it is being imported
    if config is not None:
        found["devices"] = [device.name for device in config.list_logical_devices()]
        found["floatx"] = getattr(
            getattr(sys.modules.get("keras"), "config", None), "floatx", str
        )()
    return found
