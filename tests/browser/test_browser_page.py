"""The page in a real Chromium, opened without TensorBoard around it: same files, same policy."""

import builders
import numpy as np
import pixels
import pytest
import recorded_programs
from playwright.sync_api import Page, expect
from visiting import HOSTILE, SESSION, Visit, copied

pytestmark = pytest.mark.browser

KINDS = ("--kind-python", "--kind-dispatch", "--kind-op")


def state(page: Page) -> dict[str, str]:
    """The page's state, from its address."""
    return page.evaluate(
        """() => Object.fromEntries(location.hash.split("&").slice(1).map((pair) => {
            const [key, value] = pair.split("=").map(decodeURIComponent);
            return [key.replace("p.graphprof.", ""), value];
        }))"""
    )


def span(page: Page) -> tuple[int, int]:
    """What stretch of time the timeline shows, in picoseconds from the step's start."""
    lanes = page.get_by_test_id("lanes")
    return int(lanes.get_attribute("data-from")), int(lanes.get_attribute("data-to"))


def open_timeline(visit: Visit, **kept: str) -> Page:
    page = visit.open("timeline", **kept)
    page.locator("[data-testid=lanes][data-drawn]:not([data-drawn='0'])").wait_for()
    return page


def settle(page: Page, before: tuple[int, int]) -> tuple[int, int]:
    """The stretch that is shown, once it is another one."""
    page.wait_for_function(
        "before => document.querySelector('canvas').dataset.from != before", arg=str(before[0])
    )
    return span(page)


def content_height(page: Page) -> int:
    """How far down the lanes reach: what is below the last mode is empty."""
    drawn = pixels.picture(page.get_by_test_id("lanes"))
    paper = np.array(pixels.color(page.get_by_test_id("lanes"), "--paper"))
    filled = (np.abs(drawn[:, 200:] - paper).max(axis=2) > 12).any(axis=1)
    return int(np.flatnonzero(filled).max())


# The first screen


def test_the_first_screen_answers_without_a_click(visit):
    page = visit.open()
    expect(page.get_by_test_id("verdict")).to_contain_text("Against graph")
    rows = page.get_by_test_id("modes").locator("tbody tr")
    expect(rows).to_have_count(4)
    expect(rows.nth(0)).to_contain_text("20.")
    expect(rows.nth(0)).to_contain_text("slower")
    expect(rows.nth(1)).to_contain_text("baseline")
    expect(rows.nth(1)).to_contain_text("jit_compile no")
    expect(page.get_by_test_id("aa")).to_contain_text("should read 1")
    expect(page.get_by_test_id("overhead")).to_contain_text("graph +3 %")
    expect(page.get_by_test_id("legend").locator("li")).to_have_count(10)
    expect(page.get_by_test_id("findings")).to_be_visible()


def test_a_mode_that_cannot_run_says_why_and_what_to_do(visit):
    row = visit.open().locator("tr[data-mode='fit-spe=8']")
    expect(row).to_contain_text("unavailable No batch count fits. Give --steps 32.")


def test_a_speed_is_marked_where_the_results_differ(visit):
    page = visit.open(session="differing")
    expect(page.locator('tr[data-mode="xla"]')).to_contain_text("≠ results differ")
    expect(page.locator('tr[data-mode="graph"]')).not_to_contain_text("≠")


def test_the_breakdown_is_drawn_on_one_scale(visit):
    page = visit.open()
    bars = page.get_by_test_id("bars")
    drawn = pixels.picture(bars)
    for kind in KINDS:
        assert pixels.count(drawn, pixels.color(bars, kind)) > 500, kind
    widths = {
        mode: page.evaluate(
            """mode => [...document.querySelectorAll("g.bar")]
                .find((bar) => bar.querySelector("title").textContent === mode)
                .querySelectorAll("rect").values()
                .reduce((sum, rect) => sum + rect.getBoundingClientRect().width, 0)""",
            mode,
        )
        for mode in ("eager", "graph")
    }
    # Steps of 20 and 6.1 ms; hairlines between the parts take a pixel each.
    assert widths["eager"] / widths["graph"] == pytest.approx(20 / 6.1, rel=0.03)


