"""What the plugin answers: every route, on sound, damaged and hostile sessions."""

import json
import struct

import builders
import pytest
from plugin_client import SESSION, client_of

from graphprof.analysis.timing import steps as step_analysis
from graphprof.report import derive, document
from graphprof.session import load
from graphprof.trace.kinds import KIND_IDS

HEADER = struct.Struct("<IIIIqqqd")


def test_sessions_are_listed_with_what_is_wrong_with_them(ask, logdir):
    status, answer = ask("sessions")
    assert status == 200
    assert answer["logdir"] == str(logdir)
    sessions = {entry["id"]: entry for entry in answer["sessions"]}
    assert set(sessions) == {SESSION, "below/hostile", "empty", "cut", "list", "newer", "fields"}
    assert sessions[SESSION]["target"] == "digits_cnn"
    assert sessions[SESSION]["modes"] == ["eager", "graph", "xla", "fit-spe=8"]
    assert sessions[SESSION]["error"] is None
    for damaged in ("empty", "cut", "list", "fields"):
        assert "damaged" in sessions[damaged]["error"]["message"], damaged
        assert sessions[damaged]["error"]["cure"]
    assert "format 99" in sessions["newer"]["error"]["message"]


def test_sound_sessions_come_before_damaged_ones(ask):
    _, answer = ask("sessions")
    assert [entry["error"] is None for entry in answer["sessions"]] == [True] * 2 + [False] * 5


def test_a_session_that_is_recorded_later_is_found(tmp_path):
    client = client_of(tmp_path)
    assert json.loads(client.get("/sessions").data)["sessions"] == []
    builders.session(tmp_path, modes=("graph",), traces=False)
    assert len(json.loads(client.get("/sessions").data)["sessions"]) == 1
    assert client.get("/report", query_string={"session": SESSION}).status_code == 200


def test_the_report_is_the_one_of_the_command_line(ask, logdir):
    status, answer = ask("report", session=SESSION)
    assert status == 200
    assert answer == json.loads(document.to_json(derive.report(load(logdir / SESSION))))
    failed = answer["modes"][-1]
    assert failed["error"]["message"] == "No batch count fits"
    assert failed["step_time_s"]["median"] is None


def test_a_report_is_made_anew_when_the_session_changes(tmp_path):
    folder = builders.session(tmp_path, modes=("graph",), traces=False)
    client = client_of(tmp_path)

    def target():
        return json.loads(client.get("/report", query_string={"session": SESSION}).data)["session"][
            "target"
        ]

    assert target() == "digits_cnn"
    text = (folder / "session.json").read_text()
    (folder / "session.json").write_text(text.replace('"digits_cnn"', '"another"'))
    assert target() == "another"


def test_steps_hold_every_timed_call(ask, logdir):
    status, answer = ask("steps", session=SESSION)
    assert status == 200
    columns = step_analysis.columns(load(logdir / SESSION))
    assert answer["parts"] == list(step_analysis.PARTS)
    assert answer["columns"]["seconds"] == columns.seconds.tolist()
    assert len({len(column) for column in answer["columns"].values()}) == 1
    assert answer["modes"] == ["eager", "graph", "xla"]  # the failed mode has no measurement


def test_each_process_has_its_line(ask):
    _, answer = ask("steps", session=SESSION)
    rows = [(row["mode"], row["wave"], row["arm"]) for row in answer["processes"]]
    assert rows == [
        *(("eager", wave, "mode") for wave in (0, 1)),
        *(("graph", wave, arm) for wave in (0, 1) for arm in ("mode", "aa")),
        *(("xla", wave, "mode") for wave in (0, 1)),
    ]
    for row in answer["processes"]:
        quartiles = [row[name] for name in ("min_s", "low_quartile_s", "median_s", "max_s")]
        assert quartiles == sorted(quartiles)
        assert row["timed"] > 0


def test_kinds_are_those_of_the_trace_and_two_beside(ask):
    _, answer = ask("kinds")
    assert [kind["id"] for kind in answer["kinds"]] == list(KIND_IDS)
    assert [kind["id"] for kind in answer["beside"]] == ["waiting", "background"]


