"""The evidence of findings leads to views that there are."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VIEWS = ROOT / "plugin" / "tensorboard_plugin_graphprof" / "static" / "views"
RULES = ROOT / "graphprof" / "analysis" / "findings" / "sessions"


def test_every_view_that_evidence_names_exists() -> None:
    there = {
        found
        for path in VIEWS.glob("*.js")
        for found in re.findall(r'^  id: "(\w+)"', path.read_text(), re.MULTILINE)
    }
    named = {
        found
        for path in RULES.glob("*.py")
        for found in re.findall(r'Link\(\s*"(\w+)"', path.read_text())
    }
    assert {"timeline", "steps", "layers"} <= named
    assert named <= there
