"""Ctrl-C during a profile run: once to finish early, twice to drop everything."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(Exception):  # noqa: N818 the user's wish, not an error
    """The user wants to finish with what has been measured so far."""


class Stop:
    """Whether the user has asked to finish early."""

    def __init__(self) -> None:
        self.requested = False

    def request(self, signum: int = 0, frame: FrameType | None = None) -> None:  # noqa: ARG002
        """Ask to finish; asked twice, raise KeyboardInterrupt where the program stands."""
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True

    def check(self) -> None:
        """Raise ``Interrupted`` when the user has asked to finish."""
        if self.requested:
            raise Interrupted

    @contextlib.contextmanager
    def on_interrupt(self) -> Iterator[None]:
        """Within it, Ctrl-C (or a build server that cancels, or a closed terminal) asks to finish.

        Only the main thread hears signals; in others nothing changes.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.request) for number in _heard()}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _heard() -> tuple[signal.Signals, ...]:
    closed = getattr(signal, "SIGHUP", None)  # the terminal is gone; Windows has no such signal
    if closed is None or signal.getsignal(closed) is signal.SIG_IGN:  # as under nohup
        return _SIGNALS
    return (*_SIGNALS, closed)
