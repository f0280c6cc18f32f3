"""The cache of prepared traces: the same answers, faster, and never in the way."""

from __future__ import annotations

import logging
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields

import builders
import numpy as np
import pytest

from graphprof.errors import TraceError
from graphprof.trace import lod, stored, tables, xspace


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A cache folder of its own, for traces of any size."""
    monkeypatch.setattr(tables, "_root", lambda: tmp_path / "cache" / "traces")
    monkeypatch.setattr(tables, "WORTH_BYTES", 1)
    tables._say_once.cache_clear()
    return tmp_path / "cache" / "traces"


@pytest.fixture
def path(tmp_path):
    return builders.write(tmp_path / "log", builders.mode_trace("graph", hostile_names=True))


def assert_same(first, second):
    assert [plane.name for plane in first.trace.planes] == [p.name for p in second.trace.planes]
    for one, other in zip(first.trace.planes, second.trace.planes, strict=True):
        assert (one.lines, one.names, one.plane_stats) == (
            other.lines,
            other.names,
            other.plane_stats,
        )
        for name in ("name_id", "start_ps", "duration_ps"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
            assert getattr(one, name).dtype == getattr(other, name).dtype
        assert set(one.stats) == set(other.stats)
        for name, column in one.stats.items():
            assert column.owner.tolist() == other.stats[name].owner.tolist()
            assert column.values.dtype == other.stats[name].values.dtype
            assert [repr(v) for v in column.values] == [repr(v) for v in other.stats[name].values]
    for name in ("origin_ns", "errors", "warnings", "dropped"):
        assert getattr(first.trace, name) == getattr(second.trace, name)
    for column in fields(first.nesting):
        a, b = getattr(first.nesting, column.name), getattr(second.nesting, column.name)
        assert list(a) == list(b)
    assert first.kinds.tolist() == second.kinds.tolist()
    for window in ((0, 10**11, 100), (10**9, 2 * 10**9, 1000)):
        assert lod.query(first.levels, *window) == lod.query(second.levels, *window)


def copies(root):
    return sorted(folder.name for folder in root.iterdir()) if root.is_dir() else []


def test_the_copy_says_what_the_trace_says(root, path):
    stats = ("step_num", "tf_function_call", "_p", "eager_op", builders.HOSTILE[1], "no such stat")
    made = tables.load(path, stats)
    assert len(copies(root)) == 1
    kept = tables.load(path, stats)
    assert_same(made, kept)
    assert set(kept.trace.host.stats) == set(stats) - {"no such stat"}
    assert kept.trace.host.stats["step_num"].values.tolist() == [0, 1, 2, 3]
    assert tables.load(path).trace.host.stats == {}
    assert kept.levels.plane is kept.trace.host


def test_values_of_all_types_survive(root, tmp_path):
    space = builders.Space()
    line = space.plane().line()
    for place, value in enumerate((1, 1.0, "1", b"1", b"\xff\x00", "日本", builders.Ref("1"))):
        line.event("op", place, 1, mixed=value)
    space.message.planes[0].stats.add(metadata_id=1, bytes_value=b"\xfe")
    path = builders.write(tmp_path, space.data)
    assert_same(tables.load(path, ("mixed",)), tables.load(path, ("mixed",)))
    assert len(copies(root)) == 1


def test_the_second_time_nothing_is_decoded(root, path, monkeypatch):
    tables.load(path)
    monkeypatch.delattr(xspace, "read")
    tables.load(path)


def test_a_changed_file_is_read_anew(root, path):
    assert tables.load(path).trace.host.stats == {}
    path.write_bytes(builders.trace({"python": [("other", 0, 1)]}))
    assert tables.load(path).trace.host.names == ("other",)
    status = path.stat()
    path.write_bytes(builders.trace({"python": [("again", 0, 1)]}))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    assert tables.load(path).trace.host.names == ("again",)


def test_small_traces_are_not_kept(root, path, monkeypatch):
    monkeypatch.setattr(tables, "WORTH_BYTES", 1 << 20)
    loaded = tables.load(path, ("step_num",))
    assert copies(root) == []
    assert set(loaded.trace.host.stats) == {"step_num"}


def test_a_damaged_copy_is_made_anew(root, path, caplog):
    made = tables.load(path)
    (folder,) = root.iterdir()
    for name, content in (("kinds.npy", b"junk"), ("meta.json", b"{}"), ("meta.json", b"[")):
        (folder / name).write_bytes(content)
        caplog.clear()
        assert_same(tables.load(path), made)
        assert "made anew" in caplog.text
        assert copies(root) == [folder.name]
    (folder / "order.npy").unlink()
    assert_same(tables.load(path), made)


def test_a_cache_that_cannot_be_written_costs_only_time(root, path, caplog):
    root.parent.mkdir(parents=True)
    root.write_text("a file where the folder should be")
    with caplog.at_level(logging.WARNING):
        assert_same(tables.load(path), tables.load(path))
    told = [record for record in caplog.records if "read anew each time" in record.message]
    assert len(told) == 1


def test_the_copies_used_last_are_kept(root, tmp_path, monkeypatch):
    paths = []
    for number in range(3):
        data = builders.trace({"python": [(f"op {number}", 0, 1)]})
        paths.append(builders.write(tmp_path / str(number), data))
    names = []
    for number, path in enumerate(paths):
        tables.load(path)
        (new,) = set(copies(root)) - set(names)
        names.append(new)
        os.utime(root / new, (number, number))
    os.utime(root / names[0], (10, 10))
    size = sum(file.stat().st_size for file in (root / names[0]).iterdir())
    monkeypatch.setattr(tables, "LIMIT_BYTES", int(2.5 * size))
    path = builders.write(tmp_path / "new", builders.trace({"python": [("op n", 0, 1)]}))
    tables.load(path)
    assert set(copies(root)) & set(names) == {names[0]}
    assert len(copies(root)) == 2


def test_many_at_once(root, path):
    """Loading, damaging and removing at the same time: every answer is right."""
    expected = tables.load(path)
    with ThreadPoolExecutor(8) as pool:
        jobs = []
        for number in range(24):
            jobs.append(pool.submit(tables.load, path))
            if number % 5 == 0:
                jobs.append(
                    pool.submit(lambda: [tables._remove(root / name) for name in copies(root)])
                )
        for job in jobs:
            result = job.result()
            if result is not None and not isinstance(result, list):
                assert_same(result, expected)
    tables.load(path)
    assert [name for name in copies(root) if not name.startswith(".tmp-")]


def test_the_log_directory_is_left_alone(root, path):
    before = sorted(path.parents[0].rglob("*"))
    tables.load(path)
    tables.load(path)
    assert sorted(path.parents[0].rglob("*")) == before


def test_what_cannot_be_shown_says_why(root, tmp_path):
    with pytest.raises(TraceError, match="Cannot read"):
        tables.load(tmp_path / "missing.pb")
    with pytest.raises(TraceError, match="no events of the host"):
        tables.load(builders.write(tmp_path, builders.trace({})))
    assert copies(root) == []


def test_new_code_makes_new_copies(root, path, monkeypatch):
    tables.load(path)
    monkeypatch.setattr(tables, "_code", lambda: "another version")
    tables.load(path)
    assert len(copies(root)) == 2


def test_every_array_of_the_levels_is_stored():
    written = {*stored._LEVEL_ARRAYS, "plane", "nesting", "kinds", "entries"}
    assert written == {field.name for field in fields(lod.Levels)}
