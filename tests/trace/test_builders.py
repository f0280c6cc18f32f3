"""The hand-written sessions must be what they claim to be, or every other test stands on sand."""

import builders
import numpy as np
import pytest

from graphprof import session as sessions
from graphprof.trace import xspace


def test_a_session_is_complete(tmp_path):
    path = builders.session(tmp_path, steps=3)
    session = sessions.load(path)
    assert session.problems == ()
    assert [folder.run.mode for folder in session.runs] == ["eager", "graph", "xla", "fit"]
    for folder in session.runs:
        assert folder.measurement is not None
        arms = {process.arm for process in folder.measurement.processes}
        assert arms == ({"mode", "aa"} if folder.run.mode == "graph" else {"mode"})
        assert folder.xplane is not None
        host = xspace.read(folder.xplane, ("step_num",)).host
        assert host is not None
        assert host.stats["step_num"].values.tolist() == [0, 1, 2]


def test_hostile_names_survive_on_disk(tmp_path):
    session = sessions.load(builders.session(tmp_path, modes=("graph",), hostile_names=True))
    assert [folder.run.mode for folder in session.runs] == ["graph", builders.HOSTILE[0]]
    xplane = session.runs[0].xplane
    assert xplane is not None
    host = xspace.read(xplane).host
    assert host is not None
    assert set(builders.HOSTILE) <= set(host.names)


@pytest.mark.parametrize("mode", ["eager", "graph", "xla", "fit-spe=4"])
def test_step_marks_tile_the_trace(tmp_path, mode):
    trace = builders.read(tmp_path, builders.mode_trace(mode, steps=8, step_s=0.002))
    host = trace.host
    assert host is not None
    marks = host.stats["step_num"].owner
    assert len(marks) == 8 // builders.steps_per_call(mode)
    assert np.all(host.duration_ps[marks] == round(2e9 * builders.steps_per_call(mode)))
    inside = (host.start_ps >= host.start_ps[marks[0]]) & (host.end_ps <= host.end_ps[marks[-1]])
    assert inside.all()
