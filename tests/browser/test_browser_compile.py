"""Compile: totals of all modes, the first call in parts, and what was built again."""

import builders
import compiled_session
import pytest
import recorded_programs
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def compiled(logdir):
    """A session with early traces and building logs, one of them with hostile names."""
    folder = builders.session(
        logdir,
        name="compiled",
        modes=tuple(compiled_session.STEP_S),
        step_s=compiled_session.STEP_S,
        baseline="eager",
        rounds=6,
    )
    compiled_session.add(folder, "graph", name=builders.HOSTILE[0])
    compiled_session.add(folder, "xla", xla=True)
    return folder.name


def test_every_mode_has_its_line_its_bar_and_its_buildings(visitor, compiled):
    page = visitor().open("compile", session=compiled)
    for mode in ("eager", "graph", "xla"):
        expect(page.locator(f"svg.totals .total[data-mode={mode}] path")).to_have_count(1)
    expect(page.locator("svg.totals .crossing").first).to_be_visible()
    bars = page.get_by_test_id("first-calls")
    for part in ("building", "optimising", "running"):
        expect(bars.locator(f"rect[data-kind={part}]")).to_have_count(2)
    expect(bars.locator("rect[data-kind=compiling]")).to_have_count(1)
    expect(bars.get_by_text("not traced")).to_be_visible()
    again = page.get_by_test_id("again").locator("tbody tr")
    expect(again).to_have_count(3)
    expect(again.filter(has_text="compiled by XLA")).to_contain_text("shape (5, 3) → (6, 3)")
    expect(page.get_by_test_id("again")).to_contain_text("models.py:17")
    expect(page.get_by_test_id("again")).to_contain_text(builders.HOSTILE[0])
    expect(page.get_by_test_id("pays").locator("tbody tr")).to_have_count(3)


def test_the_scale_is_in_the_address_and_keys_tell_totals(visitor, compiled):
    page = visitor().open("compile", session=compiled)
    page.get_by_role("button", name="Linear").click()
    page.wait_for_function("() => location.hash.includes('scale=linear')")
    chart = page.locator("svg.totals")
    chart.focus()
    page.keyboard.press("End")
    tip = page.get_by_test_id("tip")
    expect(tip).to_be_visible()
    for mode in ("eager", "graph", "xla"):
        expect(tip).to_contain_text(mode)


def test_a_session_without_logs_says_that_nothing_was_watched(visitor):
    page = visitor().open("compile", session="untraced")
    expect(page.get_by_test_id("no-again")).to_have_text("Not watched in this session.")
    expect(page.get_by_test_id("first-calls")).to_contain_text("No first call was traced")
    expect(page.locator("svg.totals .total")).to_have_count(1)


def test_a_watched_program_shows_its_functions(visitor):
    page = visitor().open("compile", session=recorded_programs.PROGRAM)
    expect(page.get_by_test_id("functions").locator("tbody tr").first).to_be_visible()
    expect(page.get_by_test_id("again").locator("tbody tr").first).to_contain_text("built")


def test_the_overview_says_when_it_pays(visitor, compiled):
    page = visitor().open("overview", session=compiled)
    modes = page.get_by_test_id("modes")
    expect(modes.locator("tr[data-mode=xla]")).to_contain_text("pays from step")
