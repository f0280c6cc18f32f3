"""The sums that several rules need."""

from __future__ import annotations

import pytest

from graphprof.analysis.findings.evidence import ends_s
from graphprof.analysis.programs.recording import Span


def gaps(lengths: list[float], *inside: Span) -> Span:
    return Span(
        "gap", "step", count=len(lengths), total_s=sum(lengths), kept_s=tuple(lengths[1:]),
        children=inside,
    )  # fmt: skip


def test_what_ends_something_is_told_from_usual_gaps():
    usual = [0.001] * 8 + [0.101]
    assert ends_s(gaps(usual * 10), ends=10) == pytest.approx(10 * 0.1)


def test_where_each_gap_ends_something_all_of_it_does():
    assert ends_s(gaps([0.1] * 10), ends=10) == pytest.approx(1.0)
    assert ends_s(gaps([]), ends=3) == 0.0


def test_callbacks_in_a_gap_are_none_of_it():
    callback = Span("callback", "Own", count=10, total_s=0.6)
    assert ends_s(gaps([0.1] * 10, callback), ends=10) == pytest.approx(0.4)
