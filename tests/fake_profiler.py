"""A profiler without TensorFlow, as ``graphprof.capture.worker.recorder`` uses it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import builders


class AlreadyExistsError(Exception):
    """Named as TensorFlow's."""


class FakeProfiler:
    """Writes what it is told to where TensorFlow's would."""

    def __init__(self, data: bytes | None = None, busy: bool = False) -> None:
        self.data = builders.trace({"python": [("op", 0, 5)]}) if data is None else data
        self.busy = busy
        self.fails_at_stop: Exception | None = None
        self.recordings: list[list[dict[str, int]]] = []
        self.running: Path | None = None
        # Whether a step that is open while the profiler stops is an error.
        self.strict = True

    def start(self, folder: str) -> None:
        if self.busy:
            raise AlreadyExistsError("Another profiler is running.")
        assert self.running is None
        self.running = Path(folder)
        self.recordings.append([])

    def stop(self) -> None:
        assert self.running is not None
        folder = self.running / "plugins" / "profile" / f"run{len(self.recordings)}"
        self.running = None
        if self.fails_at_stop is not None:
            raise self.fails_at_stop
        folder.mkdir(parents=True)
        (folder / "host.xplane.pb").write_bytes(self.data)

    @contextlib.contextmanager
    def Trace(self, name: str, **stats: int) -> Iterator[None]:  # noqa: N802 TensorFlow's name
        assert self.running is not None
        yield
        assert self.running is not None or not self.strict, (
            "a step must not be open while the profiler stops"
        )
        self.recordings[-1].append({"name": name, **stats})  # type: ignore[dict-item]
