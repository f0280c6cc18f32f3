"""Difference, and Layers & ops, on a recording of three modes: drawn, closing, led by pointer and keys."""

import builders
import numpy as np
import pixels
import pytest
import recorded_session
import visiting
from playwright.sync_api import Page, expect
from visiting import HOSTILE_LAYERS, Visit

pytestmark = pytest.mark.browser

VIEWS = ("difference", "layers")


def open_view(
    visit: Visit, view: str, session: str = recorded_session.RECORDED, **kept: str
) -> Page:
    page = visit.open(view, session=session, **kept)
    page.locator("[data-row], [data-node]").first.wait_for()
    return page


def state(page: Page, key: str) -> str | None:
    """What the address says of one thing."""
    return page.evaluate(
        """key => new URLSearchParams(location.hash.slice(1)).get(`p.graphprof.${key}`)""", key
    )


def copied(page: Page, name: str = "Copy as CSV") -> list[list[str]]:
    """The cells of the page's first table as its button copies them."""
    return visiting.copied(page, page.get_by_role("button", name=name).first)


# Difference


def bars(page: Page) -> list[tuple[str, float, float, str]]:
    """The bars of the waterfall from the top: class, left and right edge, figure."""
    found = page.evaluate(
        """() => [...document.querySelectorAll("g.step")].map((row) => {
            const { left, right } = row.querySelector(".amount").getBoundingClientRect();
            return [row.classList[1], left, right, row.querySelector(".step-text").textContent];
        })"""
    )
    return [(kind, left, right, text) for kind, left, right, text in found]


@pytest.mark.parametrize("by", ["layer", "op", "kind"])
@pytest.mark.parametrize(("base", "other"), [("graph", "xla"), ("eager", "graph")])
def test_the_waterfall_closes(visit, base, other, by):
    page = open_view(visit, "difference", base=base, other=other, by=by)
    rows = bars(page)
    assert (rows[0][0], rows[-1][0]) == ("whole", "whole")
    assert len(rows) > 4
    at = rows[0][2]
    for kind, left, right, text in rows[1:-1]:
        begins, ends = (right, left) if kind == "less" else (left, right)
        assert begins == pytest.approx(at, abs=1.6), text  # an outline is a pixel wide
        assert text[0] == {"more": "+", "less": "−"}[kind]
        at = ends
    assert at == pytest.approx(rows[-1][2], abs=1.6)


def test_the_waterfall_is_drawn_and_the_sentence_names_its_first_bar(visit):
    page = open_view(visit, "difference", base="graph", other="xla")
    expect(page.get_by_test_id("sentence")).to_contain_text("xla is 2.")
    expect(page.get_by_test_id("sentence")).to_contain_text("max_pooling2d backward +2.64")
    first = page.locator("g.step").nth(1)
    expect(first).to_contain_text("max_pooling2d backward")
    chart = page.get_by_test_id("waterfall")
    drawn = pixels.picture(chart)
    assert pixels.count(drawn, pixels.color(chart, "--bad")) > 1500
    assert pixels.count(drawn, pixels.color(chart, "--good")) > 20
    assert pixels.count(drawn, pixels.color(chart, "--faint")) > 3000


def test_a_bar_leads_to_the_ops_behind_it(visit):
    page = open_view(visit, "difference", base="graph", other="xla")
    page.locator("g.step").nth(1).click()
    behind = page.get_by_test_id("behind")
    expect(behind).to_contain_text("max_pooling2d backward")
    expect(behind).to_contain_text("wrapped_reduce-window")
    expect(behind).to_contain_text("MaxPoolGrad")
    assert (state(page, "part") or "").endswith("conv/max_pooling2d")
    page.reload()
    expect(behind).to_contain_text("wrapped_reduce-window")
    behind.get_by_role("link", name="Layers & ops").click()
    expect(page.get_by_test_id("filter")).to_have_value("max_pooling2d backward")
    expect(page.get_by_test_id("tree")).to_contain_text("xla − graph")
    expect(page.locator("tr.level-2")).to_have_count(2)  # max_pooling2d and max_pooling2d_1