def test_shares_fill_the_width_and_the_address_says_so(visit):
    page = visit.open()
    page.get_by_role("button", name="Share").click()
    expect(page.get_by_test_id("bars")).to_contain_text("100.0 %")
    assert state(page)["scale"] == "share"
    page.get_by_role("button", name="Time").click()
    assert "scale" not in state(page)


def test_parts_explain_themselves(visit):
    page = visit.open()
    page.locator("g.part.kind-dispatch").first.hover()
    expect(page.get_by_test_id("tip")).to_contain_text("eager: Dispatch")
    expect(page.get_by_test_id("tip")).to_contain_text("of the step")


def test_numbers_lead_to_their_evidence(visit):
    page = visit.open()
    row = page.locator("tr[data-mode='eager']")
    row.locator("a.evidence").first.click()
    expect(page.get_by_test_id("tab-steps")).to_have_attribute("aria-selected", "true")
    expect(page.locator(".steps-mode")).to_have_count(1)
    page.go_back()
    expect(page.get_by_test_id("verdict")).to_be_visible()
    row.get_by_role("link", name="Timeline").click()
    expect(page.get_by_test_id("timeline")).to_be_visible()
    assert state(page) == {"session": SESSION, "view": "timeline", "mode": "eager"}


def test_tables_are_copied_as_numbers(visit):
    page = visit.open()
    lines = copied(page, page.get_by_role("button", name="Copy as CSV").first)
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert lines[0][:3] == ["mode", "step_time_s", "low_s"]
    assert [line[0] for line in lines[1:]] == ["eager", "graph", "xla", "fit-spe=8"]
    assert float(lines[1][1]) == pytest.approx(0.02, rel=0.1)
    assert lines[4][1] == ""  # not measured is empty, not 0


# The timeline


def test_the_timeline_is_drawn_for_every_mode(visit):
    page = open_timeline(visit)
    lanes = page.get_by_test_id("lanes")
    drawn = pixels.picture(lanes)
    for kind in KINDS:
        assert pixels.count(drawn, pixels.color(lanes, kind)) > 300, kind
    # Each mode's step begins at the same place, marked by a line through its lanes.
    low, high = span(page)
    gutter = 188
    zero = round(gutter + (drawn.shape[1] - gutter) * -low / (high - low))
    line = drawn[:, zero - 1 : zero + 2].astype(int)
    beside = drawn[:, zero - 6 : zero - 3].astype(int)
    darker = line.sum(axis=2).min(axis=1) < beside.sum(axis=2).min(axis=1) - 60
    rows = np.flatnonzero(darker)
    thirds = np.histogram(rows, bins=3, range=(24, content_height(page)))[0]
    assert (thirds > 10).all(), thirds
    expect(page.get_by_test_id("problems")).to_have_text("1 not complete")


