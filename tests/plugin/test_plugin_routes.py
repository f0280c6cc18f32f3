"""The plugin among web servers: routes, static files, methods, discovery, loading."""

import gzip
import json
import os
import re
import subprocess
import sys
import urllib.parse
from pathlib import Path
from types import SimpleNamespace

import builders
import pytest
import tensorboard_plugin_graphprof
from plugin_client import SESSION, client_of
from tensorboard_plugin_graphprof import discovery, loader
from tensorboard_plugin_graphprof.assets import ASSETS, STATIC
from tensorboard_plugin_graphprof.plugin import GraphprofPlugin

from graphprof.session import find

PACKAGE = Path(tensorboard_plugin_graphprof.__file__).parent


def context(logdir, **flags):
    return SimpleNamespace(logdir=logdir, flags=SimpleNamespace(**flags))


def test_the_page_s_files_are_served_with_their_types(client):
    for name in ASSETS:
        response = client.get(f"/static/{name}")
        assert response.status_code == 200, name
        assert response.data == (STATIC / name).read_bytes()
        expected = "text/css" if name.endswith(".css") else "text/javascript"
        assert response.content_type == f"{expected}; charset=utf-8"
        assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_files_are_packed_and_not_sent_twice(client):
    packed = client.get("/static/index.js", headers={"Accept-Encoding": "gzip, br"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == (STATIC / "index.js").read_bytes()
    again = client.get("/static/index.js", headers={"If-None-Match": packed.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


@pytest.mark.parametrize(
    "path",
    [
        "/static/",
        "/static/nothing.js",
        "/static/../plugin.py",
        "/static/..%2fplugin.py",
        "/static/%2e%2e/plugin.py",
        "/static/%2e%2e%2fplugin.py",
        "/static/..\\plugin.py",
        "/static//etc/passwd",
        "/static/%2fetc%2fpasswd",
        "/static/./index.js",
        "/static/charts",
        "/static/charts/",
        "/static/charts/../index.js",
        "/static/index.js%00",
        "/static/%00",
        "/static/INDEX.JS",
        "/static/index.js/",
    ],
)
def test_only_files_of_the_page_are_served(client, path):
    # WSGI servers hand over the path decoded.
    response = client.open(path=urllib.parse.unquote(path), method="GET")
    assert response.status_code == 404
    assert b"import" not in response.data
    assert b"root:" not in response.data


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
@pytest.mark.parametrize("path", ["/sessions", "/static/index.js", "/report"])
def test_nothing_but_reading(client, method, path):
    response = client.open(path, method=method)
    assert response.status_code == 405
    assert response.headers["Allow"] == "GET, HEAD"


def test_head_says_what_get_would_send(client):
    for path in ("/sessions", "/static/style.css"):
        got, head = client.get(path), client.head(path)
        assert head.data == b""
        assert head.headers["Content-Type"] == got.headers["Content-Type"]


def test_answers_are_packed_when_worth_it(client):
    query = {"session": SESSION}
    packed = client.get("/report", query_string=query, headers={"Accept-Encoding": "gzip"})
    plain = client.get("/report", query_string=query)
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == plain.data
    assert int(packed.headers["Content-Length"]) == len(packed.data)


def test_a_mistake_of_ours_is_told_without_a_traceback(monkeypatch, tmp_path):
    builders.session(tmp_path, modes=("graph",), traces=False)

    def fail(session):
        raise ZeroDivisionError("a slip")

    monkeypatch.setattr("tensorboard_plugin_graphprof.api.answer.build", fail)
    response = client_of(tmp_path).get("/report", query_string={"session": SESSION})
    assert response.status_code == 500
    error = json.loads(response.data)["error"]
    assert error["message"] == "graphprof failed: ZeroDivisionError: a slip"
    assert error["cure"]


def test_every_route_is_described():
    text = (PACKAGE / "http_api.md").read_text()
    routes = GraphprofPlugin(context("")).get_plugin_apps()
    for route in routes:
        assert re.search(rf"^## `{re.escape(route[1:].removesuffix('*'))}", text, re.M), route


# Discovery


def test_active_only_with_a_session(tmp_path):
    assert not GraphprofPlugin(context(str(tmp_path))).is_active()
    builders.session(tmp_path / "a" / "b", modes=("graph",), traces=False)
    assert GraphprofPlugin(context(str(tmp_path))).is_active()
    assert GraphprofPlugin(context(str(tmp_path / "none")), always_active=True).is_active()


@pytest.mark.parametrize("logdir", [None, "", "/nowhere/at/all", "gs://bucket/logs"])
def test_no_log_directory_is_no_error(logdir):
    plugin = GraphprofPlugin(context(logdir))
    assert not plugin.is_active()
    answer = json.loads(client_of(logdir).get("/sessions").data)
    assert answer["sessions"] == []


def test_several_log_directories_by_name(tmp_path):
    builders.session(tmp_path / "one", modes=("graph",), traces=False, name="s")
    builders.session(tmp_path / "two", modes=("graph",), traces=False, name="s")
    spec = f"first:{tmp_path / 'one'},{tmp_path / 'two'}"
    client = client_of("", logdir_spec=spec)
    ids = [entry["id"] for entry in json.loads(client.get("/sessions").data)["sessions"]]
    assert sorted(ids) == ["first/s", "log1/s"]
    assert client.get("/report", query_string={"session": "log1/s"}).status_code == 200


def test_the_log_directory_may_be_the_session(tmp_path):
    folder = builders.session(tmp_path, modes=("graph",), traces=False)
    client = client_of(folder)
    assert json.loads(client.get("/sessions").data)["sessions"][0]["id"] == "."
    assert client.get("/report", query_string={"session": "."}).status_code == 200


def test_a_session_linked_from_elsewhere_is_left_out(tmp_path):
    elsewhere = builders.session(tmp_path / "elsewhere", modes=("graph",), traces=False)
    logdir = tmp_path / "logs"
    (logdir / "linked").mkdir(parents=True)
    (logdir / "whole").symlink_to(elsewhere)
    (logdir / "linked" / "session.json").symlink_to(elsewhere / "session.json")
    assert discovery.Discovery({"": logdir}).refresh() == {}


def test_a_trace_outside_its_session_is_not_read(tmp_path):
    inside = builders.session(tmp_path / "logs", modes=("graph",), steps=2, rounds=1)
    outside = tmp_path / "secret.xplane.pb"
    outside.write_bytes(next(inside.rglob("*.xplane.pb")).read_bytes())
    run = inside / "graph" / "plugins" / "graphprof" / "run.json"
    record = json.loads(run.read_text())
    record["trace"]["xplane"] = os.path.relpath(outside, inside / "graph")
    run.write_text(json.dumps(record))
    query = {"session": SESSION, "mode": "graph"}
    response = client_of(tmp_path / "logs").get("/trace", query_string=query)
    assert response.status_code in (404, 422)
    assert b"names" not in response.data


def test_folder_names_that_are_no_text(tmp_path):
    name = os.fsdecode(b"odd-\xff\xfe")
    try:
        folder = builders.session(tmp_path, modes=("graph",), traces=False, name="plain")
        folder.rename(tmp_path / name)
    except OSError:
        pytest.skip("this file system takes only names that are text")
    client = client_of(tmp_path)
    [entry] = json.loads(client.get("/sessions").data)["sessions"]
    assert entry["id"] == "odd-\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}"
    assert client.get("/steps", query_string={"session": entry["id"]}).status_code == 200


def test_viewing_writes_nothing_into_the_log_directory(logdir, ask):
    before = {path: path.stat().st_mtime_ns for path in logdir.rglob("*")}
    for route in ("report", "steps", "trace"):
        ask(route, session=SESSION, mode="graph")
    assert {path: path.stat().st_mtime_ns for path in logdir.rglob("*")} == before
    assert len(list(find(logdir))) == 7


# Loading


def test_a_plugin_that_cannot_be_imported_leaves_tensorboard_alone(monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, "tensorboard_plugin_graphprof.plugin", None)
    assert loader.GraphprofLoader().load(context("")) is None
    assert "GRAPHPROF tab is left out" in caplog.text
    assert "pip install" in caplog.text


def test_the_entry_point_imports_little_and_no_tensorflow():
    code = """
import sys
from tensorboard_plugin_graphprof import loader
early = [name for name in ("numpy", "pydantic", "graphprof.session") if name in sys.modules]
from types import SimpleNamespace
plugin = loader.GraphprofLoader().load(SimpleNamespace(logdir="", flags=None))
plugin.get_plugin_apps(), plugin.is_active(), plugin.frontend_metadata()
print(early, type(plugin).__name__, "tensorflow" in sys.modules, "keras" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "[] GraphprofPlugin False False", done.stderr
