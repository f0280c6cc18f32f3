"""What is built and installed is what is viewed: a wheel, in an environment without TensorFlow."""

import json
import os
import re
import shutil
import subprocess
import sys
import urllib.request
import venv
import zipfile
from pathlib import Path

import builders
import pytest

ROOT = Path(__file__).resolve().parents[2]

# What viewing needs of the dependencies in setup.cfg: everything but TensorFlow, Keras and XProf.
VIEWING = ("click", "numpy", "platformdirs", "protobuf", "psutil", "pydantic", "rich", "scipy")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built from a copy so that no build folder is left in the checkout."""
    folder = tmp_path_factory.mktemp("build")
    source = folder / "source"
    kept = ("graphprof", "plugin", "setup.cfg", "pyproject.toml", "README.md", "LICENSE")
    source.mkdir()
    for name in kept:
        if (ROOT / name).is_dir():
            shutil.copytree(
                ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__")
            )
        else:
            shutil.copy(ROOT / name, source / name)
    run(sys.executable, "-m", "build", "--wheel", "--outdir", str(folder), str(source))
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def viewer(wheel, tmp_path_factory):
    """The Python of an environment with the wheel, TensorBoard and no TensorFlow."""
    folder = tmp_path_factory.mktemp("viewer") / "venv"
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    run(python, "-m", "pip", "install", "--quiet", "tensorboard>=2.21,<3", *VIEWING)
    run(python, "-m", "pip", "install", "--quiet", "--no-deps", wheel)
    return python


def run(*command):
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        env=environment,
        cwd="/",
        timeout=500,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_the_wheel_holds_the_page_and_nothing_foreign(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    pages = {
        str(f.relative_to(ROOT / "plugin"))
        for f in (ROOT / "plugin").rglob("static/**/*")
        if f.is_file()
    }
    assert pages
    assert pages <= set(names)
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {
        "graphprof",
        "tensorboard_plugin_graphprof",
    }


def test_reports_work_without_tensorflow(viewer, tmp_path):
    builders.session(tmp_path, modes=("eager", "graph"))
    printed = json.loads(run(viewer, "-m", "graphprof", "report", tmp_path, "--json"))
    assert [mode["mode"] for mode in printed["modes"]] == ["eager", "graph"]
    assert "tensorflow" not in run(viewer, "-m", "pip", "list").lower()


def test_tensorboard_shows_the_tab_without_tensorflow(viewer, tmp_path):
    builders.session(tmp_path, modes=("eager", "graph"))
    command = [str(viewer), "-m", "tensorboard.main", "--logdir", str(tmp_path), "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd="/") as server:
        try:
            assert server.stderr is not None
            url = next(
                found.group(1)
                for line in server.stderr
                if (found := re.search(r"TensorBoard \S+ at (http://\S+)", line))
            )
            with urllib.request.urlopen(f"{url}data/plugins_listing", timeout=60) as answer:
                assert "graphprof" in json.load(answer)
            with urllib.request.urlopen(
                f"{url}data/plugin/graphprof/static/index.js", timeout=60
            ) as answer:
                assert b"export function render" in answer.read().replace(b"async ", b"")
        finally:
            server.kill()