def test_a_trace_s_outline(ask):
    status, answer = ask("trace", session=SESSION, mode="graph")
    assert status == 200
    assert [line["name"].partition("/")[0] for line in answer["lines"]] == [
        "python",
        "tf_Compute",
        "tf_numa_-1_Eigen",
    ]
    ends = [line["first_row"] + line["rows"] for line in answer["lines"]]
    assert [line["first_row"] for line in answer["lines"]] == [0, *ends[:-1]]
    assert sum(line["events"] for line in answer["lines"]) == answer["events"]
    assert answer["steps"]["num"] == [0, 1, 2, 3]
    assert answer["typical"] in range(4)
    relu = answer["names"].index("sequential/conv2d/Relu:_FusedConv2D")
    assert (answer["ops"][relu], answer["scopes"][relu]) == ("Conv2D", "sequential/conv2d")


def test_the_timeline_is_binary_and_fits_the_outline(client, ask):
    _, outline = ask("trace", session=SESSION, mode="graph")
    query = {"session": SESSION, "mode": "graph", "width": 1000}
    window = {"start_ps": outline["start_ps"], "end_ps": outline["end_ps"]}
    response = client.get("/timeline", query_string={**query, **window})
    assert response.content_type == "application/octet-stream"
    magic, version, n, rows, base, end, _, _ = HEADER.unpack_from(response.data)
    assert (magic, version) == (0x54505247, 1)
    assert (base, end) == (window["start_ps"], window["end_ps"])
    assert rows == sum(line["rows"] for line in outline["lines"])
    assert 0 < n <= outline["events"]
    assert len(response.data) == HEADER.size + 28 * n + (n + 3) // 4 * 4


def test_an_event_in_full(ask):
    _, outline = ask("trace", session=SESSION, mode="eager")
    events = [ask("event", session=SESSION, mode="eager", event=index)[1] for index in range(8)]
    step = next(event for event in events if event["name"] == "train")
    assert step["start_ps"] == outline["steps"]["start_ps"][0]
    assert step["duration_ps"] == pytest.approx(20e9)
    assert step["parents"] == []
    call = next(event for event in events if event["name"] == "EagerExecute")
    assert call["parents"] == ["TFE_Py_FastPathExecute_C", "train"]
    assert call["kind"] == "dispatch"
    assert 0 <= call["self_ps"] <= call["duration_ps"]


def test_uses_of_an_op_in_each_mode(ask):
    counts = {}
    for mode in ("eager", "graph", "xla"):
        _, outline = ask("trace", session=SESSION, mode=mode)
        start, end = outline["steps"]["start_ps"][1], outline["steps"]["end_ps"][1]
        window = {"start_ps": start, "end_ps": end, "width": 4000}
        _, uses = ask("uses", session=SESSION, mode=mode, name="op:Conv2D", **window)
        counts[mode] = uses["count"]
        assert len(uses["row"]) == len(uses["start_ps"]) == len(uses["span_ps"])
        assert uses["previous_ps"] < start <= uses["start_ps"][0]
        assert uses["next_ps"] >= end
    # XLA marks where a convolution ends by an event of its own, inside the first.
    assert counts == {"eager": 1, "graph": 1, "xla": 1}


def test_an_event_inside_another_one_that_is_meant_is_not_counted_again(ask):
    _, outline = ask("trace", session=SESSION, mode="eager")
    window = {"start_ps": 0, "end_ps": outline["end_ps"] + 1, "width": 4000}
    _, uses = ask("uses", session=SESSION, mode="eager", name="Execute", **window)
    _, outer = ask("uses", session=SESSION, mode="eager", name="TFE_Py_FastPath", **window)
    assert (uses["count"], uses["total_ps"]) == (outer["count"], outer["total_ps"])


def test_marks_on_one_pixel_are_sent_once(ask):
    _, outline = ask("trace", session=SESSION, mode="eager")
    window = {"start_ps": 0, "end_ps": outline["end_ps"] + 1}
    asked = {"session": SESSION, "mode": "eager", "name": "EagerExecute", **window}
    _, fine = ask("uses", **asked, width=16384)
    _, coarse = ask("uses", **asked, width=3)
    assert fine["count"] == coarse["count"] == len(fine["row"])
    assert len(coarse["row"]) <= 3


