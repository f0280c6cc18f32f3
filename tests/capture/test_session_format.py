"""The documentation of the session on disk says what the dataclasses say, no more and no less."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest

from graphprof import session
from graphprof.capture import environment, protocol
from graphprof.capture.controller.options import Options

DOCS = Path(__file__).resolve().parents[2] / "docs"
RECORDS = (
    session.SessionInfo,
    session.MachineSample,
    session.Run,
    session.Failure,
    session.TraceRecord,
    session.Measurement,
    session.Process,
    session.Block,
)


def documented(heading: str) -> list[str]:
    text = (DOCS / "session-format.md").read_text()
    section = text.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.__name__)
def test_every_field_is_documented(record: Any) -> None:
    assert documented(record.__name__) == [field.name for field in dataclasses.fields(record)]


def test_every_entry_of_the_environment_is_documented() -> None:
    entries = [entry.name for entry in environment.ENTRIES]
    more = ["target_revision", "worker_variables", "hash_seeds"]
    assert documented("The environment") == [*entries, *more]


def test_every_option_that_is_kept_is_documented() -> None:
    text = (DOCS / "session-format.md").read_text()
    (line,) = [line for line in text.splitlines() if line.startswith("`options` holds")]
    named = set(re.findall(r"`(\w+)`", line)) - {"options", "null"}
    assert named == {*Options().record(), "workload"}


def test_every_message_is_documented() -> None:
    text = (DOCS / "measuring.md").read_text().split("say to each other")[1]
    named = set(re.findall(r"`(\w+)`", text))
    kinds = {
        field.default
        for message in vars(protocol).values()
        if dataclasses.is_dataclass(message)
        for field in dataclasses.fields(message)
        if field.name == "kind" and isinstance(field.default, str)
    }
    assert named == kinds
