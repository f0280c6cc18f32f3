"""Known costs must come back where they were spent.

One process records short traces (``breakdown_recording.py``); what each injection took was measured
inside it. Machines are noisy: medians of alternating steps are compared, with wide margins, and
always with a measured time, never with a constant.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from graphprof.analysis import breakdown
from graphprof.trace import amend, marks, xspace
from graphprof.trace.kinds import KIND_IDS

pytestmark = pytest.mark.tf

MODES = ("eager", "graph", "xla", "fit", "fit-xla")


class Recordings:
    """What the child process left behind."""

    def __init__(self, folder):
        self.folder = folder
        self.truth = json.loads((folder / "truth.json").read_text())

    def path(self, name):
        (found,) = (self.folder / name).glob("plugins/profile/*/*.xplane.pb")
        return found

    def divided(self, name):
        result = breakdown.read(self.path(name))
        result.self_check()
        return result

    def spent_s(self, name, case):
        return {int(step): seconds for step, seconds in self.truth[name][case].items()}


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recordings")
    script = Path(__file__).with_name("breakdown_recording.py")
    done = subprocess.run(
        [sys.executable, str(script), str(folder)], capture_output=True, text=True, timeout=500
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return Recordings(folder)


def of_kind(result, kind, steps):
    rows = np.isin(result.step_nums, list(steps))
    return result.parts_ps[rows, KIND_IDS.index(kind)] / 1e12


def by_case(recordings, name, case, kind):
    """``(plain, injected, true)``: seconds of a kind in plain steps, in those of a case, and what
    the case took in each of them."""
    result = recordings.divided(name)
    cases = list(recordings.truth[name])
    plain, injected = (
        [n for n in result.step_nums.tolist() if cases[n % len(cases)] == wanted]
        for wanted in ("plain", case)
    )
    true = recordings.spent_s(name, case)
    return (
        of_kind(result, kind, plain),
        of_kind(result, kind, injected),
        np.array([true[n] for n in injected]),
    )


CASES = [
    (mode, case)
    for mode in MODES
    for case in ("python", "input", "op", "py_function")
    if not (case == "py_function" and "xla" in mode)
]


@pytest.mark.parametrize(("mode", "case"), CASES)
def test_what_was_spent_comes_back_in_its_kind(recordings, mode, case):
    plain, injected, true = by_case(recordings, f"alternating-{mode}", case, case)
    # Noise only adds (to a sleep, the time until a processor is free): the quieter steps tell.
    found = (injected - np.percentile(plain, 25)) / true
    assert np.median(found) > 0.6
    assert np.percentile(found, 25) < 1.6


@pytest.mark.parametrize(("mode", "case"), CASES)
def test_and_not_in_another_kind(recordings, mode, case):
    for kind in {"python", "input", "op", "py_function", "build", "compile"} - {case}:
        plain, injected, true = by_case(recordings, f"alternating-{mode}", case, kind)
        # What leaks does so in quiet steps, too; and the kind's own noise is no leak.
        leaked = np.percentile(injected, 25) - np.median(plain)
        assert leaked < 0.5 * np.median(true) + 2 * np.std(plain), kind


@pytest.mark.parametrize("mode", ["graph", "fit"])
def test_a_prefetched_generator_is_background_and_hardly_input(recordings, mode):
    name = f"prefetching-{mode}"
    result = recordings.divided(name)
    true = np.median(list(recordings.spent_s(name, "input").values()))
    assert np.median(of_kind(result, "input", result.step_nums)) < 0.4 * true
    assert np.median(result.background_ps) / 1e12 > 0.6 * true
    assert np.median(of_kind(result, "py_function", result.step_nums)) < 0.1 * true


@pytest.mark.parametrize("mode", ["graph", "xla"])
def test_building_and_compiling_come_back_from_the_first_call(recordings, mode):
    name = f"first_call-{mode}"
    result = recordings.divided(name)
    built, called = (recordings.spent_s(name, case) for case in ("build", "call"))
    build, compiled = (of_kind(result, kind, [0])[0] for kind in ("build", "compile"))
    assert 0.6 * built[0] < build < built[0] + called[0]
    if mode == "xla":
        assert 0.4 * called[0] < compiled < 1.05 * called[0]
    else:
        assert compiled == 0
    # A helper thread may still be finishing when the next step waits.
    assert of_kind(result, "build", [1, 2]).max() < 0.01 * build
    assert of_kind(result, "compile", [1, 2]).max() <= 0.01 * compiled


def test_fits_first_call_builds_and_compiles(recordings):
    result = recordings.divided("first_call-fit-xla")
    build, compiled = (of_kind(result, kind, [0])[0] for kind in ("build", "compile"))
    assert build > 0
    assert compiled > 0
    assert build + compiled > 0.5 * result.wall_ps[0] / 1e12
    assert of_kind(result, "compile", [1, 2]).max() < 0.01 * compiled


@pytest.mark.parametrize("mode", MODES)
def test_nothing_is_unknown_in_a_common_model(recordings, mode):
    assert recordings.divided(f"alternating-{mode}").unknown == ()


def test_steps_of_one_call_are_told_apart(recordings):
    """In each call of four, the third step sleeps in Python; the others do not."""
    result = recordings.divided("several_steps-fit")
    assert len(result) == 32
    assert result.exact.all()
    assert result.notices == ()
    slept = (result.parts_ps[:, KIND_IDS.index("py_function")] / 1e12).reshape(8, 4)
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
