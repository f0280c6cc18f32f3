"""Sessions made of traces that others took."""

import gzip
import json
import os
import subprocess
import sys

import builders
import pytest
from click.testing import CliRunner

from graphprof import session as sessions
from graphprof.analysis.work import breakdown
from graphprof.cli.main import graphprof
from graphprof.errors import TraceError, UsageError
from graphprof.importing import session as importing
from graphprof.report import answer, comparison
from graphprof.trace import xspace


def loop(function="__inference_step_7", turns=5, length=100, shift=0.0):
    """A loop over a compiled function that nobody marked."""
    space = builders.Space()
    plane = space.plane()
    python = plane.line("python", start_us=1000 + shift)
    pool = plane.line("tf_Compute/7", start_us=1000 + shift)
    for n in range(turns):
        at = length * n
        python.event("step", at, 0.8 * length, tf_function_call="notTraced-nonXla")
        python.event("TFE_Py_ExecuteCancelable", at + 1, 0.7 * length)
        python.event("EagerExecute", at + 2, 0.6 * length)
        python.event(f"EagerLocalExecute: {function}", at + 3, 0.5 * length)
        python.event("KernelAndDeviceFunc::Run", at + 4, 0.4 * length)
        python.event("FunctionRun", at + 5, 1, _r=1, id=n)
        pool.event("ExecutorState::Process", at + 6, 0.3 * length, id=n)
        pool.event("m_3_1/conv2d_8/Relu:_FusedConv2D", at + 7, 0.25 * length)
    builders._task_environment(space)
    return space.data


def put(tmp_path, data, run="run", host="vm", time="2025_01_01"):
    folder = tmp_path / run / "plugins" / "profile" / time
    return builders.write(folder, data, f"{host}.xplane.pb")


def imported(tmp_path, *arguments, **wish):
    done = importing.run([str(a) for a in arguments], tmp_path / "logs", importing.Wish(**wish))
    return sessions.load(done.folder), done.refused


def test_steps_that_were_derived_divide_like_marked_ones(tmp_path):
    session, _ = imported(tmp_path, put(tmp_path, loop()))
    divided = breakdown.read(session.runs[0].xplane)
    assert len(divided) == 4
    divided.self_check()
    assert divided.step_s == pytest.approx(100e-6)
    # 0.25 of each step is the kernel; nothing of it is lost to the added marks.
    assert divided.mean_s("op") == pytest.approx(25e-6)


def test_the_original_is_left_alone(tmp_path):
    path = put(tmp_path, loop())
    before = path.read_bytes()
    session, _ = imported(tmp_path, path)
    assert path.read_bytes() == before
    assert session.runs[0].xplane.read_bytes() != before


def test_nothing_but_marks_is_added(tmp_path):
    path = put(tmp_path, loop(shift=123.4))
    session, _ = imported(tmp_path, path)

    def events(of):
        host = xspace.read(of, None).host
        return [
            (host.names[name], start, length, own)
            for name, start, length, own in zip(
                host.name_id, host.start_ps, host.duration_ps, range(len(host)), strict=True
            )
        ]

    old = {event[:3] for event in events(path)}
    new = {event[:3] for event in events(session.runs[0].xplane)}
    assert old < new
    assert {name for name, _, _ in new - old} == {"predict"}


def test_calls_of_several_steps_are_split(tmp_path):
    """Keras numbers the batches: 0, 4, 8, ... are calls of four steps each."""
    space = builders.Space()
    python = space.plane().line("python")
    for call in range(4):
        python.event("Profiled batch", 100 * call, 80, step_num=4 * call)
        python.event("EagerLocalExecute: __inference_multi_step_on_iterator_9", 100 * call + 5, 70)
    builders._task_environment(space)
    session, _ = imported(tmp_path, put(tmp_path, space.data))
    run = session.run("fit")
    assert run.run.trace.step_nums == tuple(range(16))
    divided = breakdown.read(run.xplane)
    assert divided.step_nums.tolist() == list(range(16))
    assert divided.step_s == pytest.approx(20e-6)
    assert not divided.exact.any()
    lines = [line.name for line in xspace.read(run.xplane).host.lines]
    assert "graphprof steps" in lines


XPROF = """
import sys
from xprof.convert import raw_to_tool_data
data, _ = raw_to_tool_data.xspace_to_tool_data([sys.argv[1]], "overview_page", {})
print(data.decode() if isinstance(data, bytes) else data)
"""


def test_xprof_finds_the_steps_of_the_copy(tmp_path):
    path = put(tmp_path, loop(length=1000))

    def overview(of):
        command = [sys.executable, "-c", XPROF, str(of)]
        return subprocess.run(command, capture_output=True, text=True, timeout=300).stdout

    assert "No step marker" in overview(path)
    session, _ = imported(tmp_path, path)
    found = overview(session.runs[0].xplane)
    assert "No step marker" not in found
    assert '"steptime_ms_average":"1.0' in found


