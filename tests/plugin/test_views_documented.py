"""Every view of the page is described, and every module of it is reached."""

import re
from pathlib import Path

from tensorboard_plugin_graphprof.assets import ASSETS, STATIC

DOCS = Path(__file__).parents[2] / "docs" / "dashboard.md"


def imports(name: str) -> set[str]:
    """The modules that a module imports, by their names below the static folder."""
    text = (STATIC / name).read_text("utf-8")
    found = re.findall(r'^(?:import|export) .*?from "(\..*?)";', text, re.M | re.S)
    found += re.findall(r'import\("(\..*?)"\)', text)
    here = (STATIC / name).parent
    return {(here / path).resolve().relative_to(STATIC.resolve()).as_posix() for path in found}


def test_every_view_has_its_section():
    registry = (STATIC / "views" / "index.js").read_text("utf-8")
    names = re.search(r"VIEWS = \[(.*?)\]", registry, re.S).group(1).replace(" ", "").split(",")
    titles = []
    for name in filter(None, names):
        module = re.search(rf'import {{ {name} }} from "\./(.*?)"', registry).group(1)
        text = (STATIC / "views" / module).read_text("utf-8")
        titles.append(re.search(r'^  title: "(.*?)"', text, re.M).group(1))
    sections = re.findall(r"^## (.*)$", DOCS.read_text("utf-8"), re.M)
    assert titles == sections


def test_every_module_is_reached_from_the_first_one():
    reached, waiting = set(), ["index.js"]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting.extend(imports(name))
    assert reached == {name for name in ASSETS if name.endswith(".js")}


def test_charts_know_no_views_and_views_no_addresses():
    for name in ASSETS:
        used = {path.partition("/")[0] for path in imports(name) if "/" in path}
        if name.startswith("charts/"):
            assert used <= {"charts"}, name
        if name.startswith("views/"):
            assert not {"api.js", "host.js", "index.js"} & imports(name), name


def test_nothing_is_built_from_markup_or_fetched_from_elsewhere():
    forbidden = re.compile(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function"
        r"|https?://(?!www\.w3\.org/2000/svg)|@import|:\s*url\("
    )
    for name in ASSETS:
        found = forbidden.search((STATIC / name).read_text("utf-8"))
        assert found is None, (name, found)


def test_every_module_is_a_package_data_file():
    # Folders below static/ are listed one by one in setup.cfg.
    setup = (DOCS.parents[1] / "setup.cfg").read_text("utf-8")
    for name in ASSETS:
        folder = f"static/{name.rpartition('/')[0]}".rstrip("/")
        assert f"    {folder}/*" in setup, name
