"""The command line ends as documented, whatever happens."""

import os
import re
import subprocess
import sys

import builders
import click
import pytest

from graphprof.cli import main as cli
from graphprof.errors import GraphprofError, StorageError, TraceError


def exit_of(*arguments):
    with pytest.raises(SystemExit) as end:
        cli.main(list(arguments))
    return end.value.code


def test_an_unknown_verb_is_a_usage_error(capsys):
    assert exit_of("profil") == 2
    assert "No such command 'profil'. Did you mean 'profile'?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        (GraphprofError("It broke", "Mend it"), 3),
        (StorageError("The disk is full", "Free some"), 6),
        (TraceError("It is empty", "Record it again"), 7),
        (GraphprofError("There is no such thing", "Did you mean 'thing'?"), 3),
        (KeyboardInterrupt(), 130),
        (click.Abort(), 130),
    ],
    ids=lambda value: type(value).__name__,
)
def test_errors_become_exit_codes(monkeypatch, capsys, raised, code):
    def fail(**_):
        raise raised

    monkeypatch.setattr(cli.graphprof, "get_command", lambda *_: click.Command("x", callback=fail))
    assert exit_of("x") == code
    said = capsys.readouterr().err
    assert str(raised) in said
    assert "Traceback" not in said


def test_a_session_that_is_none_says_what_to_do(tmp_path, capsys):
    assert exit_of("report", str(tmp_path)) == 8
    assert "graphprof profile TARGET" in capsys.readouterr().err


def test_a_reader_that_has_seen_enough_is_no_error(tmp_path):
    builders.session(tmp_path)
    command = [sys.executable, "-m", "graphprof", "report", str(tmp_path), "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        said = process.stderr.read()
    assert (process.returncode, said) == (0, b"")


def test_a_reader_of_text_that_has_seen_enough_is_no_error_either(tmp_path):
    builders.session(tmp_path)
    command = [sys.executable, "-m", "graphprof", "report", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        said = process.stderr.read()
    assert (process.returncode, said) == (0, b"")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
@pytest.mark.parametrize("form", [(), ("--json",)], ids=str)
def test_an_output_that_is_full_is_one_sentence(tmp_path, form):
    builders.session(tmp_path)
    command = [sys.executable, "-m", "graphprof", "report", str(tmp_path), *form]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 6
    said = "No space left on device. Free some space, or write elsewhere."
    assert done.stderr.splitlines() == [f"graphprof: Cannot use the output: {said}"]


@pytest.mark.skipif(os.name != "posix", reason="closes a descriptor before the start")
def test_an_output_that_is_closed_is_no_error(tmp_path):
    builders.session(tmp_path)
    command = f'"{sys.executable}" -m graphprof report "{tmp_path}" >&-'
    done = subprocess.run(command, shell=True, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_characters_that_the_output_does_not_have_are_replaced(tmp_path):
    builders.session(tmp_path)
    command = [sys.executable, "-m", "graphprof", "report", str(tmp_path)]
    ascii_only = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, env=ascii_only, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"eager" in done.stdout
    assert done.stdout.isascii()


@pytest.mark.parametrize("verb", cli.VERBS)
def test_examples_in_the_help_keep_their_lines(verb, capsys):
    assert exit_of(verb, "--help") == 0
    said = capsys.readouterr().out
    assert "\\b" not in said
    assert len(re.findall(rf"^  graphprof {verb}", said, re.MULTILINE)) >= 1