def test_marked_steps_are_taken_byte_for_byte(tmp_path):
    path = put(tmp_path, builders.mode_trace("graph"))
    session, _ = imported(tmp_path, path)
    assert session.runs[0].xplane.read_bytes() == path.read_bytes()
    assert os.stat(path).st_nlink == 2


def test_nothing_is_measured_and_nothing_is_zero(tmp_path):
    times = {"eager": 0.02, "graph": 0.006, "xla": 0.009}
    traces = {mode: builders.mode_trace(mode, step_s=time) for mode, time in times.items()}
    session, _ = imported(tmp_path, *(put(tmp_path, data, mode) for mode, data in traces.items()))
    assert session.info.modes == ("eager", "graph", "xla")
    report = json.loads(answer.to_json(answer.build(session)))
    for mode in report["modes"]:
        assert {mode["step_time_s"][end] for end in ("median", "low", "high")} == {None}
        assert mode["ratio"] is None
        assert mode["tracing_overhead"] is None
        assert mode["steps"] == {"asked": 4, "shown": 4}
        assert mode["traced_step_s"] > 0
    assert report["verdict"].startswith(
        "No step was timed without the profiler; traced steps take:"
    )
    assert any("no ratios" in note for note in report["notes"])
    compared = comparison.build(session, "graph", "xla", "kind")
    assert compared.ratio is None
    assert compared.sentence.startswith("A traced step of xla takes 3.00 ms longer")


def test_the_same_layers_meet_in_the_difference(tmp_path):
    other = loop(length=200).replace(b"m_3_1/conv2d_8/", b"m_5_1/conv2d_9/")
    session, _ = imported(tmp_path, put(tmp_path, loop(), "a"), put(tmp_path, other, "b"))
    found = comparison.build(session, "graph", "graph-2", "layer")
    conv = [part for part in found.difference.parts if part.owner == "m/conv2d"]
    assert len(conv) == 1
    assert (conv[0].baseline_s, conv[0].mode_s) == pytest.approx((25e-6, 50e-6))
    total = sum(part.gap_s for part in found.difference.parts)
    assert total == pytest.approx(found.difference.gap_s)


def test_ops_without_layers_are_compared_by_type(tmp_path):
    paths = [put(tmp_path, builders.mode_trace(mode), mode) for mode in ("eager", "graph")]
    session, _ = imported(tmp_path, *paths)
    found = comparison.build(session, "eager", "graph", "op")
    assert found.alignment is None
    conv = [part for part in found.difference.parts if part.op_type == "Conv2D"]
    assert len(conv) == 1
    assert conv[0].baseline_s > 0 < conv[0].mode_s
    assert any("No layer is known" in warning for warning in found.warnings)


def test_modes_are_named_by_the_user(tmp_path):
    one, two = put(tmp_path, loop(), "a"), put(tmp_path, loop(), "b")
    session, _ = imported(
        tmp_path,
        one,
        two,
        modes={one.resolve(): "before", two.resolve(): "after"},
        baseline="after",
    )
    assert session.info.modes == ("before", "after")
    assert session.info.baseline == "after"


@pytest.mark.parametrize("name", ["../out", "a/b", "", ".", "x" * 200])
def test_a_name_that_is_no_folder_is_refused(tmp_path, name):
    path = put(tmp_path, loop())
    with pytest.raises(UsageError):
        imported(tmp_path, path, modes={path.resolve(): name})
    assert not list((tmp_path / "logs").glob("*"))


def test_an_unknown_baseline_leaves_nothing_behind(tmp_path):
    with pytest.raises(UsageError, match="no mode 'xla'"):
        imported(tmp_path, put(tmp_path, loop()), baseline="xla")
    assert not list((tmp_path / "logs").glob("*"))


def test_of_several_hosts_one_is_used_and_said(tmp_path):
    for host in ("worker-1", "worker-0", "worker-2"):
        put(tmp_path, loop(), host=host)
    session, _ = imported(tmp_path, tmp_path / "run")
    assert [run.run.resolved["host"] for run in session.runs] == ["worker-0"]
    assert any("left out: worker-1, worker-2" in note for note in session.info.notes)


def test_a_log_directory_gives_all_its_recordings_once(tmp_path):
    put(tmp_path, loop(), "a", time="1")
    put(tmp_path, loop(), "a", time="2")
    path = put(tmp_path, loop(), "b/train")
    session, _ = imported(tmp_path, tmp_path, path, str(tmp_path / "**" / "*.xplane.pb"))
    assert len(session.runs) == 3
    assert session.runs[-1].run.title.endswith("b/train")


def test_own_sessions_are_not_imported_again(tmp_path):
    imported(tmp_path, put(tmp_path, loop()))
    with pytest.raises(TraceError, match="graphprof's own"):
        imported(tmp_path, tmp_path / "logs")


