"""Memory on the page, on a recording of three modes: curves, what is alive at the peaks, processes."""

import pixels
import pytest
import recorded_session
from playwright.sync_api import Page, expect
from visiting import copied

pytestmark = pytest.mark.browser


@pytest.fixture
def page(visit) -> Page:
    page = visit.open("memory", session=recorded_session.RECORDED)
    page.locator("svg.curve").nth(2).wait_for()
    return page


def state(page: Page, key: str) -> str | None:
    """What the address says of one thing."""
    return page.evaluate(
        """key => new URLSearchParams(location.hash.slice(1)).get(`p.graphprof.${key}`)""", key
    )


def curve(page: Page, mode: str):
    return page.locator(f"[data-mode='{mode}'] svg.curve")


def test_each_mode_has_its_curve_and_they_share_a_scale(page):
    tops = page.evaluate(
        """() => [...document.querySelectorAll("svg.curve")].map((chart) => {
            const { top, bottom } = chart.querySelector(".level.used .area").getBoundingClientRect();
            return [bottom - top, [...chart.querySelectorAll(".tick text")].map((one) => one.textContent)];
        })"""
    )
    heights = [height for height, _ in tops]
    levels = [[text for text in texts if "MiB" in text] for _, texts in tops]
    assert levels[0] == levels[1] == levels[2] != []
    # eager 6.0, graph 4.6 and xla 16 MiB at the peak.
    assert heights[2] > 2 * heights[0] > 2 * heights[1]
    untraced = page.locator("[data-mode='fit-spe=8']")
    expect(untraced).to_contain_text("Not measured. It was not traced.")
    expect(page.get_by_test_id("said")).to_contain_text(
        "max_pooling2d backward holds 8.25 MiB of it"
    )


def test_the_plan_is_drawn_inside_what_xla_takes(page):
    chart = curve(page, "xla")
    expect(chart.locator(".level.planned .area")).to_have_count(1)
    expect(curve(page, "graph").locator(".level.planned")).to_have_count(0)
    used, planned = (
        chart.locator(f".level.{name} .area").bounding_box() for name in ("used", "planned")
    )
    assert planned["y"] >= used["y"]
    assert planned["x"] >= used["x"]
    assert planned["x"] + planned["width"] <= used["x"] + used["width"] + 1
    picture = pixels.picture(chart)
    assert pixels.count(picture, pixels.color(chart, "--accent-soft")) > 500
    assert pixels.count(picture, pixels.color(chart, "--mark")) > 10


def test_the_pointer_tells_the_level_and_who_holds_most(page):
    box = curve(page, "xla").locator(".peak circle").bounding_box()
    page.mouse.move(box["x"] + 6, box["y"] + 20)
    tip = page.get_by_test_id("tip")
    for text in ("xla: ", "into the step", "in use", "needed by XLA", "max_pooling2d backward"):
        expect(tip).to_contain_text(text)
    page.mouse.move(2, 2)
    expect(tip).to_be_hidden()


def test_the_curve_is_walked_by_keys(page):
    chart = curve(page, "graph")
    chart.focus()
    page.keyboard.press("p")
    said = page.locator("[data-mode='graph'] [role=status]")
    expect(said).to_contain_text("conv2d forward")
    at_peak = said.inner_text()
    page.keyboard.press("Home")
    expect(said).to_contain_text("0 s into the step (0.0 %)")
    page.keyboard.press("ArrowRight")
    expect(said).to_contain_text("(1.0 %)")
    page.keyboard.press("P")
    expect(said).to_have_text(at_peak)
    assert page.url.count("view=memory") == 1  # no key of the page itself was meant


def test_one_clock_makes_short_steps_narrow(page):
    def widths():
        return [
            curve(page, mode).locator(".level.used .outline").bounding_box()["width"]
            for mode in ("eager", "graph")
        ]

    eager, graph = widths()
    assert eager == pytest.approx(graph, rel=0.02)
    page.get_by_role("button", name="One clock").click()
    eager, graph = widths()
    assert graph < eager / 5
    assert state(page, "clock") == "time"
    expect(curve(page, "graph")).to_contain_text("ms")


