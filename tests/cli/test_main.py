"""The command line ends as documented, whatever happens."""

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
    assert "No such command 'profil'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        (GraphprofError("It broke", "Mend it"), 3),
        (StorageError("The disk is full", "Free some"), 6),
        (TraceError("It is empty", "Record it again"), 7),
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
