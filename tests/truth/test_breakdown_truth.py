"""Known costs must come back where they were spent.

One process records short traces (``planting.py``). Machines are noisy: medians of alternating steps
are compared, with wide margins, and always with a measured time, never with a constant. The exact
figures come from ``scripts/bench_truth``, which records for longer.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from recovering import Recordings

from graphprof.trace import amend, marks, xspace
from graphprof.trace.kinds import KIND_IDS

pytestmark = pytest.mark.tf

MODES = ("eager", "graph", "xla", "fit", "fit-xla")
PLAN = {
    "amounts": {"python": 6e-3, "input": 8e-3, "py_function": 6e-3},
    "recordings": [
        *(("alternating", mode, 8) for mode in MODES),
        *(("building", mode, 2) for mode in ("graph", "fit")),
        *(("compiling", mode, 2) for mode in ("xla", "fit-xla")),
        *(("prefetching", mode, 12) for mode in ("graph", "fit")),
        ("several_steps", "fit", 8),
        *(("first_call", mode, 3) for mode in ("graph", "xla", "fit-xla")),
    ],
}


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recordings")
    (folder / "plan.json").write_text(json.dumps(PLAN))
    script = Path(__file__).with_name("planting.py")
    done = subprocess.run(
        [sys.executable, str(script), str(folder), str(folder / "plan.json")],
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return Recordings(folder)


def of_kind(result, kind, rows=slice(None)):
    return result.parts_ps[rows, KIND_IDS.index(kind)] / 1e12


CASES = [
    (mode, case)
    for mode in MODES
    for case in ("python", "input", "matmul", "sync", "py_function")
    if not (case == "py_function" and "xla" in mode)
]


@pytest.mark.parametrize(("mode", "case"), CASES)
def test_what_was_spent_comes_back_in_its_kind(recordings, mode, case):
    name = f"alternating-{mode}"
    result = recordings.divided(name)
    found = recordings.recovered(name, result, case)
    # How much the kind takes where nothing is planted varies, too: with the machine.
    plain = recordings.steps_of(name, result, "plain")
    noise = np.std(sum(of_kind(result, kind, plain) for kind in recordings.expected(case)))
    assert abs(found.found_s - found.planted_s) < 0.6 * found.planted_s + 2 * noise, found


@pytest.mark.parametrize(("mode", "case"), CASES)
def test_and_not_in_another_kind(recordings, mode, case):
    name = f"alternating-{mode}"
    result = recordings.divided(name)
    planted = recordings.planted_s(name, result, case)
    rows, plain = (recordings.steps_of(name, result, one) for one in (case, "plain"))
    for kind in {"python", "input", "op", "py_function", "build", "compile"} - {case}:
        if kind in recordings.expected(case):
            continue
        # What leaks does so in quiet steps, too; and the kind's own noise is no leak.
        plainly = of_kind(result, kind, plain)
        leaked = np.percentile(of_kind(result, kind, rows), 25) - np.median(plainly)
        assert leaked < 0.5 * np.median(planted) + 2 * np.std(plainly), kind


@pytest.mark.parametrize(
    ("name", "case"),
    [
        ("building-graph", "retrace"),
        ("building-fit", "retrace"),
        ("compiling-xla", "shape"),
        ("compiling-xla", "value"),
        ("compiling-fit-xla", "shape"),
    ],
)
def test_retraces_and_recompilations_are_building_and_compiling(recordings, name, case):
    result = recordings.divided(name)
    found = recordings.recovered(name, result, case)
    plain = recordings.steps_of(name, result, "plain")
    noise = np.std(result.wall_ps[plain]) / 1e12
    assert abs(found.found_s - found.planted_s) < 0.3 * found.planted_s + 2 * noise, found
    for kind in recordings.expected(case):
        assert np.median(of_kind(result, kind, plain)) < 0.01 * found.planted_s


def test_a_retrace_is_built_and_a_new_shape_only_compiled(recordings):
    for mode in ("graph", "fit"):
        name = f"building-{mode}"
        assert (
            recordings.recovered(name, recordings.divided(name), "retrace").by_kind_s["build"] > 0
        )
    result = recordings.divided("compiling-xla")
    found = recordings.recovered("compiling-xla", result, "shape").by_kind_s
    assert found["build"] < 0.01 * found["compile"]


@pytest.mark.parametrize("mode", ["graph", "fit"])
def test_a_prefetched_generator_is_background_and_hardly_input(recordings, mode):
    name = f"prefetching-{mode}"
    result = recordings.divided(name)
    true = np.median(list(recordings.truth[name]["spent"].values()))
    assert np.median(of_kind(result, "input")) < 0.4 * true
    assert np.median(result.background_ps) / 1e12 > 0.6 * true
    assert np.median(of_kind(result, "py_function")) < 0.1 * true


@pytest.mark.parametrize("mode", ["graph", "xla"])
def test_building_and_compiling_come_back_from_the_first_call(recordings, mode):
    name = f"first_call-{mode}"
    result = recordings.divided(name)
    built, called = (recordings.truth[name]["spent"][case]["0"] for case in ("build", "call"))
    build, compiled = (of_kind(result, kind)[0] for kind in ("build", "compile"))
    assert 0.6 * built < build < built + called
    if mode == "xla":
        assert 0.4 * called < compiled < 1.05 * called
    else:
        assert compiled == 0
    # A helper thread may still be finishing when the next step waits.
    assert of_kind(result, "build")[1:].max() < 0.01 * build
    assert of_kind(result, "compile")[1:].max() <= 0.01 * compiled


def test_fits_first_call_builds_and_compiles(recordings):
    result = recordings.divided("first_call-fit-xla")
    build, compiled = (of_kind(result, kind)[0] for kind in ("build", "compile"))
    assert build > 0
    assert compiled > 0
    assert build + compiled > 0.5 * result.wall_ps[0] / 1e12
    assert of_kind(result, "compile")[1:].max() < 0.01 * compiled


def test_parts_sum_to_the_step_that_another_clock_measured(recordings):
    for name in recordings.truth:
        if name.startswith(("alternating", "building", "compiling")):
            result = recordings.divided(name)
            assert recordings.unclosed(name, result) == 0
            assert abs(recordings.clocks(name, result)) < 0.05, name


@pytest.mark.parametrize("mode", MODES)
def test_nothing_is_unknown_in_a_common_model(recordings, mode):
    assert recordings.divided(f"alternating-{mode}").unknown == ()


def test_steps_of_one_call_are_told_apart(recordings):
    """In each call of four, the third step sleeps in Python; the others do not."""
    result = recordings.divided("several_steps-fit")
    assert len(result) == 32
    assert result.exact.all()
    assert result.notices == ()
    slept = of_kind(result, "py_function").reshape(8, 4)
    assert np.median(slept[:, 2]) > 0.004
    assert np.median(slept[:, [0, 1, 3]]) < 0.001


COUNT_STEPS = """
import json, sys
from xprof.convert import raw_to_tool_data
data, _ = raw_to_tool_data.xspace_to_tool_data([sys.argv[1]], "overview_page", {})
print(max(len(t["rows"]) for t in json.loads(data) if "steptime_ms_average" in t.get("p", {})))
"""


def test_xprof_sees_every_step_of_an_amended_trace(recordings, tmp_path):
    path = tmp_path / "host.xplane.pb"
    path.write_bytes(recordings.path("several_steps-fit").read_bytes())
    assert amend.amend(path) == 32
    assert len(marks.find(xspace.read(path, marks.STATS))) == 32
    done = subprocess.run(
        [sys.executable, "-c", COUNT_STEPS, str(path)], capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, done.stderr[-4000:]
    # XProf leaves out the first and the last step of any trace.
    assert int(done.stdout.split()[-1]) == 30
