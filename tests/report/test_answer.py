"""A watched program's session has the same kind of report as a comparison, in every format."""

import io
import json
from dataclasses import replace

import recorded_programs
from recorded_programs import retracing_program
from rich.console import Console

from graphprof import session
from graphprof.report import answer


def test_it_keeps_the_common_keys(tmp_path):
    written = json.loads(answer.to_json(answer.build(session.load(retracing_program(tmp_path)))))
    assert written["schema"] == "graphprof.report/1"
    assert (written["baseline"], written["modes"], written["aa"]) == (None, [], None)
    assert written["program"]["exit_code"] == 0
    assert written["program"]["wall_s"] == 10
    assert sum(part["seconds"] for part in written["program"]["division"]) == 10
    causes = [finding["cause"] for finding in written["findings"]]
    assert causes[0] == "retrace_python_scalar"
    assert written["verdict"] == written["findings"][0]["sentence"].rstrip(".") + "."


def test_a_healthy_program_is_called_so(tmp_path):
    report = answer.build(session.load(recorded_programs.session(tmp_path)))
    assert report.findings == ()
    assert "never imported TensorFlow" in report.verdict


def test_every_text_names_the_cause(tmp_path):
    report = answer.build(session.load(retracing_program(tmp_path)))
    out = io.StringIO()
    answer.show(report, Console(file=out, width=100))
    for text in (out.getvalue(), answer.to_markdown(report)):
        assert report.findings[0].cause in text
        assert "train.py:10" in text


def test_a_program_that_was_killed_says_so(tmp_path):
    folder = retracing_program(tmp_path)
    next(folder.rglob("watch.json")).unlink()
    report = answer.build(session.load(folder))
    assert "killed" in report.verdict
    out = io.StringIO()
    ended = replace(report, program=replace(report.program, exit_code=-11))
    answer.show(ended, Console(file=out, width=100))
    assert "was ended by SIGSEGV" in out.getvalue()
    assert "time: unknown" in out.getvalue()
    assert json.loads(answer.to_json(report))["findings"] == []