def test_a_trace_that_is_cut_off_is_imported_up_to_the_cut(tmp_path):
    whole = loop(turns=50)
    # Planes end with their names, which a cut would take along: cut the file behind them.
    session, _ = imported(tmp_path, put(tmp_path, whole[: len(whole) - 20]))
    assert answer.build(session).modes[0].steps.shown == 49
    assert any("cut off" in note for note in session.info.notes)


BAD = {
    "empty.xplane.pb": (b"", "is empty"),
    "text.xplane.pb": (b"This is no trace at all, but it is called one.\n" * 9, "no plane"),
    "noise.xplane.pb": (bytes(range(256)) * 40, "no plane"),
    "vm.trace.json.gz": (gzip.compress(b"{}"), "trace viewer's copy"),
    "packed.xplane.pb": (gzip.compress(b"x"), "is compressed"),
    "tfevents.xplane.pb": (b"\x18\x00\x00\x00\x00\x00\x00\x00\xa3\x7f\x4b\x22\x09\x00", "no plane"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files_are_refused_with_a_reason_and_a_cure(tmp_path, name):
    data, said = BAD[name]
    path = builders.write(tmp_path / "bad", data, name)
    with pytest.raises(TraceError, match=said) as refused:
        imported(tmp_path, path)
    assert str(path) in str(refused.value)
    assert refused.value.cure
    assert not list((tmp_path / "logs").glob("*"))


def test_good_ones_are_imported_beside_bad_ones(tmp_path):
    bad = builders.write(tmp_path / "bad", b"", "empty.xplane.pb")
    session, refused = imported(
        tmp_path, bad, put(tmp_path, loop()), tmp_path / "missing.xplane.pb"
    )
    assert len(session.runs) == 1
    assert len(refused) == 2
    assert sum("Not imported" in note for note in session.info.notes) == 2


def test_a_trace_without_the_named_event_is_refused_beside_others(tmp_path):
    plain = put(tmp_path, loop(), "a")
    named = put(tmp_path, builders.trace({"python": [("mine", 0, 9), ("mine", 10, 9)]}), "b")
    session, refused = imported(tmp_path, plain, named, step_event="mine")
    assert session.run("trace").run.trace.steps_asked == 2
    assert [bad.path for bad in refused] == [str(plain)]
    with pytest.raises(UsageError, match="mine"):
        imported(tmp_path, plain, step_event="mine")


@pytest.mark.parametrize("share", [0.02, 0.2, 0.5, 0.8, 0.97])
def test_no_cut_makes_it_fail_in_another_way(tmp_path, share):
    data = builders.mode_trace("fit-spe=4", 16)
    path = put(tmp_path, data[: int(len(data) * share)])
    result = invoke(path, "--logdir", tmp_path / "logs", "--json")
    if result.exception is None:
        report = json.loads(result.stdout)
        assert report["modes"][0]["trace"]["problems"] or "missing" in " ".join(report["notes"])
    else:
        assert isinstance(result.exception, TraceError)


def test_200_modes_at_once(tmp_path):
    for number in range(200):
        put(tmp_path, loop(turns=3), f"run{number}")
    session, _ = imported(tmp_path, tmp_path)
    assert len(set(session.info.modes)) == 200
    assert len(session.info.notes) < 12
    assert max(map(len, session.info.notes)) < 500


def test_hostile_names_stay_names(tmp_path):
    data = builders.mode_trace("graph", hostile_names=True)
    session, _ = imported(tmp_path, put(tmp_path, data, run="<b>run</b>"))
    answer.to_json(answer.build(session))
    comparison_free = answer.to_markdown(answer.build(session))
    assert "<script>" not in comparison_free
    assert "<b>" not in comparison_free


def invoke(*arguments):
    return CliRunner().invoke(graphprof, ["import", *map(str, arguments)], standalone_mode=False)


def test_the_verb_prints_the_report(tmp_path):
    result = invoke(
        put(tmp_path, loop()), "--logdir", tmp_path / "logs", "--name", "mine", "--json"
    )
    assert result.exception is None
    report = json.loads(result.stdout)
    assert report["session"]["id"].endswith("-mine")
    assert report["modes"][0]["mode"] == "graph"
    assert result.return_value == 0


def test_the_verb_ends_with_4_when_some_were_refused(tmp_path):
    bad = builders.write(tmp_path / "bad", b"", "empty.xplane.pb")
    result = invoke(bad, "--mode", f"a=b={put(tmp_path, loop())}", "--logdir", tmp_path / "logs")
    assert result.return_value == 4
    assert "not imported" in result.stderr
    assert "a=b" in result.stdout


@pytest.mark.parametrize("arguments", [(), ("--mode", "nofile"), ("--mode", "=x")])
def test_the_verb_refuses_what_it_cannot_understand(tmp_path, arguments):
    result = invoke(*arguments, "--logdir", tmp_path / "logs")
    assert isinstance(result.exception, UsageError)