@pytest.mark.parametrize(
    ("route", "query", "status"),
    [
        ("report", {}, 400),
        ("report", {"session": ""}, 400),
        ("report", {"session": "nobody"}, 404),
        ("report", {"session": "../" + SESSION}, 404),
        ("report", {"session": "/etc"}, 404),
        ("report", {"session": "a\0b"}, 404),
        ("report", {"session": "."}, 404),
        ("report", {"session": "empty"}, 422),
        ("report", {"session": "newer"}, 422),
        ("steps", {"session": "cut"}, 422),
        ("trace", {"session": SESSION}, 400),
        ("trace", {"session": SESSION, "mode": "nothing"}, 404),
        ("trace", {"session": SESSION, "mode": "../eager"}, 404),
        ("trace", {"session": SESSION, "mode": "fit-spe=8"}, 404),
        ("event", {"session": SESSION, "mode": "eager"}, 400),
        ("event", {"session": SESSION, "mode": "eager", "event": "-1"}, 400),
        ("event", {"session": SESSION, "mode": "eager", "event": "1e3"}, 400),
        ("event", {"session": SESSION, "mode": "eager", "event": "9" * 5000}, 400),
        ("event", {"session": SESSION, "mode": "eager", "event": "٣"}, 400),
        ("event", {"session": SESSION, "mode": "eager", "event": "--3"}, 400),
        ("event", {"session": SESSION, "mode": "eager", "event": "99999999"}, 404),
    ],
)
def test_what_cannot_be_answered_says_why_and_what_to_do(ask, route, query, status):
    found, answer = ask(route, **query)
    assert found == status
    assert set(answer) == {"error"}
    assert answer["error"]["message"]
    assert answer["error"]["cure"]
    assert "Traceback" not in answer["error"]["message"]


@pytest.mark.parametrize(
    "window",
    [
        {},
        {"start_ps": 0, "end_ps": 0, "width": 10},
        {"start_ps": 5, "end_ps": 1, "width": 10},
        {"start_ps": 0, "end_ps": 10, "width": 0},
        {"start_ps": 0, "end_ps": 10, "width": 10**9},
        {"start_ps": "nan", "end_ps": 10, "width": 10},
        {"start_ps": 0, "end_ps": 2**70, "width": 10},
        {"start_ps": "0x10", "end_ps": 100, "width": 10},
    ],
)
@pytest.mark.parametrize("route", ["timeline", "uses"])
def test_a_bad_window_is_refused(ask, route, window):
    status, answer = ask(route, session=SESSION, mode="eager", name="op:Conv2D", **window)
    assert status == 400
    assert answer["error"]["cure"]


def test_windows_beside_the_trace_are_empty_or_whole(client):
    query = {"session": SESSION, "mode": "eager", "width": 100}
    for start, end in ((-(2**53), -(2**52)), (2**52, 2**53), (-(2**53), 2**53)):
        response = client.get("/timeline", query_string={**query, "start_ps": start, "end_ps": end})
        assert response.status_code == 200, (start, end)


def test_a_trace_cut_anywhere_is_answered(tmp_path):
    folder = builders.session(tmp_path, modes=("graph",), steps=2, rounds=1)
    xplane = next(folder.rglob("*.xplane.pb"))
    data = xplane.read_bytes()
    client = client_of(tmp_path)
    for size in range(0, len(data), max(1, len(data) // 23)):
        xplane.write_bytes(data[:size])
        for route in ("report", "trace"):
            response = client.get(f"/{route}", query_string={"session": SESSION, "mode": "graph"})
            assert response.status_code in (200, 422), (route, size, response.data)


def test_hostile_names_come_back_as_they_are(ask):
    status, report = ask("report", session="below/hostile")
    assert status == 200
    assert report["session"]["target"] == builders.HOSTILE[0]
    mode = report["modes"][-1]["mode"]
    assert mode == builders.HOSTILE[0]
    status, outline = ask("trace", session="below/hostile", mode=mode)
    assert status == 200
    assert "<script>alert(2)</script>" in outline["names"]
    for name in filter(None, builders.HOSTILE):
        window = {"start_ps": 0, "end_ps": 10**12, "width": 100}
        found, _ = ask("uses", session="below/hostile", mode=mode, name=name, **window)
        assert found == 200


@pytest.mark.parametrize("mode", ["a\0b", "..", "../other", "/etc", "", ".", "x" * 300])
def test_a_mode_s_name_that_is_no_folder_is_no_way_out(tmp_path, mode):
    folder = builders.session(tmp_path, modes=("graph",), traces=False)
    info = json.loads((folder / "session.json").read_text())
    (folder / "session.json").write_text(json.dumps({**info, "modes": ["graph", mode]}))
    client = client_of(tmp_path)
    for route in ("sessions", "report", "steps", "trace"):
        response = client.get(f"/{route}", query_string={"session": SESSION, "mode": mode})
        assert response.status_code in (200, 400, 404, 422), (route, response.data)