def test_zoom_by_wheel_holds_the_time_under_the_pointer_in_all_modes(visit):
    page = open_timeline(visit, threads="open")
    box = page.get_by_test_id("lanes").bounding_box()
    x = box["x"] + 188 + (box["width"] - 188) * 0.25
    before = span(page)
    pictures = [pixels.picture(page.get_by_test_id("lanes"))]
    page.mouse.move(x, box["y"] + 200)
    page.mouse.wheel(0, -400)
    after = settle(page, before)
    under = [low + (high - low) * 0.25 for low, high in (before, after)]
    assert under[0] == pytest.approx(under[1], abs=0.002 * (before[1] - before[0]))
    assert (after[1] - after[0]) < 0.6 * (before[1] - before[0])
    page.wait_for_timeout(300)
    pictures.append(pixels.picture(page.get_by_test_id("lanes")))
    # One clock: the lanes of the first and of the last mode both moved.
    height = pictures[0].shape[0]
    for part in (slice(60, height // 4), slice(height // 2, height - 60)):
        assert (pictures[0][part, 200:] != pictures[1][part, 200:]).any()


def test_drag_pans_and_keys_zoom_pan_and_reset(visit):
    page = open_timeline(visit)
    box = page.get_by_test_id("lanes").bounding_box()
    whole = span(page)
    length = whole[1] - whole[0]
    page.mouse.move(box["x"] + 700, box["y"] + 150)
    page.mouse.down()
    page.mouse.move(box["x"] + 600, box["y"] + 150, steps=4)
    page.mouse.up()
    dragged = settle(page, whole)
    assert dragged[1] - dragged[0] == pytest.approx(length, rel=1e-6)
    assert dragged[0] - whole[0] == pytest.approx(length * 100 / (box["width"] - 188), rel=0.1)

    keys = {"w": "in", "d": "right", "s": "out", "a": "left", "+": "in", "ArrowRight": "right"}
    at = dragged
    for key, does in keys.items():
        page.keyboard.press(key)
        now = settle(page, at)
        grew = (now[1] - now[0]) - (at[1] - at[0])
        if does == "in":
            assert grew < 0, key
        elif does == "out":
            assert grew > 0, key
        else:
            assert abs(grew) < 1e-6 * length, key
            assert (now[0] > at[0]) == (does == "right"), key
        at = now
    page.keyboard.press("0")
    assert settle(page, at) == whole


def test_the_step_picker(visit):
    page = open_timeline(visit)
    expect(page.get_by_test_id("step")).to_have_text("typical step")
    page.get_by_role("button", name="Step after").click()
    chosen = int(state(page)["step"])
    expect(page.get_by_test_id("step")).to_have_text(f"step {chosen + 1} of 6")
    page.get_by_test_id("timeline").locator(".lanes").focus()
    page.keyboard.press("[")
    expect(page.get_by_test_id("step")).to_have_text(f"step {chosen} of 6")
    for _ in range(8):
        page.keyboard.press("]")
    expect(page.get_by_test_id("step")).to_have_text("step 6 of 6")
    page.get_by_role("button", name="Typical").click()
    assert "step" not in state(page)


def test_hovering_tells_what_it_is_and_shows_its_kin_in_every_mode(visit):
    page = open_timeline(visit, threads="open")
    lanes = page.get_by_test_id("lanes")
    mark = pixels.color(lanes, "--mark")
    assert pixels.count(pixels.picture(lanes), mark) == 0
    # The first eager op is a convolution: 5 to 15 % of the step, third call level.
    low, high = span(page)
    box = lanes.bounding_box()
    x = box["x"] + 188 + (box["width"] - 188) * (0.08 * 20e9 - low) / (high - low)
    page.mouse.move(x, box["y"] + 24 + 24 + 3 * 15 + 7)
    tip = page.get_by_test_id("tip")
    expect(tip).to_contain_text("EagerLocalExecute: Conv2D")
    expect(tip).to_contain_text("Dispatch")
    expect(tip).to_contain_text("takes1.6")
    expect(tip).to_contain_text("itself")
    expect(tip).to_contain_text("inside")
    drawn = pixels.picture(lanes)
    rows = np.array([row for row in range(len(drawn)) if pixels.count(drawn[row], mark) > 4])
    # Two bars, in the graph's and in XLA's lanes, each with an upper and a lower edge.
    assert len(np.flatnonzero(np.diff(rows) > 30)) == 1, rows


def test_finding_an_op_lists_and_marks_its_uses(visit):
    page = open_timeline(visit)
    lanes = page.get_by_test_id("lanes")
    page.keyboard.press("Tab")
    page.get_by_test_id("timeline").locator(".lanes").focus()
    page.keyboard.press("/")
    page.keyboard.type("op:Conv2D")
    page.keyboard.press("Enter")
    rows = page.get_by_test_id("found").locator("tbody tr")
    expect(rows).to_have_count(3)
    expect(rows.nth(0)).to_contain_text("1.60 ms")
    assert state(page)["find"] == "op:Conv2D"
    page.wait_for_timeout(400)
    assert pixels.count(pixels.picture(lanes), pixels.color(lanes, "--mark")) > 50
    before = span(page)
    page.keyboard.press("n")
    assert settle(page, before) != before
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("found")).to_be_hidden()


def test_threads_fold_and_modes_hide(visit):
    page = open_timeline(visit, threads="open")
    lanes = page.get_by_test_id("lanes")
    box = lanes.bounding_box()
    page.mouse.click(box["x"] + 60, box["y"] + 24 + 24 + 6)
    assert "0.0" not in state(page).get("fold", "").split(",")
    assert state(page)["threads"] == "folded"
    page.get_by_label("eager").uncheck()
    assert state(page)["hide"] == "0"
    page.reload()
    page.locator("[data-testid=lanes][data-drawn]").wait_for()
    expect(page.get_by_label("eager")).not_to_be_checked()


def test_a_session_without_traces_says_what_to_do(visit):
    page = visit.open("timeline", session="untraced")
    expect(page.get_by_test_id("no-trace")).to_contain_text("Profile again with traces")


# Watched programs


def test_a_watched_program_shows_its_findings_and_its_time(visit):
    page = visit.open(session=recorded_programs.PROGRAM)
    expect(page.get_by_test_id("findings")).to_contain_text("train.py:")
    expect(page.get_by_test_id("program")).to_contain_text("ended with 0 after 10.0 s")
    expect(page.get_by_test_id("modes")).to_have_count(0)


@pytest.mark.parametrize("view", ["timeline", "steps", "parity", "environment"])
def test_views_of_modes_say_that_a_program_has_none(visit, view):
    page = visit.open(view, session=recorded_programs.PROGRAM)
    expect(page.locator("main#view")).not_to_be_empty()


# Steps, environment


def test_every_step_is_drawn_and_listed(visit):
    page = visit.open("steps")
    expect(page.locator(".steps-mode")).to_have_count(3)
    canvas = page.locator(".steps-mode canvas").first
    accent = pixels.color(canvas, "--accent")
    assert pixels.count(pixels.picture(canvas), accent, 40) > 150
    expect(page.get_by_test_id("processes").locator("tbody tr")).to_have_count(8)
    page.get_by_label("First calls").check()
    page.get_by_label("Logarithmic").check()
    page.get_by_role("button", name="One scale").click()
    assert {"first", "log", "y"} <= set(state(page))
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + 74, box["y"] + box["height"] / 2)
    expect(page.locator(".steps-mode").first).to_contain_text("first step")


