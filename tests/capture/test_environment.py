"""What is recorded of the environment, and what is not."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from graphprof.capture import environment
from graphprof.capture.controller import revision


def test_every_entry_is_described_and_named_once() -> None:
    names = [entry.name for entry in environment.ENTRIES]
    assert len(names) == len(set(names))
    for entry in environment.ENTRIES:
        assert entry.description
        assert not entry.description.endswith(".")
        assert entry.unit in ("", "bytes", "Hz", "s", "share")
        if entry.name.endswith(("_bytes", "_hz", "_s")):
            assert entry.unit


def test_what_the_parent_records_is_json_and_says_enough() -> None:
    values = environment.collect("parent")

    assert json.loads(json.dumps(values)) == values
    for name in ("python", "tensorflow", "keras", "numpy", "os", "cores_usable", "memory_bytes"):
        assert values[name], name
    assert values["memory_available_bytes"] <= values["memory_bytes"]


def test_secrets_are_never_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        *("AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "TF_VAR_db_password", "TF_TOKEN_app_example"),
        *("TF_CLI_CONFIG_FILE", "TF_CONFIG", "PASSWORD", "PATH"),
    ):
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_use_thunk_runtime=false")

    values = environment.collect("parent")

    assert "secret" not in json.dumps(values)
    assert values["variables"]["TF_ENABLE_ONEDNN_OPTS"] == "0"
    assert values["variables"]["XLA_FLAGS"] == "--xla_cpu_use_thunk_runtime=false"
    assert values["onednn"] == "off"


def test_what_a_system_does_not_say_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "_text", lambda path: "")
    monkeypatch.setattr(environment.platform, "processor", lambda: "")

    values = environment.collect("parent")

    assert values["cpu_model"] is None
    assert values["cpu_quota"] is None
    assert values["memory_limit_bytes"] is None
    assert values["cpu_governor"] is None


def test_container_limits_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    files = {
        "/sys/fs/cgroup/cpu.max": "150000 100000\n",
        "/sys/fs/cgroup/memory.max": str(64 << 20),
        "/sys/fs/cgroup/memory.current": str(60 << 20),
    }
    monkeypatch.setattr(environment, "_text", lambda path: files.get(path, ""))

    values = environment.collect("parent")

    assert values["cpu_quota"] == 1.5
    assert values["memory_limit_bytes"] == 64 << 20
    assert environment.available_memory_bytes() == 4 << 20


def test_the_revision_of_the_target_says_when_it_was_changed(tmp_path: Path) -> None:
    def git(*arguments: str) -> str:
        settings = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")
        done = subprocess.run(
            ["git", *settings, *arguments], cwd=tmp_path, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    file = tmp_path / "models.py"
    file.write_text("one")
    assert revision.of_target(f"{file}:build") is None  # outside a repository
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "first")
    head = git("rev-parse", "HEAD")

    assert revision.of_target(f"{file}:build") == head
    file.write_text("two")
    assert revision.of_target(f"{file}:build") == f"{head}+changes"
    assert revision.of_target("digits_cnn") is None
    assert revision.of_target("package.module:build") is None
