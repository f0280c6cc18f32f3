"""``graphprof view``: what it refuses, what it serves, and to whom."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import builders
import pytest

from graphprof.cli.view import guard

ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)/#graphprof")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "graphprof", "view", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def get(port: int, path: str, host: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", path, headers={"Host": host})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def test_a_folder_that_is_not_there(tmp_path):
    done = run(str(tmp_path / "nowhere"))
    assert done.returncode == 6
    assert "There is no folder" in done.stderr
    assert "--logdir" in done.stderr
    assert done.stdout == ""


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "file").write_text("")
    done = run(str(tmp_path / "file"))
    assert done.returncode == 6
    assert "Traceback" not in done.stderr


def test_a_port_that_is_taken(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run(str(tmp_path), "--only", "--port", str(port))
    assert done.returncode == 2
    assert str(port) in done.stderr
    assert "Leave --port out" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> tuple[int, Path]:
    """The port of a running view, and its log directory."""
    logdir = tmp_path_factory.mktemp("viewed")
    builders.session(logdir, modes=("graph",), traces=False, rounds=1)
    command = [sys.executable, "-m", "graphprof", "view", str(logdir), "--only", "--port", "0"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        found = ADDRESS.fullmatch(process.stdout.readline().strip())
        assert found, process.stderr.read()
        yield int(found.group(1)), logdir
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.communicate(timeout=30)


def test_it_prints_an_address_that_answers(served):
    port, logdir = served
    status, body = get(port, "/data/plugin/graphprof/sessions", f"127.0.0.1:{port}")
    assert status == 200
    answer = json.loads(body)
    assert answer["logdir"] == str(logdir.resolve())
    assert len(answer["sessions"]) == 1
    status, body = get(port, "/data/plugins_listing", f"localhost:{port}")
    assert json.loads(body)["graphprof"]["enabled"]


@pytest.mark.parametrize("host", ["evil.example.com", "127.0.0.1.evil.com", "evil.com:80", ""])
def test_other_hosts_are_refused(served, host):
    port, _ = served
    status, body = get(port, "/data/plugin/graphprof/sessions", host)
    assert status == 403
    assert b"digits" not in body


def test_ctrl_c_ends_it_as_documented(tmp_path):
    command = [sys.executable, "-m", "graphprof", "view", str(tmp_path), "--only", "--port", "0"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        process.stdout.readline()
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "There is no session" in stderr
    assert "Traceback" not in stderr


@pytest.mark.parametrize(
    ("listening", "asked", "served"),
    [
        ("127.0.0.1", "localhost:6006", True),
        ("127.0.0.1", "LOCALHOST", True),
        ("127.0.0.1", "[::1]:6006", True),
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "machine:6006", False),
        ("machine", "machine:6006", True),
        ("::1", "[::1]", True),
        ("0.0.0.0", "anything:1", True),
    ],
)
def test_the_guard_knows_its_own_names(listening, asked, served):
    def app(environ, start_response):
        start_response("200 OK", [])
        return [b"served"]

    statuses = []
    guard(app, listening)({"HTTP_HOST": asked}, lambda status, headers: statuses.append(status))
    assert statuses == ["200 OK" if served else "403 Forbidden"]
