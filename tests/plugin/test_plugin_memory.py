"""The route behind Memory, on a recording of three modes."""

import json

import pytest
import recorded_session
from plugin_client import client_of

from graphprof.report import answer
from graphprof.session import graphprof_folder, load
from graphprof.trace.memory_file import MEMORY_FILE

CONV = recorded_session.RECORDED


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recorded")
    recorded_session.write(folder)
    recorded_session.write_hostile(folder, "hostile")
    return folder


@pytest.fixture(scope="module")
def ask(folder):
    client = client_of(folder)

    def ask(session):
        response = client.get("/memory", query_string={"session": session})
        return response.status_code, json.loads(response.data)

    return ask


@pytest.fixture(scope="module")
def modes(ask):
    status, found = ask(CONV)
    assert status == 200
    return {mode["mode"]: mode for mode in found["modes"]}


def test_figures_are_those_of_the_report(ask, folder, modes):
    report = json.loads(answer.to_json(answer.build(load(folder / CONV))))
    assert {mode["mode"]: mode["memory"] for mode in report["modes"]} == {
        name: mode["memory"] for name, mode in modes.items()
    }
    assert ask(CONV)[1]["root"] == "conv/"


def test_curves_reach_the_peak_and_no_further(modes):
    for name in ("eager", "graph", "xla"):
        mode = modes[name]
        levels = [level for _, level in mode["step"]["curve"]]
        assert max(levels) == mode["memory"]["peak_bytes"]
        assert levels[0] == mode["memory"]["before_bytes"]
        assert max(step["peak"] for step in mode["steps"]) == mode["memory"]["peak_bytes"]
    planned = [level for _, level in modes["xla"]["step"]["planned"]]
    assert max(planned) == modes["xla"]["memory"]["plan"]["needed_bytes"]
    assert modes["graph"]["step"]["planned"] == []


def test_the_largest_tensors_of_a_moment_are_named(modes):
    top = modes["xla"]["step"]["tops"][20]
    assert any(tensor["owner"] == "conv/max_pooling2d" for tensor in top["tensors"])
    assert all(tensor["bytes"] > 0 for tensor in top["tensors"])


def test_processes_are_followed(modes):
    (first, second) = modes["eager"]["rss"]["processes"]
    assert (first["wave"], second["wave"]) == (0, 1)
    blocks = [moment for moment in first["moments"] if moment["after"] == "block"]
    assert [moment["calls"] for moment in blocks] == list(range(21, 141, 10))
    assert blocks[-1]["bytes"] - blocks[0]["bytes"] == 110 * (1 << 18)


def test_a_mode_without_a_trace_says_why(modes):
    mode = modes["fit-spe=8"]
    assert (mode["step"], mode["steps"]) == (None, [])
    assert mode["memory"]["why_not"] == "It was not traced."


def test_hostile_names_come_as_they_are(ask):
    status, found = ask("hostile")
    assert status == 200
    assert {mode["memory"]["problem"] for mode in found["modes"]} == {None}


def test_a_damaged_record_is_said_where_its_mode_is(ask, folder):
    path = folder / "hostile" / "eager"
    (graphprof_folder(path) / MEMORY_FILE).write_text("[]")
    status, found = ask("hostile")
    assert status == 200
    assert "memory.json" in found["modes"][0]["memory"]["problem"]


def test_a_session_that_is_not_there_is_not_found(ask):
    assert ask("nothing")[0] == 404
