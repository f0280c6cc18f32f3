"""``graphprof compare``: text, Markdown and JSON, and what it says when it cannot."""

import json

import builders
import pytest
from click.testing import CliRunner

from graphprof.analysis.work.difference import BYS
from graphprof.cli import compare
from graphprof.errors import SessionError, TraceError, UsageError
from graphprof.session import Failure


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    return builders.session(tmp_path_factory.mktemp("logs"), modes=("eager", "graph", "xla"))


def run(*arguments):
    result = CliRunner().invoke(compare.command, [str(a) for a in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize("by", BYS)
def test_the_json_sums_to_the_gap(session, by):
    document = json.loads(run(session, "graph", "xla", "--by", by, "--json"))
    found = document["difference"]
    assert document["schema"] == "graphprof.compare/1"
    assert sum(part["gap_s"] for part in found["parts"]) == pytest.approx(found["gap_s"], rel=1e-9)
    # Ops are matched within layers, and no layer is known of these XLA instructions.
    assert document["alignment"] is None


def test_the_newest_session_of_a_folder_is_taken(session):
    assert "xla is " in run(session.parent, "graph", "xla")


def test_markdown_is_a_table_that_ends_in_the_step(session):
    lines = run(session, "graph", "xla", "--by", "kind", "--markdown").splitlines()
    assert lines[0].startswith("**xla is ")
    rows = [line for line in lines if line.startswith("| ")]
    assert rows[-1].startswith("| Traced step | ")
    assert lines[-1] == "xla: the layer is known of only 0.0 % of op execution"


def test_the_op_table_says_what_took_whose_place(tmp_path):
    session = builders.session(tmp_path, modes=("graph", "fit"))
    assert "counterpart" in run(session, "graph", "fit", "--by", "op")
    assert json.loads(run(session, "graph", "fit", "--by", "op", "--json"))["alignment"]


def test_ops_without_layers_are_compared_by_type(session):
    assert "by their types alone" in run(session, "eager", "graph", "--by", "op")


def test_a_mode_must_be_there(session):
    with pytest.raises(UsageError, match="eager, graph, xla"):
        run(session, "graph", "fit")
    with pytest.raises(UsageError, match="the same"):
        run(session, "graph", "graph")


def test_a_mode_without_trace_cannot_be_compared(tmp_path):
    failed = {"xla": Failure("failed", "It broke", "Mend it")}
    path = builders.session(tmp_path, modes=("graph", "xla"), failed=failed)
    with pytest.raises(SessionError, match="no trace"):
        run(path, "graph", "xla")


def test_hostile_names_do_no_harm(tmp_path):
    path = builders.session(tmp_path, modes=("eager", "graph"), hostile_names=True)
    assert "<script>" not in run(path, "eager", "graph", "--by", "op", "--markdown")
    run(path, "eager", "graph", "--by", "op")


@pytest.mark.parametrize("kept", [0, 1, 100])
def test_a_damaged_trace_is_named_with_its_mode(tmp_path, kept):
    folder = builders.session(tmp_path, modes=("eager", "graph"))
    trace = next((folder / "graph").rglob("*.xplane.pb"))
    trace.write_bytes(trace.read_bytes()[:kept])
    with pytest.raises(TraceError, match=r"^Mode graph: "):
        run(folder, "eager", "graph")