@pytest.mark.parametrize("by", ["layer", "op", "kind"])
def test_what_is_behind_a_bar_sums_to_it(visit, by):
    page = open_view(visit, "difference", base="eager", other="xla", by=by)
    parts = {row[0]: row[1:4] for row in copied(page)[1:]}
    choices = page.locator("g.step[role=button]")
    for number in range(choices.count() - 1):
        choices.nth(number).click()
        title = page.get_by_test_id("behind").get_by_role("heading").inner_text()
        behind = page.get_by_test_id("behind")
        head, *lines = visiting.copied(page, behind.get_by_role("button", name="Copy as CSV"))
        for side, mode in enumerate(("eager", "xla")):
            own = [float(line[head.index(mode)] or 0) for line in lines]
            assert sum(own) == pytest.approx(float(parts[title][side]), abs=1e-9), title


def test_the_waterfall_is_led_by_keys(visit):
    page = open_view(visit, "difference", base="graph", other="xla")
    page.locator("g.step[role=button]").first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    third = page.locator("g.step[role=button]").nth(2)
    expect(third).to_be_focused()
    page.keyboard.press("Enter")
    expect(third).to_have_attribute("aria-pressed", "true")
    label = third.get_attribute("aria-label")
    heading = page.get_by_test_id("behind").get_by_role("heading").inner_text()
    assert label.startswith(heading)
    page.keyboard.press(" ")
    expect(page.get_by_test_id("behind")).to_be_empty()
    expect(third).to_be_focused()


def test_the_rest_lists_what_it_sums(visit):
    page = open_view(visit, "difference", base="eager", other="xla", by="op")
    rest = page.locator("g.step", has_text="everything else")
    count = int(rest.get_attribute("aria-label").partition("(")[2].partition(")")[0])
    rest.click()
    rows = page.get_by_test_id("behind-table").locator("tbody tr")
    expect(rows).to_have_count(min(count, 60))


def test_modes_are_picked_and_turned_round(visit):
    page = open_view(visit, "difference", base="graph", other="xla")
    page.get_by_role("button", name="Turn round").click()
    expect(page.get_by_test_id("sentence")).to_contain_text("graph is 2.")
    expect(page.get_by_test_id("sentence")).to_contain_text("faster than xla")
    assert (state(page, "base"), state(page, "other")) == ("xla", "graph")
    page.get_by_test_id("pick-baseline").select_option("eager")
    expect(page.get_by_test_id("sentence")).to_contain_text("faster than eager")
    page.get_by_role("button", name="Kind of time").click()
    expect(page.get_by_test_id("sentence")).to_contain_text("Python −")
    assert state(page, "by") == "kind"
    # To pick what stands on the other side is to turn round, not to compare a mode with itself.
    page.get_by_test_id("pick-baseline").select_option("graph")
    expect(page.get_by_test_id("sentence")).to_contain_text("eager is")


def test_by_op_the_page_says_what_took_whose_place(visit):
    page = open_view(visit, "difference", base="eager", other="graph", by="op")
    matches = page.get_by_test_id("matches")
    expect(matches).to_contain_text("of eager's ops have a counterpart in graph")
    row = matches.locator("tr", has_text="conv2d_1 forward").first
    expect(row).to_contain_text("Conv2D")
    expect(row).to_contain_text("fused")
    expect(row).to_contain_text("_MklNativeFusedConv2D")


def test_parts_are_copied_as_numbers_that_sum(visit):
    page = open_view(visit, "difference", base="graph", other="xla")
    head, *rows = copied(page)
    assert head == ["Layer and pass", "graph", "xla", "Difference", "Busy"]
    *parts, whole = rows
    assert whole[0] == "Traced step"
    for column in (1, 2, 3):
        assert sum(float(row[column]) for row in parts) == pytest.approx(float(whole[column]))
    page.get_by_text("As a table").click()
    expect(page.get_by_test_id("parts").locator("tbody tr")).to_have_count(len(rows))


# Layers and ops


def test_layers_are_one_tree_with_a_column_for_each_mode(visit):
    page = open_view(visit, "layers", base="graph", other="xla")
    tree = page.get_by_test_id("tree")
    for text in ("eager", "graph", "xla", "xla − graph"):
        expect(tree.locator("thead")).to_contain_text(text)
    expect(page.get_by_test_id("layers")).to_contain_text("fit-spe=8: No batch count fits.")
    expect(tree.locator("tr.nobody")).to_contain_text("without layer")
    expect(tree.locator("tr.nobody")).to_contain_text("none")
    first = tree.locator("tr[data-node]").first
    expect(first).to_contain_text("max_pooling2d")
    first.click()
    backward = tree.locator("tr.level-2", has_text="backward")
    expect(backward).to_contain_text("direct")
    expect(backward).to_contain_text("dataflow")
    backward.click()
    expect(tree.locator("tr.op", has_text="wrapped_reduce-window")).to_contain_text("dataflow")
    assert state(page, "open")
    page.reload()
    expect(tree.locator("tr.op", has_text="wrapped_reduce-window")).to_be_visible()


