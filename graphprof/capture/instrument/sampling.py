"""Samples which line of the user's own Python runs while nothing that is watched does.

The tree of spans says how long the program was in Python of its own; it cannot say where. A thread
looks fifty times a second, and its looks count while no span is open.

It gets to look when the main thread lets go of the interpreter's lock: after the switch interval (5 ms)
of waiting, or sooner where the program calls something that releases it, which would then be seen in
place of what ran before. While no other Python thread is there to be disturbed, the interval is
made short. (A signal would look at once, but its frame may be larger than the alternative stack of a
thread that TensorFlow has set up: with a processor's AMX registers it overwrites the heap.)
"""

from __future__ import annotations

import _thread
import math
import os
import sys
import time
from dataclasses import dataclass
from types import FrameType
from typing import Any

from graphprof.capture.instrument import sites
from graphprof.capture.instrument.spans import Tree

PERIOD_S = 0.02
SWITCH_S = 2e-4
"""The switch interval while the program has one Python thread."""
MOST_LINES = 1000
_GENERATOR = 0x20  # inspect.CO_GENERATOR
_LIBRARIES = tuple(
    f"{os.sep}site-packages{os.sep}{name}{os.sep}" for name in ("tensorflow", "keras", "tf_keras")
)
# They stand between a user's line and every function of TensorFlow, and say nothing.
_WRAPPERS = frozenset({"error_handler", "op_dispatch_handler", "wrapper", "wrapped"})


@dataclass
class Line:
    """A line of the user's code, by itself or in a function of TensorFlow or Keras that it called.

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
        self._lines: dict[tuple[str, int, str], Line] = {}
        self._seconds = 0.0
        self._looked_s = 0.0
        self._usual_s = sys.getswitchinterval()
        self._going = False

    def start(self) -> None:
        """Begin to look. The thread is none that ``threading`` lists: a program may count those."""
        self._usual_s = sys.getswitchinterval()
        self._going = True
        _thread.start_new_thread(self._look_on, ())

    def stop(self) -> None:
        """Look no more."""
        self._going = False
        self._alone(False)

    def record(self) -> dict[str, Any]:
        """What was seen, as JSON values (``docs/watch-format.md``)."""
        lines = list(self._lines.items())
        return {
            "seconds": self._seconds,
            "lines": [
                {
                    "site": [file, number],
                    "called": called,
                    "function": line.function,
                    "lines": [line.begins, line.ends],
                    "generator": line.generator,
                    "samples": line.samples,
                    "rounds": line.rounds,
                    "seconds": line.seconds,
                }
                for (file, number, called), line in lines
            ],
        }

    def _look_on(self) -> None:
        while True:
            time.sleep(PERIOD_S)
            if not self._going:  # the switch interval is as it was again
                return
            frames = sys._current_frames()
            self._alone(len(frames) <= 2)  # the program's, and this one
            self._look(frames)
            del frames  # they would keep the program's variables alive until the next look

    def _look(self, frames: dict[int, FrameType]) -> None:
        tree = self._tree
        if tree.thread is None or tree.current is not tree.root:
            return
        now_s = tree.now_s()
        # One look stands for a period, or for as long as one call of C has kept the lock.
        self.seen(frames.get(tree.thread), max(PERIOD_S, now_s - max(self._looked_s, tree.left_s)))
        self._looked_s = now_s

    def _alone(self, alone: bool) -> None:
        """Make the switch interval short, or as it was; one that the program has set stays."""
        now_s, wanted_s = sys.getswitchinterval(), SWITCH_S if alone else self._usual_s
        ours = any(math.isclose(now_s, known_s) for known_s in (SWITCH_S, self._usual_s))
        if ours and not math.isclose(now_s, wanted_s):
            sys.setswitchinterval(wanted_s)

    def seen(self, frame: FrameType | None, seconds: float) -> None:
        """Count a look at the watched thread.

        Args:
            frame: its innermost frame.
            seconds: what the look stands for.
        """
        self._seconds += seconds
        own, called = _own(frame)
        if own is None:
            return
        code = sites.function_around(own).f_code
        key = (code.co_filename, own.f_lineno, called)
        line = self._lines.get(key)
        if line is None:
            if len(self._lines) >= MOST_LINES:
                return
            numbers = [number for *_, number in code.co_lines() if number]
            line = Line(code.co_name, code.co_firstlineno, max(numbers, default=0), False)
            self._lines[key] = line
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


def _own(frame: FrameType | None) -> tuple[FrameType | None, str]:
    """The user's innermost frame, and the function of TensorFlow or Keras that it called, or "".

    No frame where something is imported.
    """
    called = ""
    while frame is not None:
        code = frame.f_code
        if code.co_filename.startswith("<frozen importlib"):
            return None, ""
        if sites.is_user_file(code.co_filename):
            return frame, called
        library = any(part in code.co_filename for part in _LIBRARIES)
        if library and (code.co_name not in _WRAPPERS or not called):
            called = code.co_name
        frame = frame.f_back
    return None, ""


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
