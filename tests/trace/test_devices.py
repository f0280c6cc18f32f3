"""What ran on accelerators is drawn beside the host's threads, and in no number."""

import builders
import numpy as np
import pytest

from graphprof import session as sessions
from graphprof.analysis.work import breakdown
from graphprof.importing import session as importing
from graphprof.report import answer
from graphprof.trace import devices, marks, nesting, rules, tables, xspace


def space(*streams):
    """A step of 100 us that waits for 60 us of kernels on another device."""
    made = builders.Space()
    host = made.plane()
    python = host.line("python", start_us=1000)
    python.event("train", 0, 100, _r=1, step_num=0).event("TFE_Py_Execute", 10, 20)
    host.line("tf_Compute/7", start_us=1000).event("a/b:Conv2D", 12, 5)
    for number, stream in enumerate(streams):
        plane = made.plane(f"/device:GPU:{number}")
        for line, events in stream.items():
            plane.line(line, start_us=1000).events(events)
    builders._task_environment(made)
    return made.data


KERNELS = {
    "Stream #13(Compute)": [("implicit_convolve_sgemm", 20, 40), ("relu_kernel", 70, 20)],
    "Stream #14(MemcpyH2D)": [("MemcpyH2D", 5, 10)],
    "Steps": [("0", 0, 100)],
}
OTHER = {"Stream #13(Compute)": [("relu_kernel", 30, 5)], "Empty": []}


def test_the_lines_of_devices_stand_behind_those_of_the_host(tmp_path):
    trace = builders.read(tmp_path, space(KERNELS, OTHER))
    whole = devices.joined(trace)
    host, before = whole.host, trace.host
    assert [line.name for line in host.lines] == [
        "python",
        "tf_Compute/7",
        *(f"GPU:0 {name}" for name in KERNELS),
        "GPU:1 Stream #13(Compute)",
        "GPU:1 Empty",
    ]
    assert len(whole) == len(trace) == 8
    assert [plane.name for plane in whole.planes] == ["/host:CPU", "Task Environment"]
    size = len(before)
    for column in ("start_ps", "duration_ps", "name_id"):
        assert (getattr(host, column)[:size] == getattr(before, column)).all()
    found = {
        (line.name, host.names[host.name_id[event]]): int(host.start_ps[event])
        for line in host.lines
        for event in range(line.first, line.last)
    }
    at = int(before.start_ps[0])
    assert found["GPU:0 Stream #13(Compute)", "relu_kernel"] == at + 70_000_000
    assert found["GPU:1 Stream #13(Compute)", "relu_kernel"] == at + 30_000_000
    assert len(set(host.names)) == len(host.names)
    assert nesting.nest(host).overlapping == ()


def test_a_trace_without_devices_stays_as_it_is(tmp_path):
    trace = builders.read(tmp_path, space())
    assert devices.joined(trace) is trace
    assert devices.notice(trace) is None


def test_kernels_copies_and_what_is_derived_are_told_apart(tmp_path):
    path = builders.write(tmp_path, space(KERNELS))
    loaded = tables.load(path, marks.STATS)
    host = loaded.levels.plane
    kinds = {host.names[name]: kind for name, kind in zip(host.name_id, loaded.kinds, strict=True)}
    assert kinds["implicit_convolve_sgemm"] == rules.OP
    assert kinds["MemcpyH2D"] == rules.RUNTIME
    assert kinds["0"] == rules.UNKNOWN
    assert len(marks.find(loaded.trace)) == 1


def test_they_are_counted_as_no_part_of_the_step(tmp_path):
    alone, beside = (
        breakdown.divide(builders.read(tmp_path, data)) for data in (space(), space(KERNELS))
    )
    assert np.array_equal(alone.parts_ps, beside.parts_ps)
    notice = devices.notice(xspace.read(builders.write(tmp_path, space(KERNELS))))
    assert "GPU:0 (4 events)" in notice


@pytest.mark.parametrize("name", builders.HOSTILE)
def test_hostile_names_of_devices_are_names(tmp_path, name):
    stream = {f"Stream {name}": [(name, 5, 1), ("train", 7, 1)]}
    whole = devices.joined(builders.read(tmp_path, space(stream, stream)))
    assert len(whole.host) == 7
    assert len(set(whole.host.names)) == len(whole.host.names)


def test_an_imported_trace_with_devices_says_what_it_leaves_out(tmp_path):
    path = builders.write(tmp_path, space(KERNELS))
    done = importing.run([str(path)], tmp_path / "logs")
    report = answer.build(sessions.load(done.folder))
    assert any("GPU:0" in problem for problem in report.modes[0].trace.problems)
    assert any("GPU:0" in warning for warning in report.warnings)
