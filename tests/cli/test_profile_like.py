"""``graphprof profile --like``: the choices of an older session, and what is not as it was."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import builders
import capture_faking
import click
import pytest

from graphprof import session
from graphprof.analysis.timing import repeat
from graphprof.cli import profile, repeating
from graphprof.errors import SessionError


def parsed(*arguments: str) -> dict[str, object]:
    """The options that the verb would work with."""
    with profile.command.make_context("profile", list(arguments)) as context:
        return dict(context.params)


def recorded(tmp_path: Path, **changes: object) -> Path:
    folder = builders.session(tmp_path, modes=("eager", "graph"))
    info = session.load(folder).info
    options = {
        "budget_s": 12.5,
        "waves": 10,
        "fewest_waves": 5,
        "trace_steps": 7,
        "parity": False,
        "timeout_s": 30.0,
        "seed": 3,
        "baseline": "graph",
        "workload": {
            "target": "models.py:build",
            "phase": "evaluate",
            "settings": {"width": "64"},
            "data": None,
            "batch_size": 8,
            "seed": 3,
            "precision": None,
        },
        **changes,
    }
    session.save(folder / session.SESSION_FILE, dataclasses.replace(info, options=options))
    return folder


def test_the_choices_of_the_older_session_are_the_defaults(tmp_path: Path) -> None:
    chosen = parsed("--like", str(recorded(tmp_path)))

    assert chosen["target"] == "models.py:build"
    assert chosen["modes"] == "eager,graph"
    assert (chosen["phase"], chosen["settings"], chosen["batch_size"]) == (
        "evaluate",
        ("width=64",),
        8,
    )
    assert (chosen["budget"], chosen["steps"], chosen["timeout"]) == (12.5, 7, 30.0)
    assert (chosen["seed"], chosen["baseline"], chosen["no_parity"]) == (3, "graph", True)
    assert (chosen["quick"], chosen["thorough"]) == (False, True)


def test_what_is_typed_wins_wherever_it_stands(tmp_path: Path) -> None:
    like = str(recorded(tmp_path))

    chosen = parsed("--batch-size", "4", "other.py:make", "--like", like, "--seed", "9")

    assert (chosen["target"], chosen["batch_size"], chosen["seed"]) == ("other.py:make", 4, 9)
    assert chosen["phase"] == "evaluate"


def test_without_like_a_target_is_still_needed() -> None:
    with pytest.raises(click.MissingParameter):
        parsed("--quick")


def test_a_watched_program_cannot_be_repeated(tmp_path: Path) -> None:
    folder = recorded(tmp_path, workload=None)
    with pytest.raises(SessionError, match="cannot be repeated"):
        repeating.choices(session.load(folder))


def test_a_repeated_session_says_what_is_not_as_it_was(tmp_path: Path) -> None:
    first = capture_faking.profile(tmp_path, "one", "two")
    path = first.path / session.SESSION_FILE
    info = json.loads(path.read_text())
    info["environment"]["cpu_model"] = "Abacus"
    path.write_text(json.dumps(info))

    again = capture_faking.profile(tmp_path, "one", "two", like=str(first.path))

    notes = "\n".join(again.info.notes)
    assert f"Repeats session {first.info.id}." in notes
    assert "cpu_model was Abacus and is" in notes
    assert "load_average" not in notes
    assert "two took" in notes
    assert again.info.options["like"] == str(first.path)


def test_what_it_repeats_may_be_gone(tmp_path: Path) -> None:
    done = capture_faking.profile(tmp_path, "one", like=str(tmp_path / "gone"))
    assert any("cannot be read any more" in note for note in done.info.notes)


def test_ratios_far_apart_are_named_as_such(tmp_path: Path) -> None:
    slow, fast = (
        session.load(builders.session(tmp_path / name, step_s={"eager": 0.05, "graph": step_s}))
        for name, step_s in (("slow", 0.04), ("fast", 0.005))
    )
    assert "further apart" in " ".join(repeat.ratios(slow, fast))
    assert "within their intervals" in " ".join(repeat.ratios(slow, slow))