def test_environment_and_data(visit):
    page = visit.open("environment")
    for text in ("tensorflow", "2.21.0", "batch_size", "steps_per_execution", "Parallelism"):
        expect(page.locator("main")).to_contain_text(text)


# Everywhere


@pytest.mark.parametrize("view", ["", "timeline", "steps", "environment"])
def test_hostile_names_are_shown_as_text(visit, view):
    page = visit.open(view, session=HOSTILE)
    if view == "timeline":
        page.locator("[data-testid=lanes][data-drawn]").wait_for()
        expect(page.get_by_label(builders.HOSTILE[0])).to_be_visible()
        page.get_by_test_id("find").fill("<script>")
        page.keyboard.press("Enter")
        expect(page.get_by_test_id("found")).to_contain_text("<script>")
    else:
        expect(page.locator("main")).to_contain_text(builders.HOSTILE[0])
    assert page.locator("body img, body script:not([type=module])").count() == 0
    # Long names break, they do not push the page aside.
    assert page.evaluate("document.body.scrollWidth <= innerWidth")


@pytest.mark.parametrize("view", ["", "timeline", "steps", "environment"])
def test_dark_mode(visitor, view):
    page = visitor(color_scheme="dark").open(view)
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    if view == "timeline":
        page.locator("[data-testid=lanes][data-drawn]:not([data-drawn='0'])").wait_for()
    drawn = pixels.picture(page.locator("body"))
    paper = pixels.color(page.locator("body"), "--paper")
    assert max(paper) < 60
    assert pixels.count(drawn, paper) > drawn.shape[0] * drawn.shape[1] * 0.3
    assert pixels.count(drawn, (255, 255, 255)) < drawn.shape[0] * drawn.shape[1] * 0.02


