"""Sessions for the plugin, sound and damaged."""

import json
from pathlib import Path

import builders
import pytest
from plugin_client import client_of
from werkzeug.test import Client

from graphprof.session import Failure

UNAVAILABLE = Failure("unavailable", "No batch count fits", "Give --steps 32")


@pytest.fixture(scope="session")
def logdir(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("logs")
    builders.session(
        folder,
        modes=("eager", "graph", "xla", "fit-spe=8"),
        failed={"fit-spe=8": UNAVAILABLE},
        rounds=4,
    )
    builders.session(folder / "below", name="hostile", hostile_names=True, rounds=2)
    for name, text in {
        "empty": "",
        "cut": '{"id": ',
        "list": "[1, 2]",
        "newer": '{"format_version": 99}',
        "fields": '{"format_version": 1, "id": "fields"}',
    }.items():
        (folder / name).mkdir()
        (folder / name / "session.json").write_text(text)
    return folder


@pytest.fixture(scope="session")
def client(logdir) -> Client:
    return client_of(logdir)


@pytest.fixture
def ask(client):
    """Ask a route with a query; gives the status and the decoded JSON."""

    def ask(route: str, **query: object) -> tuple[int, dict]:
        response = client.get(f"/{route}", query_string={k: str(v) for k, v in query.items()})
        return response.status_code, json.loads(response.data)

    return ask