def test_layers_sum_to_the_step_in_every_column(visit):
    page = open_view(visit, "layers", base="graph", other="xla")
    rows = page.locator("tr.level-1").all()
    cells = [row.locator("td.number:not(.share)").all_inner_texts() for row in rows]
    whole = page.get_by_test_id("whole").locator("td.number:not(.share)").all_inner_texts()
    for column, text in enumerate(whole):
        own = [number(row[column]) for row in cells]
        assert sum(own) == pytest.approx(number(text), abs=0.001 * len(own))


def number(text: str) -> float:
    return float(text.replace("−", "-").replace("·", "0") or 0)


def test_an_op_shows_what_does_its_work_read_from_either_side(visit):
    page = open_view(visit, "layers", base="eager", other="graph", q="conv2d forward", open="all")
    tree = page.get_by_test_id("tree")
    tree.locator("tr.op", has_text="BiasAdd").first.click()
    places = page.get_by_test_id("counterparts")
    expect(places).to_contain_text("_MklNativeFusedConv2D")
    graph = places.locator("tr", has_text="graph")
    expect(graph).to_contain_text("BiasAdd")
    expect(graph).to_contain_text("fused")
    assert state(page, "op")
    page.reload()
    expect(places).to_contain_text("_MklNativeFusedConv2D")
    # From the other side: what XLA made, and of what.
    page.get_by_test_id("filter").fill("max_pooling2d backward reduce-window")
    tree.locator("tr.op", has_text="wrapped_reduce-window").first.click()
    xla = page.get_by_test_id("counterparts").locator("tr", has_text="xla")
    expect(xla).to_contain_text("MaxPoolGrad")
    expect(page.get_by_test_id("recorded")).to_contain_text("wrapped_reduce-window.")


def test_every_column_sorts_and_turns_round(visit):
    page = open_view(visit, "layers", base="graph", other="xla")
    for column in ("0", "1", "2", "gap", "name"):
        header = page.locator(f"button[data-sort='{column}']")
        page.evaluate("() => {}")
        before = titles(page)
        header.click()
        order = titles(page)
        header.click()
        turned = titles(page)
        assert order == turned[::-1], column
        assert sorted(order) == sorted(before)
        own = page.locator(f"th:has(button[data-sort='{column}'])")
        expect(own).not_to_have_attribute("aria-sort", "none")
    page.reload()
    page.locator("[data-node]").first.wait_for()
    assert titles(page) == turned


def titles(page: Page) -> list[str]:
    return page.locator("tr.level-1 .tree-title").all_inner_texts()


def test_the_filter_opens_what_it_leads_to(visit):
    page = open_view(visit, "layers")
    page.get_by_test_id("filter").click()
    page.keyboard.type("conv2d_1 BackpropFilter")
    expect(page.get_by_test_id("row-count")).to_contain_text("1 of ")
    assert page.locator("tr[data-node] .tree-title").all_inner_texts() == [
        "conv2d_1",
        "backward",
        "Conv2DBackpropFilter",
    ]
    assert state(page, "q") == "conv2d_1 BackpropFilter"
    expect(page.get_by_test_id("filter")).to_be_focused()
    page.get_by_test_id("filter").fill("no such thing")
    expect(page.get_by_test_id("tree")).to_contain_text("Nothing has these words")


def test_the_tree_is_walked_by_keys(visit):
    page = open_view(visit, "layers", sort="name")
    rows = page.locator("tr[data-node]")
    rows.first.focus()
    page.keyboard.press("ArrowDown")
    expect(rows.nth(1)).to_be_focused()
    page.keyboard.press("End")
    expect(rows.last).to_be_focused()
    page.keyboard.press("Home")
    count = rows.count()
    page.locator("tr[data-node]", has_text="conv2d").nth(0).focus()
    row = page.locator("tr:focus")
    page.keyboard.press("ArrowRight")
    expect(row).to_have_attribute("aria-expanded", "true")
    expect(rows).to_have_count(count + 2)
    page.keyboard.press("ArrowRight")
    expect(row).to_have_attribute("aria-level", "2")
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowDown")
    expect(row).to_have_attribute("aria-level", "3")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(row).to_have_attribute("aria-level", "1")
    page.keyboard.press("ArrowLeft")
    expect(rows).to_have_count(count)
    page.keyboard.press("/")
    expect(page.get_by_test_id("filter")).to_be_focused()


