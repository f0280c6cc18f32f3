"""Keeping what the modes compute: when it is asked for, what is refused, what a failure costs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from capture_faking import processes, profile

from graphprof.analysis.results import parity, parity_file
from graphprof.capture.controller import options
from graphprof.capture.worker import sampling
from graphprof.session import Session


def about(done: Session, mode: str) -> dict[str, object]:
    run = done.run(mode)
    assert run is not None
    with parity_file.opened(run.path / "plugins/graphprof" / parity_file.PARITY_FILE) as found:
        return {} if found is None else dict(found.about)


def verdicts(done: Session) -> dict[str, str]:
    found = parity.of_session(done)
    return {} if found is None else {mode.mode: mode.verdict for mode in found.modes}


def test_every_mode_keeps_its_first_steps_once(tmp_path: Path) -> None:
    done = profile(tmp_path, "good", "other", "wrong", waves=2)
    assert verdicts(done) == {"other": "passed", "wrong": "failed"}
    assert {mode: about(done, mode)["steps"] for mode in done.info.modes} == dict.fromkeys(
        done.info.modes, options.PARITY_STEPS
    )


def test_it_leaves_every_worker_as_warm_as_the_others(tmp_path: Path) -> None:
    done = profile(tmp_path, "good", "other", waves=2)
    for mode in done.info.modes:
        for arm in ("mode", "aa"):
            for process in processes(done, mode, arm):
                assert len(process.warmup_s) == options.WARMUP_CALLS


def test_modes_are_compared_after_whole_calls_of_each(tmp_path: Path) -> None:
    done = profile(tmp_path, "good", "spe")
    assert about(done, "spe")["steps"] == about(done, "good")["steps"] == 4
    assert verdicts(done) == {"spe": "passed"}


@pytest.mark.parametrize(
    ("steps_per_call", "compared_after"),
    [([1], 3), ([1, 2], 4), ([3, 1], 3), ([8, 1, 4], 8), ([100, 1], 3), ([5, 4], 4), ([], 3)],
)
def test_steps_that_all_modes_can_reach(steps_per_call: list[int], compared_after: int) -> None:
    assert options.parity_steps(steps_per_call) == compared_after


def test_a_call_of_too_many_steps_is_not_compared_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(options, "MOST_PARITY_STEPS", 3)
    done = profile(tmp_path, "good", "spe")
    assert done.info.status == "complete"
    assert verdicts(done) == {"spe": "unknown"}
    assert about(done, "spe") == {
        "reason": "Its calls hold 4 steps, and the modes are compared after 3."
    }


def test_a_result_that_cannot_be_kept_costs_the_comparison_alone(tmp_path: Path) -> None:
    done = profile(tmp_path, "good", "secretive")
    assert [run.run.status for run in done.runs] == ["complete", "complete"]
    assert verdicts(done) == {"secretive": "unknown"}
    assert about(done, "secretive") == {"reason": "It could not be read."}


@pytest.mark.parametrize("how", ["opaque", "crash-examine"])
def test_a_failure_after_all_timing_costs_only_layers(tmp_path: Path, how: str) -> None:
    done = profile(tmp_path, "good", how, waves=2)
    run = done.run(how)
    assert run is not None
    assert run.run.status == "complete"
    assert run.run.trace is not None
    assert len(processes(done, how)) == 2
    assert verdicts(done) == {how: "passed"}
    assert any(note.startswith("Parity rests on losses and weights") for note in run.run.notes)


def test_a_mode_that_compiles_for_long_is_not_compiled_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(options, "EXAMINED_FIRST_CALL_S", 0.5)
    done = profile(tmp_path, "good", "opaque")  # a first call takes 1 s
    for run in done.runs:
        assert any("as long as the first" in note for note in run.run.notes), run.run.mode


def test_it_can_be_left_out(tmp_path: Path) -> None:
    done = profile(tmp_path, "good", "other", parity=False)
    assert parity.of_session(done) is None
    assert not list(tmp_path.rglob(parity_file.PARITY_FILE))


def test_arrays_are_bounded_by_samples_at_the_same_places() -> None:
    large = np.arange(300_000.0).reshape(300, 1000)
    one = sampling.sampled({"w": large, "b": np.ones(3), "name": np.array("text")})
    other = sampling.sampled({"w": -large, "b": np.ones(3)})
    assert list(one) == ["w", "b"]
    assert one["w"].shape == (sampling.LARGEST,)
    np.testing.assert_array_equal(one["w"], -other["w"])
    assert len(np.unique(one["w"] % 1000)) == 1000, "every column is in it"
    assert one["b"].shape == (3,)
    many = sampling.sampled({str(number): large for number in range(100)})
    assert sum(array.size for array in many.values()) <= sampling.TOTAL


def test_leaves_are_named_by_their_place() -> None:
    leaf = np.ones(1)
    assert dict(sampling.named(leaf)) == {"output": leaf}
    assert [name for name, _ in sampling.named({"a": leaf, "b": [leaf, {"c": leaf}]})] == [
        "a",
        "b/0",
        "b/1/c",
    ]
    assert dict(sampling.named(None)) == {}
    assert sampling.unique(["w", "w", "b", "w"]) == ["w", "w_1", "b", "w_2"]
