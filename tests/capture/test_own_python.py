"""Looks at the program's own Python: whose line it is, and what a look stands for."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from types import FrameType

import pytest

from graphprof.capture.instrument.sampling import PERIOD_S, SWITCH_S, OwnPython
from graphprof.capture.instrument.spans import Tree


def here() -> FrameType:
    return sys._getframe(1)


def lines(seen: OwnPython) -> dict[str, dict]:
    return {line["function"]: line for line in seen.record()["lines"]}


def test_a_look_is_counted_for_its_line():
    seen = OwnPython(Tree())

    def work() -> FrameType:
        frame = here()
        for seconds in (0.02, 0.5):
            seen.seen(frame, seconds)
        return frame

    frame = work()
    (line,) = seen.record()["lines"]
    assert line["site"][0] == __file__
    begins, ends = line["lines"]
    assert begins == frame.f_code.co_firstlineno < line["site"][1] <= ends
    assert (line["function"], line["samples"], line["rounds"]) == ("work", 2, 1)
    assert line["seconds"] == seen.record()["seconds"] == 0.52
    assert not line["generator"]


def test_a_round_is_a_look_with_other_work_in_between():
    tree = Tree()
    seen = OwnPython(tree)

    def look() -> None:
        seen.seen(here(), 0.02)

    for _ in range(3):
        look()
        look()
        tree.leave(tree.enter("call", "step"))
    tree.op("MatMul", 1e-5)
    look()
    line = lines(seen)["look"]
    assert (line["samples"], line["rounds"]) == (7, 4)


def test_comprehensions_belong_to_their_function_and_generators_are_told():
    seen = OwnPython(Tree())

    def batches():
        for number in range(2):
            seen.seen(here(), 0.1)
            yield [seen.seen(here(), 0.2) for _ in range(2)] + [number]

    list(batches())
    assert set(lines(seen)) == {"batches"}
    assert all(line["generator"] for line in seen.record()["lines"])
    assert round(sum(line["seconds"] for line in seen.record()["lines"]), 6) == 1.0


def test_the_outermost_function_of_a_library_is_named_without_its_wrappers(tmp_path):
    code = {}
    for name, text in {
        "site-packages/tensorflow/ops.py": "def convert_to_tensor(look): return inner(look)\n"
        "def inner(look): return look()\n",
        "site-packages/tensorflow/traceback_utils.py": "def error_handler(call, look): return call(look)\n",
    }.items():
        exec(compile(text, str(tmp_path / name), "exec"), code)
    seen = OwnPython(Tree())

    def convert() -> None:
        code["error_handler"](code["convert_to_tensor"], lambda: seen.seen(here().f_back, 0.1))

    convert()
    (line,) = seen.record()["lines"]
    assert line["called"] == "convert_to_tensor"
    assert line["function"] == "convert"


def busy(seconds: float) -> None:
    until = time.process_time() + seconds
    while time.process_time() < until:
        sum(range(100))


@pytest.fixture
def looking():
    """Looks at this process for as long as the test runs."""
    threads = set(threading.enumerate())
    seen = OwnPython(tree := Tree())
    seen.start()
    assert set(threading.enumerate()) == threads
    yield seen, tree
    seen.stop()
    time.sleep(2 * PERIOD_S)


ALONE = """
import json, time
from graphprof.capture.instrument.sampling import OwnPython
from graphprof.capture.instrument.spans import Tree

def busy(seconds):
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        sum(range(100))

def letting_go():
    time.sleep(0.0001)

seen = OwnPython(Tree())
seen.start()
for _ in range(100):
    busy(0.01)
    letting_go()
print(json.dumps(seen.record()))
"""


def test_looks_fall_where_the_time_goes_and_not_where_the_lock_is_let_go(tmp_path):
    """In a process whose only Python thread is the program's: the test runner has others."""
    (tmp_path / "alone.py").write_text(ALONE)
    done = subprocess.run(
        [sys.executable, str(tmp_path / "alone.py")], capture_output=True, text=True, check=True
    )
    found = {line["function"]: line["samples"] for line in json.loads(done.stdout)["lines"]}
    assert found["busy"] > 2 * found.get("letting_go", 0)
    assert found["busy"] >= 10


def test_it_looks_only_while_no_span_is_open(looking):
    seen, tree = looking
    busy(0.1)
    assert "busy" in lines(seen)
    token = tree.enter("call", "step")
    before = seen.record()["seconds"]
    busy(0.2)
    assert seen.record()["seconds"] == before
    tree.leave(token)


def test_a_long_call_of_c_counts_in_full(looking):
    seen, _ = looking
    began = time.perf_counter()
    sum(range(20_000_000))
    took = time.perf_counter() - began
    busy(0.1)  # the look comes when the call is over
    assert seen.record()["seconds"] > 0.6 * took


def test_the_switch_interval_is_as_it_was_afterwards_and_the_programs_own_stays():
    before = sys.getswitchinterval()
    seen = OwnPython(Tree())
    seen._alone(True)
    assert sys.getswitchinterval() == pytest.approx(SWITCH_S)
    seen.stop()
    assert sys.getswitchinterval() == pytest.approx(before)
    sys.setswitchinterval(0.123)
    try:
        seen._alone(True)
        assert sys.getswitchinterval() == pytest.approx(0.123)
    finally:
        sys.setswitchinterval(before)
