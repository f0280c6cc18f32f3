"""The building log: what the worker notes, what the parent keeps, how it is read back."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from capture_faking import processes, profile

from graphprof.analysis.building import building_log
from graphprof.capture.instrument import building, private, signature
from graphprof.capture.instrument.building import BuildingLog
from graphprof.capture.workloads import step
from graphprof.errors import SessionError

MAPS = (
    "7f00-7f01 r-xp 00000000 08:01 12 /lib/libc.so\n"
    "7f02-7f03 rw-p 00000000 00:00 0\n"
    "7f04-7f05 r-xp 00000000 00:00 0 [vdso]\n"
)
CODE = "7f06-7f07 r-xp 00000000 00:00 0\n"


def record(name: str = "step") -> dict[str, Any]:
    return {"index": 0, "function": 0, "name": name, "places": [1], "chain": []}


def ended(log: BuildingLog, call: int, seconds: float = 0.01, inputs: Any = None) -> None:
    log.call_ended("block", call % 10, call, seconds, inputs)


def test_a_building_belongs_to_the_call_that_has_just_ended() -> None:
    log = BuildingLog()
    ended(log, 0)
    assert log.take() is None
    log._watch.buildings.append(record())
    ended(log, 11)
    ended(log, 12)
    told = log.take()

    assert told is not None
    assert told.calls == (1,)
    (kept,) = told.records
    assert (kept["during"], kept["within"], kept["call"]) == ("block", 1, 11)
    assert "places" not in kept
    assert log.take() is None


def test_what_is_built_between_calls_belongs_to_none() -> None:
    log = BuildingLog()
    log._watch.buildings.append(record())
    told = log.take()

    assert told is not None
    assert told.calls == ()
    assert told.records[0]["call"] is None


def test_no_more_than_so_many_are_told_but_all_are_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(building, "MOST_TOLD", 2)
    log = BuildingLog()
    log._watch.buildings.extend(record(str(number)) for number in range(3))
    ended(log, 0)
    log._watch.buildings_left_out += 4
    ended(log, 1)
    told = log.take()

    assert told is not None
    assert [one["name"] for one in told.records] == ["0", "1"]
    assert told.left_out == 5
    assert told.calls == (0, 1)


def test_new_machine_code_after_an_unusually_long_call_is_a_compilation(tmp_path: Path) -> None:
    maps = tmp_path / "maps"
    maps.write_text(MAPS)
    log = BuildingLog()
    log.watch_xla(compiled=True, maps=maps)
    maps.write_text(MAPS + CODE)
    ended(log, 0, 1.0, np.ones((4, 3), np.float32))
    for call in range(1, 9):
        ended(log, call)
    maps.write_text(MAPS + 2 * CODE)
    ended(log, 9, 0.01)  # as long as ever: not looked at
    ended(log, 10, 0.2, (np.ones((5, 3), np.float32), None))
    ended(log, 11, 0.2)  # long, but nothing is new
    told = log.take()

    assert told is not None
    assert told.calls == (0, 0)
    first, second = told.compiles
    assert first["call"] == 0
    assert first["inputs"] == {"kind": "tensor", "shape": [4, 3], "dtype": "float32"}
    assert (second["call"], second["seconds"]) == (10, 0.2)
    assert second["inputs"]["items"]["0"]["shape"] == [5, 3]


def test_without_xla_or_where_the_system_does_not_tell(tmp_path: Path) -> None:
    without, unknown = BuildingLog(), BuildingLog()
    unknown.watch_xla(compiled=True, maps=tmp_path / "none")
    ended(unknown, 0, 5.0)

    assert without.sees_xla
    assert not unknown.sees_xla
    assert unknown.take() is None


def test_batches_are_described_like_signatures() -> None:
    batch = ({"a": np.ones((2, 3)), "b": None}, np.zeros(2, np.int32), "text")
    described = signature.of_values(batch)

    assert described is not None
    assert described["items"]["0"]["items"] == {
        "a": {"kind": "tensor", "shape": [2, 3], "dtype": "float64"}
    }
    assert described["items"]["1"] == {"kind": "tensor", "shape": [2], "dtype": "int32"}
    assert described["items"]["2"] == {"kind": "other", "text": "str"}


def test_every_process_is_known_to_have_built_nothing_until_it_does(tmp_path: Path) -> None:
    done = profile(tmp_path, "good", "builds", waves=2, budget_s=4.0)
    good, builds = done.run("good"), done.run("builds")
    assert good is not None
    assert builds is not None
    nothing = building_log.read(good.path)
    assert nothing is not None
    assert {(one.wave, one.arm) for one in nothing} == {
        (wave, arm) for wave in (0, 1) for arm in ("mode", "aa")
    }
    assert all(one.built == () for one in nothing)
    logs = building_log.read(builds.path)
    assert logs is not None
    for log, process in zip(logs, processes(done, "builds"), strict=True):
        assert log.pid == process.pid
        assert log.built[0].call == 0
        assert log.built[0].building.name == "step"
        assert [one.block for one in log.built[1:]] == list(range(len(process.blocks)))
        assert all(block.built == (0,) for block in process.blocks)


@pytest.mark.parametrize("text", ["{", "[]", '{"format_version": 1}', '{"processes": []}'])
def test_a_damaged_log_is_one_clear_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "plugins" / "graphprof" / building_log.BUILDING_FILE
    path.parent.mkdir(parents=True)
    path.write_text(text)
    with pytest.raises(SessionError, match="damaged"):
        building_log.read(tmp_path)


def test_a_log_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "plugins" / "graphprof" / building_log.BUILDING_FILE
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"format_version": 99, "processes": []}))
    with pytest.raises(SessionError, match="newer"):
        building_log.read(tmp_path)


def test_no_log_is_not_an_empty_one(tmp_path: Path) -> None:
    assert building_log.read(tmp_path) is None


def test_a_batch_goes_by_the_names_of_the_steps_parameters() -> None:
    x, y = {"kind": "tensor", "shape": [2, 3]}, {"kind": "tensor", "shape": [2]}
    pair = {"kind": "list", "type": "tuple", "items": {"0": x, "1": y}}

    assert signature.named({"batch": x}, ["images"]) == {"images": x}
    assert signature.named({"batch": pair}, ["x", "y"]) == {"x": x, "y": y}
    assert signature.named({"batch": pair}, ["x", "y", "weight"]) == {"x": x, "y": y}
    assert signature.named({"batch": pair}, ["batch"]) == {"batch": pair}
    assert signature.named({"batch": x}, []) == {"batch": x}
    assert signature.named({"a": x, "b": y}, ["x", "y"]) == {"a": x, "b": y}


def test_an_iterator_is_described_by_what_it_yields() -> None:
    """Keras passes its batches as an iterator: the sizes in them tell its calls apart."""

    class IteratorSpec:
        element_spec = (np.ones((4, 3), np.float32), np.ones(4, np.int32))

    described = signature.describe_type(IteratorSpec())

    assert [one["shape"] for one in described["items"].values()] == [[4, 3], [4]]


def test_a_step_says_what_it_is_called_and_what_it_takes() -> None:
    def mine(images: object, labels: object) -> None:
        return None

    options = SimpleNamespace(python_function=step.adapt(mine, (1, 2)))

    assert private.python_function(options) is mine
    assert private.step_names(options) == ["images", "labels"]
    assert private.step_names(SimpleNamespace(python_function=print)) == []
