"""The registry of rules against the documentation and the tests."""

from __future__ import annotations

from pathlib import Path

from graphprof.analysis.findings import registry
from graphprof.analysis.findings.base import Draft, Number, gain, severity
from graphprof.analysis.findings.sessions.registry import SESSION_RULES

ROOT = Path(__file__).resolve().parents[3]
CAUSES = [cause for rule in registry.RULES for cause in rule.causes]


def test_each_rule_is_documented_in_its_own_words() -> None:
    text = (ROOT / "docs" / "findings.md").read_text()
    for rule in registry.RULES:
        heading = "### " + ", ".join(f"`{cause}`" for cause in rule.causes)
        section = text.partition(heading)[2].partition("###")[0]
        assert rule.proof in section, heading
        assert rule.refutation in section, heading


def test_each_rule_about_sessions_is_documented_in_its_own_words() -> None:
    text = (ROOT / "docs" / "findings.md").read_text()
    for rule in SESSION_RULES:
        heading = "### In a session: " + ", ".join(f"`{cause}`" for cause in rule.causes)
        section = text.partition(heading)[2].partition("###")[0]
        assert rule.proof in section, heading
        assert rule.refutation in section, heading


def test_each_cause_is_planted_in_a_recording() -> None:
    test = (Path(__file__).parent / "test_findings_rules.py").read_text()
    assert [cause for cause in CAUSES if f'"{cause}"' not in test] == []


def test_each_file_of_rules_is_registered() -> None:
    folder = ROOT / "graphprof" / "analysis" / "findings"
    helpers = {"__init__", "base", "evidence", "registry", "verified"}
    files = {path.stem for path in folder.glob("*.py")} - helpers
    modules = {rule.find.__module__.rsplit(".", 1)[-1] for rule in registry.RULES}
    assert files == modules


def draft(saved: float, surely: float, at_most: float, once: bool = False) -> Draft:
    number = Number("time", saved, "s")
    return Draft("x", "s", None, (number,), saved, surely, at_most, 0.9, "c", "r", once=once)


def test_gain_is_a_ratio_of_what_repeats_unless_the_time_is_lost_once() -> None:
    repeating = gain(draft(2.0, 1.0, 3.0), work_s=10.0, steady_s=4.0)
    assert (repeating.value, repeating.low, repeating.high) == (2.0, 10 / 9, 4.0)
    lost_once = gain(draft(5.0, 2.0, 6.0, once=True), work_s=10.0, steady_s=4.0)
    assert (lost_once.value, lost_once.low, lost_once.high) == (2.0, 1.25, 2.5)


def test_gain_never_exceeds_what_there_is() -> None:
    assert gain(draft(100.0, 0.0, 100.0), work_s=10.0, steady_s=10.0).high <= 50.001


def test_severity_follows_gain_and_what_is_saved() -> None:
    assert severity(1.6, 2.0) == "major"
    assert severity(1.2, 2.0) == "moderate"
    assert severity(1.1, 2.0) == "minor"
    assert severity(9.0, 0.1) == "minor"
