"""``graphprof profile`` and ``demo``: what is asked of the schedule, what is printed, exit codes."""

from __future__ import annotations

import errno
import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import builders
import click
import pytest
from click.testing import CliRunner
from rich.console import Console

from graphprof import session
from graphprof.capture.controller import schedule
from graphprof.cli import profile
from graphprof.cli.main import main
from graphprof.cli.progress import Shown
from graphprof.errors import StorageError, UsageError
from graphprof.session import SessionInfo

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    """What the schedule was asked for; it answers with a session written by hand."""
    asked: dict[str, Any] = {}

    def fake(spec: Any, modes: Any, logdir: Any, options: Any, progress: Any) -> Path:
        asked.update(spec=spec, modes=list(modes), logdir=logdir, options=options)
        progress.doing("eager", "starting")
        error = asked.get("error")
        if error is not None:
            raise error
        folder: Path = builders.session(tmp_path, modes=("eager", "graph"), steps=3)
        change = asked.get("change")
        if change is not None:
            change(folder)
        return folder

    monkeypatch.setattr(schedule, "profile", fake)
    return asked


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        out, err = capsys.readouterr()
        code = ended.value.code
        assert isinstance(code, int)
        return code, out, err

    return run


def test_what_is_typed_is_what_is_measured(asked: dict[str, Any], run: Run) -> None:
    code, out, err = run(
        *("profile", "models.py:build", "--modes", "graph,fit,fit-spe=8", "--phase", "predict"),
        *("--baseline", "fit", "--batch-size", "4", "--set", "width=64", "--set", "a=b=c"),
        *("--seed", "7", "--steps", "11", "--budget", "1.5m", "--timeout", "90s"),
        *("--logdir", "here", "--name", "mine", "--precision", "mixed_bfloat16"),
    )

    assert code == 0, err
    spec, options = asked["spec"], asked["options"]
    assert spec.target == "models.py:build"
    assert (spec.phase, spec.batch_size, spec.seed) == ("predict", 4, 7)
    assert spec.settings == {"width": "64", "a": "b=c"}
    assert spec.precision == "mixed_bfloat16"
    assert asked["modes"] == ["graph", "predict", "predict-spe=8"]
    assert options.baseline == "predict"
    assert (options.budget_s, options.timeout_s, options.trace_steps) == (90.0, 90.0, 11)
    assert (options.fewest_waves, options.waves) == (2, 5)
    assert (options.seed, options.name) == (7, "mine")
    assert asked["logdir"] == Path("here")
    assert "eager" in out
    assert "graphprof view here" in err


@pytest.mark.parametrize(
    ("flags", "waves", "budget_s"),
    [
        ([], (2, 5), 60.0),
        (["--quick"], (1, 1), 10.0),
        (["--thorough"], (5, 10), 150.0),
        (["--quick", "--budget", "3"], (1, 1), 3.0),
    ],
)
def test_thoroughness_sets_waves_and_budget(
    asked: dict[str, Any], run: Run, flags: list[str], waves: tuple[int, int], budget_s: float
) -> None:
    run("profile", "digits_cnn", *flags)

    assert (asked["options"].fewest_waves, asked["options"].waves) == waves
    assert asked["options"].budget_s == budget_s
    assert asked["modes"] == ["eager", "graph", "xla", "fit"]


def test_results_are_compared_unless_told_otherwise(asked: dict[str, Any], run: Run) -> None:
    run("profile", "digits_cnn")
    assert asked["options"].parity is True
    run("profile", "digits_cnn", "--no-parity", "--name", "again")
    assert asked["options"].parity is False


def test_json_is_all_that_stdout_holds(asked: dict[str, Any], run: Run, tmp_path: Path) -> None:
    file = tmp_path / "out" / "report.json"
    code, out, err = run("profile", "digits_cnn", "--json", "--json-file", str(file))

    assert code == 0, err
    assert json.loads(out)["schema"] == "graphprof.report/1"
    assert json.loads(file.read_text()) == json.loads(out)
    assert "eager: starting" in err


def test_a_json_file_that_cannot_be_written_does_not_cost_the_report(
    asked: dict[str, Any], run: Run, tmp_path: Path
) -> None:
    (tmp_path / "taken").write_text("")
    code, out, err = run(
        "profile", "digits_cnn", "--json", "--json-file", str(tmp_path / "taken" / "report.json")
    )

    assert code == 6
    assert json.loads(out)["schema"] == "graphprof.report/1"
    assert "Cannot write" in err


def test_the_command_to_look_at_it_can_be_pasted(asked: dict[str, Any], run: Run) -> None:
    _, _, err = run("profile", "digits_cnn", "--logdir", "my logs")
    assert "graphprof view 'my logs'" in err


def test_quiet_says_nothing_but_the_report(asked: dict[str, Any], run: Run) -> None:
    code, out, err = run("profile", "digits_cnn", "--quiet")
    assert (code, err) == (0, "")
    assert out


