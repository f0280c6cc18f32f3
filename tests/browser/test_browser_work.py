"""What belongs together in the modes: lit in the Timeline, matched in Difference, linked from everywhere."""

import pixels
import pytest
from playwright.sync_api import Page, expect
from recorded_session import RECORDED
from visiting import Visit, copied

pytestmark = pytest.mark.browser

CONV = "layer:conv/conv2d|forward"
RULER, HEAD, ROW, GAP, GUTTER = 24, 22, 15, 3, 188


def open_view(visit: Visit, view: str, **state: str) -> Page:
    page = visit.open(view, session=RECORDED, **state)
    if view == "timeline":
        page.locator("[data-testid=lanes][data-drawn]:not([data-drawn='0'])").wait_for()
    else:
        page.locator(f"[data-testid={view}] > *").first.wait_for()
    return page


def state(page: Page, key: str) -> str | None:
    return page.evaluate(
        """key => new URLSearchParams(location.hash.slice(1)).get(`p.graphprof.${key}`)""", key
    )


def place_of(page: Page, mode: str, query: str) -> tuple[float, float]:
    """Where on the screen the first event of a query is drawn; its mode alone is shown, threads open."""
    ask = """async ([route, query]) => {
        const asked = new URLSearchParams(query);
        return (await fetch(`/data/plugin/graphprof/${route}?${asked}`)).json();
    }"""
    about = {"session": RECORDED, "mode": mode}
    outline = page.evaluate(ask, ["trace", about])
    steps = outline["steps"]
    start = steps["start_ps"][outline["typical"]]
    window = {"start_ps": start, "end_ps": steps["end_ps"][outline["typical"]], "width": 4000}
    uses = page.evaluate(ask, ["uses", {**about, "name": query, **window}])
    longest = max(range(len(uses["row"])), key=lambda place: uses["span_ps"][place])
    lanes = page.get_by_test_id("lanes")
    low, high = (int(lanes.get_attribute(f"data-{end}")) for end in ("from", "to"))
    box = lanes.bounding_box()
    middle = uses["start_ps"][longest] + uses["span_ps"][longest] / 2 - start
    x = box["x"] + GUTTER + (box["width"] - GUTTER) * (middle - low) / (high - low)
    y = box["y"] + RULER + HEAD
    for line in outline["lines"]:
        row = uses["row"][longest] - line["first_row"]
        if row < line["rows"]:
            return x, y + row * ROW + ROW / 2
        y += line["rows"] * ROW + GAP
    raise AssertionError("the event is on no thread")


def marks(page: Page) -> int:
    lanes = page.get_by_test_id("lanes")
    return pixels.count(pixels.picture(lanes), pixels.color(lanes, "--mark"))


def test_a_layer_is_lit_in_every_mode_whatever_its_ops_are_called(visit):
    page = open_view(visit, "timeline", find=CONV)
    found = page.get_by_test_id("found")
    expect(found).to_contain_text("Ops of conv/conv2d, forward")
    rows = found.locator("tbody tr")
    expect(rows).to_have_count(3)
    expect(rows.nth(0)).to_contain_text("Conv2D")
    expect(rows.nth(1)).to_contain_text("FusedConv2D")
    expect(rows.nth(2)).to_contain_text("convolution")
    page.wait_for_timeout(400)
    assert marks(page) > 100


def test_a_click_keeps_the_layer_and_with_shift_the_op(visit):
    page = open_view(visit, "timeline", hide="0,2", threads="open")
    x, y = place_of(page, "graph", CONV)
    page.mouse.click(x, y)
    page.wait_for_function("location.hash.includes('find')")
    assert state(page, "find") == CONV
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("found")).to_be_hidden()
    page.keyboard.down("Shift")
    page.mouse.click(x, y)
    page.keyboard.up("Shift")
    page.wait_for_function("location.hash.includes('find')")
    kept = state(page, "find") or ""
    assert kept.startswith("work:graph|conv/conv2d|forward|")
    assert "FusedConv2D" in kept
    page.get_by_label("eager").check()
    expect(page.get_by_test_id("found").locator("tbody tr").first).to_contain_text("BiasAdd")


def test_the_pointer_lights_up_the_layer_in_every_mode(visit):
    page = open_view(visit, "timeline", hide="0,2", threads="open")
    x, y = place_of(page, "graph", CONV)
    assert marks(page) == 0
    page.mouse.move(x, y)
    expect(page.get_by_test_id("tip")).to_contain_text("conv/conv2d, forward (direct)")
    page.wait_for_timeout(300)
    assert marks(page) > 10
    page.mouse.move(x, y + 400)
    page.wait_for_timeout(200)
    assert marks(page) == 0


def test_the_map_is_read_both_ways(visit):
    page = open_view(visit, "difference", base="eager", other="graph", by="op")
    matches = page.get_by_test_id("matches")
    page.get_by_test_id("filter-matches").fill("conv2d forward relu")
    row = matches.locator("tbody tr").first
    cells = row.locator("th, td")
    expect(cells.nth(1)).to_contain_text("Relu")
    expect(cells.nth(3)).to_contain_text("fused")
    expect(cells.nth(4)).to_contain_text("FusedConv2D")
    expect(cells.nth(6)).to_contain_text("direct")
    matches.get_by_role("button", name="graph → eager").click()
    cells = matches.locator("tbody tr").first.locator("th, td")
    expect(cells.nth(1)).to_contain_text("FusedConv2D")
    expect(cells.nth(4)).to_contain_text("Relu")
    lines = copied(page, matches.get_by_role("button", name="Copy as CSV"))
    assert lines[0][:2] == ["Layer and pass", "graph"]
    assert "FusedConv2D" in lines[1][1]
    matches.get_by_role("link", name="Timeline").first.click()
    assert (state(page, "find") or "").startswith("work:graph|conv/")
    expect(page.get_by_test_id("found").locator("tbody tr")).to_have_count(3)


def test_titles_sort_and_the_sum_stays_last(visit):
    page = open_view(visit, "difference", base="graph", other="xla", by="kind")
    page.get_by_text("As a table").click()
    parts = page.get_by_test_id("parts")
    names = parts.locator("tbody th")
    before = names.all_inner_texts()
    parts.get_by_role("button", name="Kind of time").click()
    after = names.all_inner_texts()
    assert after[-1] == before[-1] == "Traced step"
    assert after[:-1] == sorted(before[:-1], key=str.casefold)
    assert [line[0] for line in copied(page, page.get_by_role("button", name="Copy as CSV").first)][
        1:
    ] == after
    parts.get_by_role("button", name="xla").click()
    times = [
        float(line[2])
        for line in copied(page, page.get_by_role("button", name="Copy as CSV").first)[1:-1]
    ]
    assert times == sorted(times, reverse=True)


def test_the_difference_opens_at_the_mode_in_question(visit):
    page = open_view(visit, "difference")
    # Of graph (the baseline), eager and xla, eager loses most.
    expect(page.get_by_test_id("pick-baseline")).to_have_value("graph")
    expect(page.get_by_test_id("pick-mode")).to_have_value("eager")
    page.get_by_test_id("pick-mode").select_option("xla")
    assert state(page, "other") == "xla"


def test_an_op_leads_to_its_events(visit):
    page = visit.open("layers", session=RECORDED, q="conv2d forward", open="all")
    page.get_by_test_id("tree").locator("tr.op", has_text="BiasAdd").first.click()
    recorded = page.get_by_test_id("recorded")
    recorded.get_by_role("link", name="Timeline").first.click()
    assert (state(page, "find") or "").startswith("work:")
    expect(page.get_by_test_id("found").locator("tbody tr")).to_have_count(3)
