"""The tab inside the whole of TensorBoard: listed, themed, reloaded, addressed, next to PROFILE."""

import importlib.util
import shutil
from urllib.parse import unquote

import builders
import pytest
from playwright.sync_api import expect
from visiting import SESSION, address

pytestmark = pytest.mark.browser

FRAME = 'iframe[src*="plugin_entry.html?name=graphprof"]'


def enter(visit, query: str = "", **state: str):
    """Open TensorBoard at our tab; gives the frame that holds the page."""
    fragment = address({"session": SESSION, **state})
    visit.page.goto(f"{visit.board}/{query}#{fragment}", wait_until="domcontentloaded")
    return visit.page.frame_locator(FRAME)


def test_the_tab_is_there_and_answers(visit):
    frame = enter(visit)
    expect(frame.get_by_test_id("verdict")).to_contain_text("Against graph")
    expect(frame.get_by_test_id("modes").locator("tbody tr")).to_have_count(4)
    listing = visit.page.evaluate("fetch('data/plugins_listing').then((answer) => answer.json())")
    assert listing["graphprof"]["enabled"]
    frame.get_by_test_id("tab-timeline").click()
    frame.locator("[data-testid=lanes][data-drawn]:not([data-drawn='0'])").wait_for()
    visit.page.wait_for_function("location.hash.includes('p.graphprof.view=timeline')")


def test_the_state_comes_from_tensorboards_address_and_back_works(visit):
    frame = enter(visit, view="steps", mode="graph")
    expect(frame.locator(".steps-mode")).to_have_count(1)
    frame.get_by_test_id("tab-environment").click()
    visit.page.wait_for_function("location.hash.includes('view=environment')")
    visit.page.go_back()
    expect(frame.locator(".steps-mode")).to_have_count(1)


def test_dark_mode_follows_tensorboard(visit):
    frame = enter(visit, "?darkMode=true")
    expect(frame.locator("html[data-theme=dark]")).to_have_count(1)
    visit.page.evaluate("document.body.classList.remove('dark-mode')")
    expect(frame.locator("html[data-theme=light]")).to_have_count(1)


def test_the_reload_button_finds_what_was_recorded_since(visit, logdir):
    frame = enter(visit)
    expect(frame.get_by_test_id("verdict")).to_be_visible()
    options = frame.get_by_test_id("session-picker").locator("option")
    before = options.count()
    later = builders.session(logdir, name="later", modes=("graph",), traces=False, rounds=2)
    try:
        visit.page.locator(".reload-button").click()
        expect(options).to_have_count(before + 1)
        expect(frame.get_by_test_id("verdict")).to_be_visible()
    finally:
        shutil.rmtree(later)


def test_a_hidden_tab_rests_and_puts_its_address_back(visit):
    frame = enter(visit, view="timeline")
    lanes = frame.locator("[data-testid=lanes][data-drawn]")
    lanes.wait_for()
    # What TensorBoard does to the frame of a tab in the background, and PROFILE to the address.
    visit.page.evaluate(
        """selector => {
            document.querySelector(selector).style.display = "none";
            history.replaceState(history.state, "", location.pathname + "#profile");
        }""",
        FRAME,
    )
    visit.page.wait_for_timeout(300)
    visit.page.evaluate(
        "selector => { document.querySelector(selector).style.display = ''; }", FRAME
    )
    visit.page.wait_for_function("location.hash.includes('p.graphprof.view=timeline')")
    expect(lanes).to_be_visible()


def test_links_into_profile_name_the_run_as_profile_does(visit):
    if importlib.util.find_spec("tensorboard_plugin_profile") is None:
        pytest.skip("without PROFILE there is no link to it")
    frame = enter(visit)
    link = frame.locator("tr[data-mode='eager']").get_by_role("link", name="PROFILE")
    expect(link).to_be_visible()
    href = unquote(link.get_attribute("href") or "")
    assert href == (
        f"{visit.board}/?run={SESSION}/eager/2025_01_01_12_00_00&tag=trace_viewer@#profile"
    )
    assert link.get_attribute("rel") == "noopener"
