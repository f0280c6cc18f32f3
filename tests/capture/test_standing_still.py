"""Between its requests a worker stands still as a whole, not only its loop."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import psutil
import pytest
from capture_faking import COMMAND

from graphprof.capture import protocol
from graphprof.capture.controller.child import Child, ask_and_wait
from graphprof.capture.controller.stop import Stop
from graphprof.capture.spec import WorkloadSpec

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="workers are stopped on Linux only")


def state(child: Child, wanted: str) -> str:
    """The process's state, once it is the one that is wanted, or after two seconds."""
    process, until = psutil.Process(child.pid), time.monotonic() + 2
    while process.status() != wanted and time.monotonic() < until:
        time.sleep(0.01)
    return str(process.status())


def test_a_worker_is_stopped_until_it_is_asked_again(tmp_path: Path) -> None:
    child = Child("20ms", "mode", tmp_path / "worker.log", {}, COMMAND)
    try:
        prepare = protocol.Prepare("20ms", WorkloadSpec("a.py:b"))
        assert isinstance(ask_and_wait(child, prepare, 60, Stop()), protocol.Ready)
        assert state(child, psutil.STATUS_STOPPED) == psutil.STATUS_STOPPED
        assert isinstance(ask_and_wait(child, protocol.FirstCall(), 60, Stop()), protocol.Called)
        assert state(child, psutil.STATUS_STOPPED) == psutil.STATUS_STOPPED
        child.dismiss()
        child.leave(time.monotonic() + 30)
        with pytest.raises(psutil.NoSuchProcess):
            psutil.Process(child.pid)
    finally:
        child.end()
