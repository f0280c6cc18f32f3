"""Parity: what differs is marked, what was not compared is not called equal, by pointer and keys."""

import pytest
from playwright.sync_api import Page, expect
from visiting import Visit, copied

pytestmark = pytest.mark.browser

DIFFERING = "differing"


def open_parity(visit: Visit, **kept: str) -> Page:
    page = visit.open("parity", session=DIFFERING, **kept)
    page.locator("tr[data-row]").first.wait_for()
    return page


def rows(page: Page) -> list[str]:
    return page.locator("tr[data-row] th").all_inner_texts()


def test_what_differs_is_marked_beyond_its_limit(visit):
    page = open_parity(visit)
    expect(page.get_by_test_id("parity-modes")).to_contain_text("≠ differs")
    expect(page.get_by_test_id("parity-modes")).to_contain_text("First to differ: output")
    (row,) = page.locator("tr.differs").all()
    expect(row).to_contain_text("output output")
    cell = row.locator("td.beyond")
    expect(cell).to_contain_text("5e-1 ≠")
    limit = cell.locator("line.limit").bounding_box()
    dot = cell.locator("circle.against-baseline").bounding_box()
    assert dot["x"] > limit["x"] + limit["width"]
    for other in page.locator("tr[data-row]:not(.differs) circle.against-baseline").all()[:3]:
        own = other.locator("xpath=../*[@class='limit']").bounding_box()
        assert other.bounding_box()["x"] < own["x"]


def test_the_baseline_stands_against_float64_and_the_ring_where_the_error_is(visit):
    page = open_parity(visit)
    dense = page.locator("tr[data-row]").filter(has_text="layer dense")
    own, other = dense.locator("td").nth(1), dense.locator("td").nth(2)
    expect(own).to_have_text("2e-7")
    expect(own.locator("circle.against-baseline")).to_have_count(0)
    expect(other).to_have_text("0")
    rings = [cell.locator("circle.against-reference").get_attribute("cx") for cell in (own, other)]
    assert rings[0] == rings[1]
    assert float(other.locator("circle.against-baseline").get_attribute("cx")) < float(rings[1])
    other.hover()
    expect(page.get_by_test_id("tip")).to_contain_text("against float64")
    expect(page.get_by_test_id("tip")).to_contain_text("ULP")


def test_rows_are_filtered_and_sorted_and_the_address_says_so(visit):
    page = open_parity(visit)
    every = rows(page)
    page.get_by_test_id("filter").fill("update kernel")
    expect(page.locator("tr[data-row]")).to_have_count(1)
    page.get_by_test_id("filter").fill("")
    page.get_by_role("button", name="Layers", exact=True).click()
    assert all(name.startswith("layer") for name in rows(page))
    page.get_by_role("button", name="All", exact=True).click()
    page.locator("[data-sort=xla]").click()
    assert rows(page)[0] == "output output"
    assert page.evaluate("location.hash.includes('sort=xla')")
    page.locator("[data-sort=xla]").click()
    assert rows(page) == every
    page.get_by_label("only what differs").check()
    assert rows(page) == ["output output"]


def test_keys_walk_the_rows_and_the_table_can_be_copied(visit):
    page = open_parity(visit)
    page.get_by_test_id("filter").press("ArrowDown")
    focused = "document.activeElement.getAttribute('data-row')"
    for key, at in (("ArrowDown", "1"), ("ArrowDown", "2"), ("ArrowUp", "1"), ("Home", "0")):
        page.keyboard.press(key)
        assert page.evaluate(focused) == at
    page.keyboard.press("/")
    expect(page.get_by_test_id("filter")).to_be_focused()
    lines = copied(page, page.get_by_role("button", name="Copy as CSV"))
    header = lines[0]
    output = next(line for line in lines if line[1] == "output")
    assert output[header.index("xla passes")] == "no"
    assert float(output[header.index("xla against graph")]) == 0.5
    assert len(lines) == 1 + len(rows(page))


def test_what_was_not_compared_is_not_called_equal(visit):
    page = visit.open("parity")
    expect(page.locator("main")).to_contain_text("was not compared")
    expect(page.locator("main")).to_contain_text("says nothing about whether they agree")
