"""What a profile run shows on stderr while it works: a moving line on a terminal, else plain lines."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager

from rich.console import Console
from rich.status import Status

from graphprof.cli.console import Output

# Off a terminal, in the log of a build server, this often is enough.
_PLAIN_EVERY_S = 15.0


class Shown(AbstractContextManager["Shown"]):
    """Implements ``graphprof.capture.controller.progress.Progress`` on a console."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Output(stderr=True, highlight=False)
        self._status: Status | None = None
        self._last_plain = 0.0

    def __enter__(self) -> Shown:
        if self._console.is_terminal:
            self._status = self._console.status("starting")
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._status is not None:
            self._status.stop()

    def doing(self, mode: str | None, what: str) -> None:
        """Show what has begun."""
        self._say(_of(mode, what))

    def measuring(self, round_number: int, left_s: float) -> None:
        """Show that rounds go on; off a terminal only now and then."""
        now = time.monotonic()
        if self._status is None and now - self._last_plain < _PLAIN_EVERY_S:
            return
        self._last_plain = now
        left = f", about {left_s:.0f} s left" if left_s >= 0.5 else ""
        self._say(f"all modes: timing blocks in random order, round {round_number + 1}{left}")

    def problem(self, mode: str | None, what: str) -> None:
        """Print what went wrong, to stay."""
        self._print(f"! {_of(mode, what)}")

    def _say(self, line: str) -> None:
        if self._status is not None:
            self._status.update(line.replace("[", r"\["))
        else:
            self._print(line)

    def _print(self, line: str) -> None:
        try:
            self._console.print(line, markup=False, soft_wrap=True)
        except OSError:
            # Nobody listens any more (a terminal that hung up, `2>&1 | head`). What is measured
            # matters more than that it cannot be shown here.
            self._console.quiet = True


def _of(mode: str | None, what: str) -> str:
    return what if mode is None else f"{mode}: {what}"
