"""Findings on the first screen: evidence one click away, and whether the change helped."""

import pytest
from playwright.sync_api import expect

from graphprof import session as sessions
from graphprof import trials
from graphprof.report import derive
from graphprof.trials import Interval, Tried

pytestmark = pytest.mark.browser

PLAIN = "digits_cnn-20250101-120000"


@pytest.fixture
def visit(visitor):
    return visitor()


@pytest.fixture
def verified(logdir):
    """The finding that a trial has confirmed, as the report has it."""
    path = logdir / PLAIN
    finding = next(one for one in derive.report(sessions.load(path)).findings if one.trial)
    assert finding.trial is not None
    trials.add(
        path,
        Tried(
            finding=finding.key,
            cause=finding.cause,
            trial=finding.trial,
            verdict="confirmed",
            sentence="+100 % faster: 2x (1.9x to 2.1x).",
            predicted=Interval(2.2, 1.8, 2.5),
            measured=Interval(2.0, 1.9, 2.1),
            parity="passed",
            before_s=(2.0,),
            after_s=(1.0,),
            at="2026-01-01T00:00:00+00:00",
        ),
    )
    yield finding
    (path / trials.TRIALS_FILE).unlink()


def test_a_confirmed_finding_shows_what_was_measured(visit, verified):
    page = visit.open(session=PLAIN)
    item = page.locator(f"[data-cause={verified.cause}]").first
    expect(item.get_by_test_id("verified")).to_contain_text("confirmed")
    expect(item).to_contain_text("when tried: 2.00x (1.90x – 2.10x)")


def test_evidence_is_one_click_away(visit):
    page = visit.open(session=PLAIN)
    item = page.get_by_test_id("findings").locator("li[data-cause]").first
    item.locator("summary").click()
    link = item.locator("details a").first
    expect(link).to_be_visible()
    link.click()
    page.wait_for_url("**view=steps**")


def test_what_if_lists_every_traced_mode(visit):
    page = visit.open(session=PLAIN)
    section = page.get_by_test_id("whatif")
    section.locator("summary").click()
    for mode in ("eager", "graph", "xla"):
        expect(section.get_by_role("columnheader", name=mode, exact=True)).to_be_visible()