def test_the_theme_may_change_while_the_timeline_is_open(visit):
    page = open_timeline(visit)
    page.emulate_media(color_scheme="dark")
    page.wait_for_function("document.documentElement.dataset.theme === 'dark'")
    page.wait_for_timeout(200)
    lanes = page.get_by_test_id("lanes")
    assert pixels.count(pixels.picture(lanes), (255, 255, 255), 2) < 2000


@pytest.mark.parametrize(
    ("session", "text"),
    [("cut", "damaged: not a JSON object"), ("newer", "Update it: pip install")],
)
def test_a_session_that_cannot_be_read_says_so(visit, session, text):
    page = visit.open(session=session)
    expect(page.get_by_test_id("problem")).to_contain_text(text)
    page.get_by_test_id("session-picker").select_option(SESSION)
    expect(page.get_by_test_id("verdict")).to_be_visible()


@pytest.mark.parametrize(
    ("view", "text"),
    [
        ("", "No mode could be measured"),
        ("timeline", "There is no trace to show"),
        ("steps", "No step was timed"),
        ("environment", "models.py:build"),
    ],
)
def test_a_session_that_was_cut_off_before_it_began(visit, view, text):
    page = visit.open(view, session="nothing")
    expect(page.locator("main")).to_contain_text(text)


def test_an_address_is_a_view_that_can_be_shared(visit, visitor):
    page = open_timeline(visit, step="2", find="op:MatMul", threads="folded")
    box = page.get_by_test_id("lanes").bounding_box()
    page.mouse.move(box["x"] + 600, box["y"] + 100)
    before = span(page)
    page.mouse.wheel(0, -500)
    after = settle(page, before)
    page.wait_for_function("location.hash.includes('graphprof.from')")
    shared = page.evaluate("location.href")

    other = visitor().page
    other.goto(shared)
    other.locator("[data-testid=lanes][data-drawn]:not([data-drawn='0'])").wait_for()
    assert span(other) == pytest.approx(after, abs=2)
    expect(other.get_by_test_id("step")).to_have_text("step 3 of 6")
    expect(other.get_by_test_id("found")).to_contain_text("op:MatMul")


def test_an_unknown_address_falls_back_to_the_first_screen(visit):
    page = visit.open("nonsense", session="nobody")
    expect(page.get_by_test_id("verdict")).to_be_visible()


def test_views_are_reached_by_keys_and_back(visit):
    page = visit.open()
    page.get_by_test_id("tab-overview").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_test_id("tab-difference")).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_test_id("tab-timeline")).to_have_attribute("aria-selected", "true")
    page.go_back()
    expect(page.get_by_test_id("difference")).to_be_visible()
    page.keyboard.press("?")
    expect(page.get_by_test_id("help")).to_contain_text("zoom the timeline")
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("help")).to_have_count(0)


def test_an_empty_log_directory_says_what_to_do(visit):
    empty = '{"sessions": [], "logdir": "/home/me/logs", "version": "0"}'
    visit.page.route("**/graphprof/sessions", lambda route: route.fulfill(body=empty))
    page = visit.open()
    expect(page.get_by_test_id("empty")).to_contain_text("graphprof demo --logdir /home/me/logs")


def test_what_the_backend_could_not_do_is_shown_with_its_cure(visit):
    broken = '{"error": {"message": "The disk is gone", "cure": "Plug it in"}}'
    visit.page.route("**/graphprof/report*", lambda route: route.fulfill(status=422, body=broken))
    page = visit.open()
    expect(page.get_by_test_id("problem")).to_contain_text("The disk is gone.")
    expect(page.get_by_test_id("problem")).to_contain_text("Plug it in.")
    assert len(visit.trouble) == 2  # the answer, and the browser's word about it
    visit.trouble.clear()


@pytest.mark.parametrize("size", [(1280, 800), (1920, 1080), (800, 600)])
@pytest.mark.parametrize("view", ["", "timeline", "steps", "environment"])
def test_nothing_sticks_out(visitor, view, size):
    page = visitor(viewport={"width": size[0], "height": size[1]}).open(view)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")
