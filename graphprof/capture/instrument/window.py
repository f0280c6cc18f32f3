"""Bounded recordings of the profiler, after warm-up: the evidence behind what the watch counts.

The first window is a short probe; its size on disk tells how many events a second the program makes,
and the following ones are cut so that they stay within ``MOST_EVENTS``. A window starts and ends
between two watched calls on the main thread, and is marked as one step of the trace, so that the
same division that serves a step serves the window.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from graphprof.capture.instrument import private
from graphprof.capture.instrument.watch import Watch

WARM_CALLS = 2
PROBE_S = 0.08
MOST_EVENTS = 250_000
BYTES_PER_EVENT = 18.0
"""Measured over eager, graph and XLA traces: 17 to 23 bytes an event on disk."""
EAGER_OPS_WARM = 400
CHECK_EVERY_S = 0.02


class Windows:
    """Opens and closes the windows; lives on the tree's tick.

    Args:
        watch: what is recorded.
        folder: the run folder, below which the profiler writes ``plugins/profile``.
        seconds: length of the main window; 0 for none.
    """

    def __init__(self, watch: Watch, folder: Path, seconds: float) -> None:
        self.watch = watch
        self.folder = folder
        self.seconds = seconds
        self.opened_at: float | None = None
        self.close_at = 0.0
        self.events_per_s: float | None = None
        self.mark: Any = None
        self.done = seconds <= 0
        self.main_windows = 0

    def start(self) -> None:
        """TensorFlow is there: look for a good moment from now on."""
        if not self.done:
            self._again(time.perf_counter() + CHECK_EVERY_S)

    def tick(self, now: float) -> None:
        """Open, close or wait."""
        if self.opened_at is not None:
            if now >= self.close_at and not self.watch.open_buildings:
                self._close()
            else:
                self._again(max(self.close_at, now + 0.001))
            return
        if self.done:
            return
        if self.watch.open_buildings or not self._warm():
            # The look at the tree must cost little however large the tree has become.
            cost = time.perf_counter() - now
            self._again(now + max(CHECK_EVERY_S, 50 * cost))
            return
        self._open()

    def _again(self, at_s: float) -> None:
        self.watch.tree.set_timer(self.tick, at_s)

    def finish(self) -> None:
        """The program has ended: keep what was recorded."""
        self.watch.tree.stop_timers()  # closing must not tick itself
        if self.opened_at is not None:
            self._close()
        self.done = True
        self.watch.tree.stop_timers()

    def _warm(self) -> bool:
        """Whether something that repeats has been repeated often enough."""
        runs, ops = _activity(self.watch.tree.root)
        return runs > WARM_CALLS or ops > EAGER_OPS_WARM

    def _open(self) -> None:
        if private.profiler_active():
            self.done = True
            self.watch.note("The program runs the profiler itself: graphprof recorded no trace.")
            return
        from tensorflow.profiler import experimental as profiler

        probe = self.events_per_s is None
        length = PROBE_S if probe else self._length()
        token = self.watch.tree.enter("profiler", "start")
        try:
            with _quiet():
                profiler.start(str(self._scratch()))
        except Exception as error:  # the profiler's errors have no common class
            self.done = True
            self.watch.note(f"The profiler could not be started: {error}")
            return
        finally:
            cost = self.watch.tree.leave(token)
        self.mark = profiler.Trace("train", step_num=len(self.watch.windows), _r=1)
        self.mark.__enter__()
        self.opened_at = time.perf_counter()
        self.close_at = self.opened_at + length
        self._again(self.close_at)
        self.watch.windows.append(
            {
                "probe": probe,
                "opened_s": self.opened_at - self.watch.tree.origin_s,
                "start_cost_s": cost,
                "before": _snapshot(self.watch),
            }
        )

    def _length(self) -> float:
        rate = max(self.events_per_s or 1.0, 1.0)
        return max(0.05, min(self.seconds, MOST_EVENTS / rate))

    def _close(self) -> None:
        from tensorflow.profiler import experimental as profiler

        assert self.opened_at is not None
        closed = time.perf_counter()
        self.mark.__exit__(None, None, None)
        window = self.watch.windows[-1]
        window["closed_s"] = closed - self.watch.tree.origin_s
        window["seconds"] = closed - self.opened_at
        window["after"] = _snapshot(self.watch)
        token = self.watch.tree.enter("profiler", "stop")
        try:
            with _quiet():
                profiler.stop()
        except Exception as error:  # the profiler's errors have no common class
            self.watch.note(f"The profiler could not be stopped: {error}")
            self.done = True
        finally:
            self.watch.tree.leave(token)
        ended = time.perf_counter()
        kept = self._keep()
        window["xplane"] = None if kept is None else kept.relative_to(self.folder).as_posix()
        window["stop_cost_s"] = ended - closed
        events = 0.0 if kept is None else kept.stat().st_size / BYTES_PER_EVENT
        self.events_per_s = events / max(window["seconds"], 1e-3)
        self.opened_at = None
        if not window["probe"]:
            self.main_windows += 1
        self.done = self.done or self.main_windows >= 2
        # The next window waits until the price of this one is small against what ran since.
        if not self.done:
            self._again(ended + (0.0 if window["probe"] else max(3.0, 10 * window["stop_cost_s"])))

    def _scratch(self) -> Path:
        """A folder of this window's own: the profiler names its runs by the second, and two windows
        in one second would overwrite each other.
        """
        return self.folder / f"window-{len(self.watch.windows)}"

    def _keep(self) -> Path | None:
        """Move the window's trace to where XProf looks, and return its path."""
        scratch = self.folder / f"window-{len(self.watch.windows) - 1}"
        files = sorted(scratch.glob("plugins/profile/*/*.xplane.pb"))
        if not files:
            return None
        run = files[0].parent
        target = self.folder / "plugins" / "profile" / run.name
        number = 1
        while target.exists():
            number += 1
            target = target.with_name(f"{run.name}_{number}")
        target.parent.mkdir(parents=True, exist_ok=True)
        run.rename(target)
        shutil.rmtree(scratch, ignore_errors=True)
        return target / files[0].name


def _activity(root: Any) -> tuple[int, int]:
    """The most often executed built function's executions, and the number of eager ops."""
    runs: dict[str, int] = {}
    ops = 0
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if node.kind == "run":
            runs[node.name] = runs.get(node.name, 0) + node.count
        if node.kind != "build":
            ops += sum(int(entry[0]) for entry in node.ops.values())
            waiting.extend(node.children.values())
    return max(runs.values(), default=0), ops


def _snapshot(watch: Watch) -> dict[str, Any]:
    """Counters at an edge of a window, to set its trace in relation to the whole."""
    runs: dict[str, int] = {}
    ops = steps = 0
    waiting = [watch.tree.root]
    while waiting:
        node = waiting.pop()
        if node.kind == "run":
            runs[node.name] = runs.get(node.name, 0) + node.count
        if node.kind in ("step", "first_step"):
            steps += node.count
        ops += sum(int(entry[0]) for entry in node.ops.values())
        waiting.extend(node.children.values())
    return {"runs": runs, "eager_ops": ops, "steps": steps, "buildings": len(watch.buildings)}


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the profiler's own log lines out of the program's stderr; other lines pass."""
    sys.stderr.flush()
    try:
        saved = os.dup(2)
    except OSError:  # the program has closed its stderr
        yield
        return
    with tempfile.TemporaryFile() as catch:
        os.dup2(catch.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(saved, 2)
            catch.seek(0)
            for line in catch.read().splitlines(keepends=True):
                if b"profiler" not in line and b"session_manager" not in line:
                    os.write(saved, line)
            os.close(saved)
