"""The routes behind Difference and Layers & ops, on a recording of three modes."""

import gzip
import json
import math

import builders
import pytest
import recorded_session
from plugin_client import client_of

from graphprof.analysis.work.difference import BYS
from graphprof.report import comparison
from graphprof.session import load

CONV = recorded_session.RECORDED


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recorded")
    recorded_session.write(folder)
    recorded_session.write_hostile(folder, "hostile")
    builders.session(folder, name="untraced", modes=("graph", "xla"), traces=False, rounds=1)
    return folder


@pytest.fixture(scope="module")
def ask(folder):
    client = client_of(folder)

    def ask(route, **query):
        response = client.get(f"/{route}", query_string=query)
        return response.status_code, json.loads(response.data)

    return ask


@pytest.fixture(scope="module")
def modes(ask):
    status, answer = ask("layers", session=CONV)
    assert status == 200
    return {mode["mode"]: mode for mode in answer["modes"]}


@pytest.mark.parametrize("by", BYS)
def test_the_difference_is_the_one_of_the_command_line(ask, folder, by):
    status, answer = ask("difference", session=CONV, baseline="graph", mode="xla", by=by)
    assert status == 200
    built = comparison.build(load(folder / CONV), "graph", "xla", by)
    assert answer == json.loads(comparison.to_json(built))
    found = answer["difference"]
    assert math.fsum(part["gap_s"] for part in found["parts"]) == pytest.approx(found["gap_s"])


def test_layers_sum_to_the_step_and_ops_to_their_layer(modes):
    for mode in modes.values():
        rows, ops = mode["rows"], mode["ops"]
        if mode["error"]:
            continue
        assert math.fsum(row["wall_s"] for row in rows) == pytest.approx(mode["step_s"])
        assert len({len(column) for column in ops.values()}) == 1
        for row in rows:
            assert math.fsum(row["kinds"].values()) == pytest.approx(row["wall_s"])
            own = [
                wall
                for owner, in_pass, wall in zip(
                    ops["owner"], ops["in_pass"], ops["wall_s"], strict=True
                )
                if (owner, in_pass) == (row["owner"], row["in_pass"])
            ]
            assert math.fsum(own) == pytest.approx(row["op_s"], abs=1e-12)


def test_the_same_work_has_the_same_type_in_every_mode(modes):
    pooling = {
        name: {
            tf_type
            for owner, in_pass, tf_type in zip(
                mode["ops"]["owner"], mode["ops"]["in_pass"], mode["ops"]["tf_type"], strict=True
            )
            if (owner, in_pass) == ("conv/max_pooling2d", "backward")
        }
        for name, mode in modes.items()
        if not mode["error"]
    }
    assert all("MaxPoolGrad" in types for types in pooling.values())


def test_layers_say_what_labels_rest_on_and_which_mode_is_missing(ask, modes):
    _, answer = ask("layers", session=CONV)
    assert (answer["baseline"], answer["root"]) == ("graph", "conv/")
    assert list(modes) == ["eager", "graph", "xla", "fit-spe=8"]
    for name in ("eager", "graph", "xla"):
        assert modes[name]["labelled"] > 0.99
        assert sum(modes[name]["tags"].values()) == pytest.approx(1)
    missing = modes["fit-spe=8"]
    assert missing["error"] == {"message": "No batch count fits", "cure": "Give --steps 32"}
    assert missing["step_s"] is None
    assert missing["rows"] == []


def test_modes_without_traces_are_said(ask):
    status, answer = ask("layers", session="untraced")
    assert status == 200
    assert [mode["error"]["message"] for mode in answer["modes"]] == [
        "graph was not traced",
        "xla was not traced",
    ]


