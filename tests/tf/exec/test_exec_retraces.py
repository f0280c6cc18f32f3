"""Retraces of eighteen kinds, planted in a real program: the argument, the words and the line."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from graphprof.analysis.building import retraces
from graphprof.analysis.programs import recording as recordings

pytestmark = pytest.mark.tf

PROGRAM = Path(__file__).parent / "retrace_kinds.py"
MARK = re.compile(r"# (?P<cause>\w+) (?P<argument>\S+): (?P<words>.+)$")


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> recordings.Recording:
    folder = tmp_path_factory.mktemp("exec")
    command = [sys.executable, "-m", "graphprof", "exec", "--no-replay", "--window", "0"]
    subprocess.run(
        [*command, "--logdir", str(folder), str(PROGRAM)], check=True, capture_output=True
    )
    (session,) = folder.iterdir()
    folder = session / "exec"
    return recordings.read(folder / "plugins" / "graphprof" / recordings.WATCH_FILE)


def explained(recorded: recordings.Recording) -> dict[int, list[retraces.Difference]]:
    """Line -> why the building that it led to was needed."""
    by_function: dict[int, list[recordings.Building]] = {}
    found = {}
    for building in recorded.buildings:
        earlier = by_function.setdefault(building.function, [])
        if earlier and building.called_from is not None:
            found[building.called_from.line] = retraces.explain(building, earlier)
        earlier.append(building)
    return found


def test_each_planted_retrace_is_explained_at_its_line(recorded: recordings.Recording) -> None:
    found = explained(recorded)
    wrong = []
    planted = 0
    for number, line in enumerate(PROGRAM.read_text().splitlines(), start=1):
        mark = MARK.search(line)
        if mark is None:
            continue
        planted += 1
        said = found.get(number, [])
        if (
            not said
            or (said[0].cause, said[0].argument) != (mark["cause"], mark["argument"])
            or not said[0].words.startswith(mark["words"])
        ):
            wrong.append((number, line, said))
    assert planted >= 17
    assert wrong == []


def test_equal_calls_are_not_retraces(recorded: recordings.Recording) -> None:
    marked = {
        number
        for number, line in enumerate(PROGRAM.read_text().splitlines(), start=1)
        if MARK.search(line)
    }
    assert set(explained(recorded)) == marked


def test_functions_made_in_a_loop_are_counted_by_line(recorded: recordings.Recording) -> None:
    lines = PROGRAM.read_text().splitlines()
    expected = [
        number for number, line in enumerate(lines, start=1) if line.endswith("# recreated")
    ]
    for number in expected:
        built = {
            building.function
            for building in recorded.buildings
            if building.called_from is not None and building.called_from.line == number
        }
        assert len(built) == 3