def test_open_all_shows_every_op_and_it_is_copied(visit):
    page = open_view(visit, "layers")
    page.get_by_role("button", name="Open all").click()
    count = page.locator("tr[data-node]").count()
    head, *rows = copied(page)
    assert head[:6] == ["layer", "pass", "what", "label", "eager_s", "eager share"]
    assert len(rows) == count
    assert count > 100
    leaves = [row for row in rows if row[2]]
    whole = page.get_by_test_id("whole").locator("td.number").first.inner_text()
    seconds = sum(float(row[4]) for row in leaves if row[4])
    assert 1000 * seconds == pytest.approx(float(whole), abs=0.01)
    page.get_by_role("button", name="Close all").click()
    expect(page.locator("tr.level-2")).to_have_count(0)


def test_a_cell_tells_more_under_the_pointer(visit):
    page = open_view(visit, "layers", q="max_pooling2d forward MaxPool")
    page.locator("tr.op").first.locator("td.number").first.hover()
    tip = page.get_by_test_id("tip")
    for text in ("eager: MaxPool", "calls a step", "busy, over all threads"):
        expect(tip).to_contain_text(text)


# Both


@pytest.mark.parametrize("view", VIEWS)
def test_without_traces_the_page_says_what_to_do(visit, view):
    page = visit.open(view, session="untraced")
    expect(page.get_by_test_id("no-trace")).to_contain_text("Profile again with traces")
    expect(page.get_by_test_id("no-trace")).to_contain_text("graph was not traced")


@pytest.mark.parametrize("view", VIEWS)
def test_hostile_names_are_text(visit, view):
    page = open_view(visit, view, session=HOSTILE_LAYERS)
    for name in builders.HOSTILE[:2]:
        expect(page.locator("main")).to_contain_text(name)
    if view == "difference":
        page.locator("g.step", has_text="<script>").first.click()
        expect(page.get_by_test_id("behind-table")).to_contain_text("<script>alert(2)</script>")
    else:
        page.get_by_test_id("filter").fill("<script>")
        page.get_by_role("button", name="Open all").click()
        page.locator("tr.op", has_text="<script>").first.click()
        expect(page.get_by_test_id("counterparts")).to_contain_text("<script>alert(2)</script>")
    assert page.locator("body img, body script:not([type=module])").count() == 0
    assert page.evaluate("document.body.scrollWidth <= innerWidth")


@pytest.mark.parametrize("view", VIEWS)
def test_dark_mode(visitor, view):
    page = open_view(visitor(color_scheme="dark"), view)
    drawn = pixels.picture(page.locator("body"))
    paper = pixels.color(page.locator("body"), "--paper")
    assert max(paper) < 60
    size = drawn.shape[0] * drawn.shape[1]
    assert pixels.count(drawn, paper) > 0.3 * size
    assert pixels.count(drawn, (255, 255, 255)) < 0.02 * size


@pytest.mark.parametrize("size", [(1280, 800), (1920, 1080), (800, 600)])
@pytest.mark.parametrize("view", VIEWS)
def test_nothing_sticks_out_and_no_labels_meet(visitor, view, size):
    page = open_view(visitor(viewport={"width": size[0], "height": size[1]}), view, by="op")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")
    if view == "difference":
        boxes = np.array(
            page.evaluate(
                """() => [...document.querySelectorAll("g.step")].map((row) => {
                    const [label, figure] = [".step-label", ".step-text"].map((name) =>
                        row.querySelector(name).getBoundingClientRect());
                    const bar = row.querySelector(".amount").getBoundingClientRect();
                    const chart = row.ownerSVGElement.getBoundingClientRect();
                    return [chart.left, label.left, label.right, bar.left, bar.right, figure.left,
                            figure.right, chart.right];
                })"""
            )
        )
        assert (np.diff(boxes, axis=1) > -1).all()
