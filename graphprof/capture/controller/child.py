"""The parent's hold on one worker process: start it, ask it, notice its death, end it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from graphprof.capture import protocol
from graphprof.capture.controller import log
from graphprof.capture.controller.stop import Stop
from graphprof.errors import StorageError
from graphprof.session import Failure

WORKER = (sys.executable, "-m", "graphprof.capture.worker.process")

# How often a wait looks up from the connections: for a Ctrl-C, a deadline, a silent death.
_LOOK_S = 0.2
# Linux alone tells a stopped worker that its parent has died (see ``worker.process``).
_CAN_STOP = sys.platform == "linux"
# After Ctrl-C a block that is nearly done may end; longer requests are abandoned at once.
_GRACE_S = 2.0

_DOING = {
    "prepare": "loading the model",
    "first": "making the first call",
    "results": "making its first steps",
    "warmup": "warming up",
    "block": "being timed",
    "trace": "being traced",
    "examine": "computing layers and gradients",
    "exit": "ending",
}
_LESS_MEMORY = "Try a smaller --batch-size, fewer modes at once, or a machine with more memory"


class Lost(Exception):  # noqa: N818 what happened to a worker, dealt with by its crew
    """A worker is gone, or was ended because it cannot go on.

    Attributes:
        child: the worker.
        failure: why.
        fault: whose fault it is (see ``protocol.Failed``).
    """

    def __init__(self, child: Child, failure: Failure, fault: protocol.Fault = "mode") -> None:
        super().__init__(failure.message)
        self.child = child
        self.failure = failure
        self.fault = fault


class Child:
    """One worker process.

    Attributes:
        mode: the mode it runs.
        arm: ``aa`` for the second process of the baseline.
        launched_at: when it was started, ``perf_counter`` seconds.
    """

    def __init__(
        self,
        mode: str,
        arm: Literal["mode", "aa"],
        log_file: Path,
        variables: Mapping[str, str],
        command: Sequence[str] = WORKER,
    ) -> None:
        self.mode = mode
        self.arm: Literal["mode", "aa"] = arm
        self.log = log_file
        self.launched_at = time.perf_counter()
        self._asked: protocol.Request | None = None
        self._deadline = 0.0
        self._killed = False
        ours, theirs = Pipe()
        self.connection: Connection = ours
        with theirs:
            self._process = self._launch(command, theirs.fileno(), variables)

    def _launch(
        self, command: Sequence[str], descriptor: int, variables: Mapping[str, str]
    ) -> subprocess.Popen[bytes]:
        try:
            self.log.parent.mkdir(parents=True, exist_ok=True)
            with self.log.open("ab") as output:
                self._log_from = output.tell()
                return subprocess.Popen(
                    [*command, str(descriptor)],
                    stdin=subprocess.PIPE,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    pass_fds=(descriptor,),
                    env={**os.environ, **variables},
                    # A group of its own: the terminal's Ctrl-C must not reach it, and its own
                    # children end with it.
                    start_new_session=True,
                )
        except OSError as error:
            self.connection.close()
            raise StorageError(
                f"Cannot start a worker that logs to {self.log}: {error.strerror or error}",
                "Free some space or memory, or name another folder with --logdir",
            ) from error

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    @property
    def asked(self) -> protocol.Request | None:
        """The request that has not been answered yet."""
        return self._asked

    def ask(self, request: protocol.Request, timeout_s: float) -> None:
        """Send a request; the answer must come within ``timeout_s`` seconds.

        Raises:
            Lost: the worker is gone.
        """
        self._asked = request
        self._deadline = time.monotonic() + timeout_s
        self._timeout_s = timeout_s
        log.keep_small(self.log)
        self._go_on()
        try:
            protocol.ask(self.connection, request)
        except OSError as error:
            raise self._last_words() from error

    def reply(self) -> protocol.Reply:
        """Read the answer that is waiting in the connection.

        Raises:
            Lost: the worker has failed or died.
        """
        try:
            reply = protocol.reply_from(self.connection)
        except (EOFError, OSError) as error:
            raise self._death() from error
        except ValidationError as error:
            raise self._lose("crashed", f"Its process talks nonsense: {error.title}") from error
        if isinstance(reply, protocol.Failed):
            raise Lost(self, reply.failure, reply.fault)
        self._asked = None
        self._stand_still()
        return reply

    def check(self) -> None:
        """Notice what no message tells.

        Raises:
            Lost: it died (a process that it started may keep the connection open), or its time is
                over; then it is killed.
        """
        log.keep_small(self.log)
        if self._process.poll() is not None and not self.connection.poll():
            raise self._death()
        if time.monotonic() > self._deadline:
            doing = _DOING[self._asked.kind] if self._asked else "waiting"
            self.end()
            raise Lost(
                self,
                Failure(
                    "timeout",
                    f"It gave no answer for {self._timeout_s:.0f} s while {doing}",
                    f"Allow more with --timeout, or see what it printed in {self.log}",
                ),
            )

    def dismiss(self) -> None:
        """Let the worker end by itself: what it has opened it may close."""
        # It may be gone, or standing in a call; `end` ends it in any case.
        self._go_on()
        with contextlib.suppress(OSError):
            protocol.ask(self.connection, protocol.Exit())

    def leave(self, until: float) -> None:
        """Wait for a dismissed worker to end, until ``time.monotonic()`` reaches ``until``."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=max(0.0, until - time.monotonic()))

    def end(self) -> None:
        """End the process and everything it started; safe to call twice."""
        self._killed = True
        # The group outlives its leader when the leader left children behind.
        self._signal(signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=10)
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
        self.connection.close()

    def _stand_still(self) -> None:
        """Stop the whole process until it is asked again.

        Its loop waits in any case, but the threads and processes that make its batches would go on:
        they would take the processor from the mode that is timed, and fill buffers from which its
        own next block would be served, so that a slow input pipeline looked like a quick one.
        """
        if _CAN_STOP:
            self._signal(signal.SIGSTOP)

    def _go_on(self) -> None:
        if _CAN_STOP:
            self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    def _last_words(self) -> Lost:
        """Why a worker that cannot be written to is gone: its own word, if it left one."""
        try:
            if self.connection.poll():
                self.reply()
        except Lost as lost:
            return lost
        except OSError:
            pass  # the connection is closed for reading as well: the exit status tells
        return self._death()

    def _death(self) -> Lost:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=5)
        code = self._process.poll()
        doing = _DOING[self._asked.kind] if self._asked else "waiting"
        last = log.last_line(self.log, self._log_from)
        said = f'; its last line was: "{last}"' if last else ""
        if code is None:
            return self._lose("crashed", f"It closed its connection while {doing}{said}")
        if code == -signal.SIGKILL and not self._killed:
            message = f"The system killed its process while {doing}, most likely for its memory"
            return self._lose("memory", message, _LESS_MEMORY)
        if "bad_alloc" in last or "out of memory" in last.lower():
            return self._lose("memory", f"It ran out of memory while {doing}{said}", _LESS_MEMORY)
        how = f"signal {_signal_name(-code)}" if code < 0 else f"exit code {code}"
        place = log.last_place(self.log, self._log_from) if code < 0 else None
        doing += f" at {place}" if place else ""
        return self._lose("crashed", f"Its process ended with {how} while {doing}{said}")

    def _lose(
        self, kind: Literal["crashed", "memory"], message: str, cure: str | None = None
    ) -> Lost:
        return Lost(self, Failure(kind, message, cure or f"Read the end of {self.log}"))


def any_answered(children: Sequence[Child], stop: Stop) -> list[Child]:
    """Wait until some of the children that were asked have something for ``reply`` to read.

    Raises:
        Lost: one of them is in trouble and has said nothing.
        Interrupted: the user wants to finish; a block has a moment to end first.
    """
    by_connection = {child.connection: child for child in children}
    patience: float | None = None
    while True:
        ready = wait(list(by_connection), timeout=_LOOK_S)
        if ready:
            return [by_connection[connection] for connection in ready]  # type: ignore[index]
        for child in children:
            child.check()
        if stop.requested:
            in_block = any(isinstance(child.asked, protocol.TimeBlock) for child in children)
            patience = patience or time.monotonic() + (_GRACE_S if in_block else 0.0)
            if time.monotonic() >= patience:
                stop.check()


def ask_and_wait(
    child: Child, request: protocol.Request, timeout_s: float, stop: Stop
) -> protocol.Reply:
    """Ask one child and wait for its answer.

    Raises:
        Lost: it is gone.
        Interrupted: the user wants to finish.
    """
    child.ask(request, timeout_s)
    any_answered([child], stop)
    return child.reply()


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)