def titles(page: Page) -> list[str]:
    rows = page.get_by_test_id("held").locator("tr[data-row]")
    return [" ".join(row.split("\t")[:2]) for row in rows.all_inner_texts()]


def test_what_is_alive_sorts_filters_and_is_copied(page):
    assert titles(page)[0] == "max_pooling2d backward"
    page.locator("button[data-sort='1']").click()
    expect(page.locator("th:has(button[data-sort='1'])")).to_have_attribute(
        "aria-sort", "descending"
    )
    assert set(titles(page)[:2]) == {"conv2d forward", "max_pooling2d backward"}
    expect(page.locator("button[data-sort='1']")).to_be_focused()
    page.get_by_test_id("filter").fill("pooling2d backward")
    expect(page.get_by_test_id("row-count")).to_contain_text("2 of ")
    assert titles(page) == ["max_pooling2d backward", "max_pooling2d_1 backward"]
    head, first, *_ = copied(
        page, page.get_by_label("Alive at the peak").get_by_role("button", name="Copy as CSV")
    )
    assert head[:4] == ["layer", "pass", "eager bytes", "eager largest"]
    assert first[0] == "conv/max_pooling2d"
    assert int(first[6]) == 8652840
    page.reload()
    page.get_by_test_id("held").wait_for()
    assert titles(page) == ["max_pooling2d backward", "max_pooling2d_1 backward"]
    page.get_by_test_id("filter").fill("no such thing")
    expect(page.get_by_test_id("held")).to_contain_text("Nothing has these words")


def test_a_figure_tells_the_tensor_behind_it(page):
    row = page.get_by_test_id("held").locator("tr", has_text="max_pooling2d").first
    row.locator("td.number").nth(2).hover()
    for text in ("of what is alive", "pieces", "the largest", "wrapped_iota"):
        expect(page.get_by_test_id("tip")).to_contain_text(text)


def test_processes_show_stages_and_growth(page):
    rows = page.get_by_test_id("processes").locator("tbody tr")
    expect(rows.nth(0)).to_contain_text("grows by 256 KiB a step over 110 steps")
    expect(rows.nth(0).locator("svg.spark polyline")).to_have_count(2)
    expect(rows.nth(2)).to_contain_text("steady over 110 steps")
    expect(rows.nth(2)).to_contain_text("850 MiB")
    # The mode that could not run has no figures, and no zeros.
    assert set(rows.nth(3).inner_text().split()[1:]) == {"—"}


def test_a_session_without_traces_says_why(visit):
    page = visit.open("memory", session="untraced")
    expect(page.get_by_test_id("curves")).to_contain_text("Not measured. It was not traced.")
    expect(page.get_by_test_id("memory")).to_contain_text("Nothing is known of any mode")
    expect(page.locator("svg.curve")).to_have_count(0)


@pytest.mark.parametrize("session", ["hostile-layers", "nothing"])
def test_odd_sessions_are_shown(visit, session):
    page = visit.open("memory", session=session)
    expect(page.get_by_test_id("memory")).to_be_visible()


def test_the_dark_page_is_drawn_in_its_own_colours(visitor):
    page = visitor(color_scheme="dark").open("memory", session=recorded_session.RECORDED)
    page.locator("svg.curve").nth(2).wait_for()
    chart = curve(page, "xla")
    assert pixels.count(pixels.picture(chart), pixels.color(chart, "--accent-soft")) > 500


@pytest.mark.parametrize("session", [recorded_session.RECORDED, "hostile-layers"])
def test_nothing_sticks_out_of_a_narrow_page(visitor, session):
    page = visitor(viewport={"width": 800, "height": 600}).open("memory", session=session)
    page.get_by_test_id("processes").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")
    assert page.locator("body img, body script:not([type=module])").count() == 0
