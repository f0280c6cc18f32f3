"""Samples which line of the user's own Python runs while nothing that is watched does.

The tree of spans says how long the program was in Python of its own; it cannot say where. A thread
looks fifty times a second, and only while no span is open: what a sample stands for is the time since
the look before, so that a long call that holds the interpreter's lock counts in full.
"""

from __future__ import annotations

import _thread
import os
import sys
import time
from dataclasses import dataclass
from types import FrameType
from typing import Any

from graphprof.capture.instrument import sites
from graphprof.capture.instrument.spans import Tree

PERIOD_S = 0.02
MOST_LINES = 1000
_GENERATOR = 0x20  # inspect.CO_GENERATOR
_LIBRARIES = tuple(
    f"{os.sep}site-packages{os.sep}{name}{os.sep}" for name in ("tensorflow", "keras", "tf_keras")
)


@dataclass
class Line:
    """A line of the user's code.

    Attributes:
        function: name of the function it is in.
        begins: first line of that function.
        ends: last line of it.
        generator: a generator of the user's was running, this function or one that called it.
        samples: how often the line was seen.
        rounds: how often with other work of the program's in between.
        seconds: what the samples stand for.
        work: what the program had done when it was last seen.
    """

    function: str
    begins: int
    ends: int
    generator: bool
    samples: int = 0
    rounds: int = 0
    seconds: float = 0.0
    work: int = -1


class OwnPython:
    """The samples of one program.

    Args:
        tree: tells the watched thread, whether a span is open, and the time.
    """

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._lines: dict[tuple[str, int], Line] = {}
        self._seconds = 0.0

    def start(self) -> None:
        """Begin to look. The thread is none that ``threading`` lists: a program may count those."""
        _thread.start_new_thread(self._look_on, ())

    def record(self) -> dict[str, Any]:
        """What was seen, as JSON values (``docs/watch-format.md``)."""
        lines = list(self._lines.items())
        return {
            "seconds": self._seconds,
            "lines": [
                {
                    "site": list(site),
                    "function": line.function,
                    "lines": [line.begins, line.ends],
                    "generator": line.generator,
                    "samples": line.samples,
                    "rounds": line.rounds,
                    "seconds": line.seconds,
                }
                for site, line in lines
            ],
        }

    def _look_on(self) -> None:
        tree, sleep = self._tree, time.sleep
        before_s = tree.now_s()
        while True:
            sleep(PERIOD_S)
            now_s = tree.now_s()
            if tree.thread is not None and tree.current is tree.root:
                frame = sys._current_frames().get(tree.thread)
                self.seen(frame, max(0.0, now_s - before_s))
                del frame  # it would keep the program's variables alive until the next look
            before_s = now_s

    def seen(self, frame: FrameType | None, seconds: float) -> None:
        """Count a look at the watched thread.

        Args:
            frame: its innermost frame.
            seconds: since the look before.
        """
        self._seconds += seconds
        own = _own(frame)
        if own is None:
            return
        code = own.f_code
        site = (code.co_filename, own.f_lineno)
        line = self._lines.get(site)
        if line is None:
            if len(self._lines) >= MOST_LINES:
                return
            numbers = [number for *_, number in code.co_lines() if number]
            line = Line(code.co_name, code.co_firstlineno, max(numbers, default=0), False)
            self._lines[site] = line
        work = self._work()
        line.rounds += work != line.work
        line.work = work
        line.samples += 1
        line.seconds += seconds
        line.generator = line.generator or _in_generator(own)

    def _work(self) -> int:
        """Grows with each span and eager op of the program."""
        root = self._tree.root
        spans = sum(node.count for node in list(root.children.values()))
        return spans + int(sum(entry[0] for entry in list(root.ops.values())))


def _own(frame: FrameType | None) -> FrameType | None:
    """The user's innermost frame, unless TensorFlow or Keras runs for it, or something is imported."""
    while frame is not None:
        name = frame.f_code.co_filename
        if name.startswith("<frozen importlib") or any(part in name for part in _LIBRARIES):
            return None
        if sites.is_user_file(name):
            return frame
        frame = frame.f_back
    return None


def _in_generator(frame: FrameType | None) -> bool:
    """Whether the frame, or one of the user's that called it, is a generator's."""
    while frame is not None:
        code = frame.f_code
        # A generator expression is no source of batches, it is part of its line.
        makes = code.co_flags & _GENERATOR and code.co_name != "<genexpr>"
        if makes and sites.is_user_file(code.co_filename):
            return True
        frame = frame.f_back
    return False