@pytest.mark.parametrize(
    "arguments",
    [
        ["--modes", "eager,nonsense"],
        ["--modes", ""],
        ["--set", "width"],
        ["--set", "=3"],
        ["--budget", "soon"],
        ["--budget", "0"],
        ["--steps", "0"],
        ["--phase", "sleep"],
        ["--batch-size", "-1"],
        ["--quick", "--thorough"],
        ["--baseline", "nonsense"],
        ["--modes", "fit-spe=none"],
        ["--seed", "-1"],
        ["--seed", "4294967296"],
    ],
    ids=" ".join,
)
def test_what_cannot_be_understood_is_refused(
    asked: dict[str, Any], run: Run, arguments: list[str]
) -> None:
    code, out, err = run("profile", "digits_cnn", *arguments)

    assert code == 2
    assert out == ""
    assert err
    assert "Traceback" not in err
    assert "options" not in asked


def test_a_failed_mode_gives_exit_code_4(asked: dict[str, Any], run: Run) -> None:
    def fail(folder: Path) -> None:
        file = folder / "graph" / "plugins" / "graphprof" / session.RUN_FILE
        record = session.load(folder).runs[1].run
        error = session.Failure("crashed", "Its process ended", "Read the log")
        session.save(file, replace(record, status="failed", error=error))

    asked["change"] = fail
    code, out, _ = run("profile", "digits_cnn")

    assert code == 4
    assert "Its process ended" in out


def with_status(status: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        info: SessionInfo = replace(session.load(folder).info, status=status)
        session.save(folder / session.SESSION_FILE, info)

    return change


def test_an_interrupted_session_is_reported_with_130(asked: dict[str, Any], run: Run) -> None:
    asked["change"] = with_status("interrupted")
    code, out, _ = run("profile", "digits_cnn", "--json")

    assert code == 130
    assert len(json.loads(out)["modes"]) == 2


def test_an_interrupted_session_without_measurements_prints_no_report(
    asked: dict[str, Any], run: Run
) -> None:
    def change(folder: Path) -> None:
        with_status("interrupted")(folder)
        for file in folder.glob(f"*/plugins/graphprof/{session.MEASUREMENT_FILE}"):
            file.unlink()

    asked["change"] = change
    code, out, err = run("profile", "digits_cnn", "--json")

    assert (code, out) == (130, "")
    assert "before anything was measured" in err


def test_what_could_not_be_saved_is_printed_all_the_same(
    asked: dict[str, Any], run: Run, tmp_path: Path
) -> None:
    measured = session.load(builders.session(tmp_path, modes=("eager", "graph")))
    full = StorageError("Cannot write x: No space left on device", "Free some space")
    asked["error"] = schedule.UnsavedError(full, measured)
    code, out, err = run("profile", "digits_cnn", "--json")

    assert code == 6
    assert [mode["mode"] for mode in json.loads(out)["modes"]] == ["eager", "graph"]
    assert "No space left on device" in err


def test_the_demo_is_a_quick_profile_of_the_digits(asked: dict[str, Any], run: Run) -> None:
    code, _, _ = run("demo", "--logdir", "demo-logs")

    assert code == 0
    assert asked["spec"].target == "digits_cnn"
    assert asked["modes"] == ["eager", "graph", "xla", "fit"]
    assert asked["options"].waves == 1


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90s", 90), ("1.5m", 90), ("2 min", 120), ("250ms", 0.25)]
)
def test_times_are_read_as_people_type_them(text: str, seconds: float) -> None:
    assert profile.SECONDS.convert(text, None, None) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "s", "-1", "1e3", "1 d", "0s"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter):
        profile.SECONDS.convert(text, None, None)


def test_options_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(UsageError):
        profile.options_of(quick=True, thorough=True)


def test_off_a_terminal_progress_is_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with Shown(Console(stderr=True, force_terminal=False, width=40)) as shown:
        shown.doing("fit", "first call: building [bold]and[/] compiling, which may take long")
        for number in range(50):
            shown.measuring(number, 9.6)
        shown.problem(None, "interrupted")

    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "fit: first call: building [bold]and[/] compiling, which may take long"
    assert lines[1] == "all modes: timing blocks in random order, round 1, about 10 s left"
    assert lines[2] == "! interrupted"
    assert len(lines) == 3


def test_progress_that_nobody_can_read_stops_nothing() -> None:
    class Closed(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(errno.EIO, "Input/output error")

    with Shown(Console(file=Closed(), force_terminal=False)) as shown:
        shown.doing("fit", "warming up")
        shown.problem(None, "interrupted")


def test_on_a_terminal_only_problems_stay() -> None:
    console = Console(force_terminal=True, width=100, record=True, stderr=True)
    with Shown(console) as shown:
        shown.doing("fit", "warming [up")
        shown.measuring(3, 2.0)
        shown.problem("xla", "It failed [here]")

    assert "! xla: It failed [here]" in console.export_text()


def test_help_shows_examples_and_exit_codes() -> None:
    result = CliRunner().invoke(profile.command, ["--help"])
    assert result.exit_code == 0
    assert "fit-spe=8" in result.output
    assert "130" in result.output