@pytest.mark.parametrize(
    ("query", "status", "says"),
    [
        ({}, 400, "no 'session'"),
        ({"session": "nobody"}, 404, "no session"),
        ({"session": CONV}, 400, "no 'baseline'"),
        ({"session": CONV, "baseline": "graph"}, 400, "no 'mode'"),
        ({"session": CONV, "baseline": "graph", "mode": "xla"}, 400, "no 'by'"),
        ({"session": CONV, "baseline": "graph", "mode": "xla", "by": "hour"}, 400, "hour"),
        ({"session": CONV, "baseline": "graph", "mode": "graph", "by": "op"}, 400, "the same"),
        ({"session": CONV, "baseline": "../graph", "mode": "xla", "by": "op"}, 404, "no mode"),
        ({"session": CONV, "baseline": "graph", "mode": "fit-spe=8", "by": "op"}, 404, "No batch"),
        ({"session": "untraced", "baseline": "graph", "mode": "xla", "by": "op"}, 404, "no trace"),
    ],
)
def test_what_cannot_be_compared_says_why_and_what_to_do(ask, query, status, says):
    found, answer = ask("difference", **query)
    assert found == status
    assert says in answer["error"]["message"]
    assert answer["error"]["cure"]


def test_a_damaged_trace_leaves_the_other_modes(tmp_path):
    path = recorded_session.write(tmp_path)
    next((path / "xla").rglob("*.xplane.pb")).write_bytes(b"\x00")
    client = client_of(tmp_path)
    answer = json.loads(client.get("/layers", query_string={"session": CONV}).data)
    broken = {mode["mode"]: mode["error"] for mode in answer["modes"]}
    assert broken["graph"] is None
    assert broken["xla"]["cure"]
    query = {"session": CONV, "baseline": "graph", "mode": "xla", "by": "layer"}
    assert client.get("/difference", query_string=query).status_code == 422


def test_traces_are_read_once_until_they_change(tmp_path, monkeypatch):
    path = recorded_session.write(tmp_path)
    read = []
    of_run = comparison.attribution.of_run
    monkeypatch.setattr(
        "tensorboard_plugin_graphprof.comparing.attribution.of_run",
        lambda folder: read.append(folder.run.mode) or of_run(folder),
    )
    client = client_of(tmp_path)
    for by in (*BYS, "layer"):
        query = {"session": CONV, "baseline": "graph", "mode": "xla", "by": by}
        client.get("/difference", query_string=query)
    client.get("/layers", query_string={"session": CONV})
    assert sorted(read) == ["eager", "fit-spe=8", "graph", "xla"]
    trace = next((path / "xla").rglob("*.xplane.pb"))
    trace.write_bytes(
        gzip.decompress((recorded_session.FIXTURES / "graph.xplane.pb.gz").read_bytes())
    )
    answer = json.loads(client.get("/layers", query_string={"session": CONV}).data)
    assert read[4:] == ["xla"]
    assert answer["modes"][2]["step_s"] == pytest.approx(answer["modes"][1]["step_s"])


def test_hostile_names_come_back_as_they_are(ask):
    status, answer = ask("layers", session="hostile")
    assert status == 200
    owners = {row["owner"] for mode in answer["modes"] for row in mode["rows"]}
    assert f"net/{builders.HOSTILE[1]}" in owners
    query = {"baseline": "eager", "mode": builders.HOSTILE[0], "by": "op"}
    status, answer = ask("difference", session="hostile", **query)
    assert status == 200
    assert builders.HOSTILE[1] in {part["op_type"] for part in answer["difference"]["parts"]}


def test_asynchronous_instructions_are_intervals_and_what_is_not_known_is_null(modes):
    ops = modes["xla"]["ops"]
    intervals = zip(ops["op_type"], ops["low_s"], ops["high_s"], strict=True)
    wide = {kind for kind, low, high in intervals if high > 1.05 * low}
    assert "convolution" in wide  # runs in the thread pool; its event is only the launch
    assert all(low <= high for low, high in zip(ops["low_s"], ops["high_s"], strict=True))
    # No graph was recorded beside this trace: shapes and costs are not known.
    graph = modes["graph"]
    assert set(graph["ops"]["flops"]) == set(graph["ops"]["bytes"]) == {None}
    assert graph["optimizer"] is None
