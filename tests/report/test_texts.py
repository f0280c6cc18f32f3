"""The report's texts: the answer first, names as they are, nothing cut in 80 columns."""

import io

import builders
import pytest
from rich.console import Console

from graphprof import session
from graphprof.report import derive, markdown, text, verdict
from graphprof.report.document import RatioToBaseline
from graphprof.session import Failure


def printed(report, width=80):
    out = io.StringIO()
    text.render(report, Console(file=out, width=width, highlight=False))
    return out.getvalue()


def build(folder):
    return derive.report(session.load(folder))


def test_the_verdict_comes_before_the_numbers(tmp_path):
    report = build(builders.session(tmp_path))
    out = printed(report)
    assert report.verdict.startswith("Against graph (")
    assert (
        out.index("Against graph") < out.index("Step time") < out.index("Where a traced step goes")
    )


def test_eighty_columns_hold_four_modes(tmp_path):
    out = printed(build(builders.session(tmp_path)))
    assert "…" not in out
    assert all(len(line) <= 80 for line in out.splitlines() if not line.startswith("Session"))


def test_bars_share_one_scale(tmp_path):
    report = build(builders.session(tmp_path))
    bars = [line for line in printed(report, 100).splitlines() if "█" in line]
    assert len(bars) == len(report.modes)
    per_second = [
        bar.count("█") / mode.traced_step_s for bar, mode in zip(bars, report.modes, strict=True)
    ]
    # A block is the smallest that can be drawn, so that short bars are off by up to half of one.
    longest = max(bar.count("█") for bar in bars)
    assert max(per_second) / min(per_second) < 1 + 4 / min(bar.count("█") for bar in bars)
    assert longest > 50


def test_a_failed_mode_says_why_and_what_to_do(tmp_path):
    failed = {"xla": Failure("crashed", "Its process died of signal 11", "Try --batch-size 8")}
    report = build(builders.session(tmp_path, failed=failed))
    for out in (printed(report, 200), markdown.render(report)):
        assert "xla: Its process died of signal 11. Try --batch-size 8." in out
        assert "crashed" in out


def test_hostile_names_are_text(tmp_path):
    report = build(builders.session(tmp_path, hostile_names=True))
    assert "[/red]" not in printed(report)
    assert "<script>" not in markdown.render(report)
    assert "<img" not in markdown.render(report)


def test_markup_in_a_name_is_shown_as_it_is(tmp_path):
    report = build(builders.session(tmp_path, modes=("graph", "[red]x")))
    assert "[red]x" in printed(report, 200)


def test_markdown_tables_are_rectangular(tmp_path):
    lines = markdown.render(build(builders.session(tmp_path))).splitlines()
    tables = [line for line in lines if line.startswith("|")]
    assert len(tables) > 10
    assert {line.count(" | ") for line in tables} <= {4}


@pytest.mark.parametrize(
    ("ratio", "words"),
    [
        (RatioToBaseline(0.127, 0.12, 0.135, "faster"), "7.9x"),
        (RatioToBaseline(4.0, 3.0, 5.3, "slower"), "4.0x"),
        (RatioToBaseline(1.034, 1.02, 1.05, "slower"), "3.4 %"),
        (RatioToBaseline(0.96, 0.95, 0.97, "faster"), "4.2 %"),
    ],
)
def test_speed_says_what_the_interval_bears(ratio, words):
    assert verdict.speed(ratio) == words


def test_nothing_measured_is_said():
    assert verdict.sentence([], None) == "No mode could be measured."
