"""The house keeps its rules: what is imported where, and that the documentation knows everything."""

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from graphprof.cli.main import VERBS, graphprof
from graphprof.errors import GraphprofError
from graphprof.trace.kinds import KINDS

ROOT = Path(__file__).resolve().parent.parent

IMPORT_AND_LOOK = """
import importlib, pkgutil, sys
for name in sys.argv[1:]:
    package = importlib.import_module(name)
    for module in pkgutil.walk_packages(getattr(package, "__path__", []), name + "."):
        importlib.import_module(module.name)
loaded = {name.partition(".")[0] for name in sys.modules}
print(*sorted(loaded & {"tensorflow", "keras", "jax", "torch"}))
"""


@pytest.mark.parametrize(
    "packages",
    [
        ("graphprof.cli",),
        ("graphprof.report", "graphprof.analysis", "graphprof.trace", "graphprof.session"),
        ("graphprof.importing",),
        ("tensorboard_plugin_graphprof",),
        # The parent of a measurement: it drives workers and must stay as light as they are heavy.
        ("graphprof.capture.controller.schedule", "graphprof.capture.spec"),
    ],
    ids=lambda packages: packages[0],
)
def test_importing_leaves_tensorflow_alone(packages):
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_AND_LOOK, *packages],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_with_an_example(verb):
    result = CliRunner().invoke(graphprof, [verb, "--help"])
    assert result.exit_code == 0, result.output
    assert f"graphprof {verb}" in result.output.split("Options:")[0].split("\n", 2)[2]


@pytest.mark.parametrize("verb", VERBS)
def test_the_readme_knows_every_verb(verb):
    assert f"graphprof {verb}" in (ROOT / "README.md").read_text()


@pytest.mark.parametrize(
    "error", [GraphprofError, *GraphprofError.__subclasses__()], ids=lambda error: error.__name__
)
def test_every_exit_code_is_documented(error):
    assert f"| {error.exit_code} |" in (ROOT / "docs/exit-codes.md").read_text()


def test_an_error_ends_with_what_to_do():
    assert str(GraphprofError("It broke", "Mend it")) == "It broke. Mend it."


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.id)
def test_every_kind_is_documented(kind):
    assert f"`{kind.id}`" in (ROOT / "docs/breakdown.md").read_text()


def test_packages_are_listed_for_installation():
    listed = {
        line.strip()
        for line in (ROOT / "setup.cfg")
        .read_text()
        .split("packages =")[1]
        .split("package_dir")[0]
        .splitlines()
        if line.strip()
    }
    found = {
        str(file.parent.relative_to(ROOT)).replace("/", ".").removeprefix("plugin.")
        for top in ("graphprof", "plugin")
        for file in (ROOT / top).rglob("__init__.py")
    }
    assert listed == found
