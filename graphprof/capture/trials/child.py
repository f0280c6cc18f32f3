"""One run of a trial: the program as it is or with other texts, under a clock and nothing else.

``python -m graphprof.capture.trials.child CLOCK TEXTS script|module TARGET ARGS...``: ``CLOCK`` is
the file that the time is written to, ``TEXTS`` a JSON file of path -> text to run in its place.
The main work is the time from the end of importing TensorFlow and Keras to the end of the program,
as the gain of a finding is defined.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from graphprof.capture import launching
from graphprof.capture.instrument.importing import AfterImport
from graphprof.capture.sources import Overlay

_WATCHED = ("tensorflow", "keras", "tf_keras")


class Clock:
    """When the imports ended and when the program did."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.pid = os.getpid()
        self.imported_s = time.perf_counter()
        self.ended_s: float | None = None
        self._importing = 0

    def around(self, package: str) -> Callable[[], None]:  # noqa: ARG002
        """An import begins; the outermost counts."""
        self._importing += 1

        def end() -> None:
            self._importing -= 1
            if not self._importing:
                self.imported_s = time.perf_counter()

        return end

    def stop(self) -> None:
        """The program has ended."""
        if self.ended_s is None:
            self.ended_s = time.perf_counter()

    def write(self) -> None:
        """Leave the times for the parent."""
        if os.getpid() != self.pid:
            return  # a forked child
        self.stop()
        assert self.ended_s is not None
        times = {"work_s": self.ended_s - self.imported_s}
        # The program may have used up the disk, or the parent may be gone: the run has no time.
        with contextlib.suppress(OSError):
            Path(self.path).write_text(json.dumps(times))


def main(argv: list[str]) -> NoReturn:
    """Run the program named by ``argv`` and end as it ends."""
    clock_file, texts_file, kind, target, *args = argv
    overlay = Overlay(json.loads(Path(texts_file).read_text()))
    overlay.install()
    clock = Clock(clock_file)
    atexit.register(clock.write)
    _write_before_hard_exit(clock)
    sys.meta_path.insert(0, AfterImport(dict.fromkeys(_WATCHED, _nothing), clock.around))
    load = launching.load_module if kind == "module" else launching.load_script
    try:
        code, module = load(target, args, overlay.read)
        sys.modules["__main__"] = module
        exec(code, module.__dict__)
    except (SystemExit, KeyboardInterrupt):
        clock.stop()
        raise
    except BaseException as error:
        clock.stop()
        launching.report(error)
        sys.exit(1)
    clock.stop()
    sys.exit(0)


def _nothing() -> None:
    pass


def _write_before_hard_exit(clock: Clock) -> None:
    """``os._exit`` runs no exit handlers."""
    leave = os._exit

    def _exit(status: int) -> NoReturn:
        clock.write()
        leave(status)

    os._exit = _exit


if __name__ == "__main__":
    main(sys.argv[1:])
