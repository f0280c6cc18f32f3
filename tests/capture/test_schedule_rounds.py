"""The order of measuring: waves, rounds, blocks, groups, budget."""

from __future__ import annotations

import itertools
from collections import defaultdict
from pathlib import Path

import pytest
from capture_faking import COMMAND, Heard, blocks, processes, profile
from hypothesis import given
from hypothesis import strategies as st

from graphprof import session
from graphprof.capture import environment
from graphprof.capture.controller import options
from graphprof.capture.spec import WorkloadSpec
from graphprof.trace import memory_file


def test_every_mode_is_measured_in_every_wave_and_the_baseline_twice(tmp_path: Path) -> None:
    done = profile(tmp_path, "one", "two", "three", waves=2, budget_s=0.4)

    assert done.info.status == "complete"
    assert done.info.baseline == "one"
    assert [run.run.mode for run in done.runs] == ["one", "two", "three"]
    for mode in ("one", "two", "three"):
        assert [process.wave for process in processes(done, mode)] == [0, 1]
        for process in processes(done, mode):
            assert process.startup_s is not None
            assert process.first_call_s == pytest.approx(1.0)
            assert len(process.warmup_s) == 20
            assert len(process.blocks) >= options.FEWEST_ROUNDS
    assert [process.wave for process in processes(done, "one", "aa")] == [0, 1]
    assert not processes(done, "two", "aa")
    pids = [p.pid for mode in ("one", "two", "three") for p in processes(done, mode)]
    assert len(set(pids)) == len(pids)


def test_each_round_holds_each_worker_once_in_an_order_that_changes(tmp_path: Path) -> None:
    done = profile(tmp_path, "one", "two", "three", waves=2, budget_s=0.6)

    rounds: dict[int, list[tuple[str, str]]] = defaultdict(list)
    for mode, arm, block in blocks(done):
        assert block.position == len(rounds[block.round])
        rounds[block.round].append((mode, arm))
    assert sorted(rounds) == list(range(len(rounds)))
    workers = {("one", "mode"), ("one", "aa"), ("two", "mode"), ("three", "mode")}
    assert all(sorted(order) == sorted(workers) for order in rounds.values())
    assert len({tuple(order) for order in rounds.values()}) > 1
    times = [block.started_s for _, _, block in blocks(done)]
    assert times == sorted(times)
    assert times[0] > 0
    assert [sample.round for sample in done.info.machine] == sorted(rounds)
    assert all(sample.canary_s > 0 for sample in done.info.machine)


def test_each_wave_has_a_hash_seed_of_its_own_shared_by_its_workers(tmp_path: Path) -> None:
    done = profile(tmp_path, "one", "two", waves=2)

    seeds = [
        {p.losses for m in ("one", "two") for p in processes(done, m) if p.wave == w}
        for w in (0, 1)
    ]
    assert seeds[0] != seeds[1]
    assert [list(seed) for seed in seeds] == [
        [(float(seed),)] for seed in done.info.environment["hash_seeds"]
    ]


def test_the_first_worker_saves_the_weights_and_all_others_load_them(tmp_path: Path) -> None:
    done = profile(tmp_path, "one", "two", "three", baseline="two")

    resolved = {run.run.mode: run.run.resolved for run in done.runs}
    # "two" was prepared twice, the second time as the A/A process, with the weights at hand.
    saved = {values["weights_path"] for values in resolved.values()}
    assert len(saved) == 1
    assert None not in saved
    assert not Path(saved.pop()).exists()


def test_the_same_seed_gives_the_same_order(tmp_path: Path) -> None:
    orders = []
    for _ in range(2):
        done = profile(tmp_path, "one", "two", "three", seed=7)
        orders.append([(mode, arm) for mode, arm, _ in blocks(done)])
    assert all(a == b for a, b in itertools.islice(zip(*orders, strict=False), 12))


@pytest.mark.parametrize(
    ("mode", "calls"), [("0.5ms", 100), ("9ms", 6), ("20ms", 3), ("60ms", 1), ("900ms", 1)]
)
def test_blocks_last_about_50_ms(tmp_path: Path, mode: str, calls: int) -> None:
    done = profile(tmp_path, mode, trace=False)

    assert {len(block.calls_s) for _, _, block in blocks(done)} == {calls}


@given(st.floats(1e-7, 1e4))
def test_a_block_has_enough_calls_and_no_more(call_s: float) -> None:
    calls = options.block_calls(call_s)

    assert calls >= (options.FEWEST_SHORT_CALLS if call_s < options.SHORT_CALL_S else 1)
    assert calls <= options.MOST_CALLS
    if calls < options.MOST_CALLS:
        assert calls * call_s >= options.BLOCK_S * (1 - 1e-9)


def test_slow_steps_get_the_fewest_rounds_and_no_second_wave(tmp_path: Path) -> None:
    done = profile(tmp_path, "slow", waves=2, budget_s=0.1)

    assert len({block.round for _, _, block in blocks(done)}) == options.FEWEST_ROUNDS
    assert {process.wave for process in processes(done, "slow")} == {0}
    assert any("--budget" in note for note in done.info.notes)


def test_measuring_goes_on_only_for_modes_that_are_not_settled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("graphprof.capture.controller.lockstep._SETTLE_S", 0.0)
    asked = []

    def unsettled(measurements: object, baseline: str) -> list[str]:
        assert set(measurements) == {"one", "two", "three"}  # type: ignore[call-overload]
        asked.append(baseline)
        return ["three"] if len(asked) < 5 else []

    done = profile(tmp_path, "one", "two", "three", budget_s=60.0, unsettled=unsettled)

    assert asked == ["one"] * 5
    rounds = options.FEWEST_ROUNDS + 4
    assert len(processes(done, "three")[0].blocks) == rounds
    assert len(processes(done, "one")[0].blocks) == rounds
    assert len(processes(done, "two")[0].blocks) == options.FEWEST_ROUNDS
    assert len(processes(done, "one", "aa")[0].blocks) == options.FEWEST_ROUNDS


def test_new_processes_are_started_only_for_modes_that_need_them(tmp_path: Path) -> None:
    asked = []

    def imprecise(measurements: object, baseline: str) -> list[str]:
        assert set(measurements) == {"one", "two", "three"}  # type: ignore[call-overload]
        asked.append(baseline)
        return ["three"] if len(asked) == 1 else []

    done = profile(tmp_path, "one", "two", "three", waves=5, fewest_waves=2, imprecise=imprecise)

    assert asked == ["one"] * 2
    assert [len(processes(done, mode)) for mode in ("one", "two", "three")] == [3, 2, 3]
    assert len(processes(done, "one", "aa")) == 3


def test_without_a_rule_all_modes_take_part_in_every_wave(tmp_path: Path) -> None:
    done = profile(tmp_path, "one", "two", waves=3, budget_s=0.3)

    assert [len(processes(done, mode)) for mode in ("one", "two")] == [3, 3]


def test_scarce_memory_makes_groups_that_all_hold_the_baseline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Room for two more workers of 100 MB beside the one that is there.
    monkeypatch.setattr(environment, "available_memory_bytes", lambda: 1000 << 20)

    done = profile(tmp_path, "one", "two", "three", "four", baseline="three", budget_s=0.4)

    waves: dict[int, set[str]] = defaultdict(set)
    for mode in ("one", "two", "three", "four"):
        for arm in ("mode", "aa"):
            for process in processes(done, mode, arm):
                waves[process.wave].add(f"{mode} {arm}")
    assert len(waves) == 2
    assert all("three mode" in workers for workers in waves.values())
    assert all(len(workers) <= 3 for workers in waves.values())
    assert set.union(*waves.values()) == {
        *("one mode", "two mode", "three mode", "four mode", "three aa")
    }
    rounds = [{b.round for b in p.blocks} for p in processes(done, "three")]
    assert not rounds[0] & rounds[1]
    assert any("Memory has room for 3" in note for note in done.info.notes)


def test_traces_come_last_one_a_mode(tmp_path: Path) -> None:
    heard = Heard()

    done = profile(tmp_path, "one", "spe", trace_steps=8, waves=2, progress=heard)

    assert sum(line.endswith("recording a trace") for line in heard.lines) == 2
    for run in done.runs:
        assert run.run.trace is not None
        assert run.run.trace.steps_asked == 8
        assert run.xplane is not None
        assert run.xplane.is_file()
        assert "traced as asked" in run.run.notes
    assert done.run("spe").measurement.steps_per_call == 4  # type: ignore[union-attr]


def test_the_options_are_recorded_so_that_the_session_can_be_repeated(tmp_path: Path) -> None:
    done = profile(tmp_path, "one", name="my/../run", seed=3)

    assert done.path.name.endswith("-my_.._run")
    assert done.info.options["seed"] == 3
    assert done.info.options["budget_s"] == 0.2
    assert WorkloadSpec.from_json(done.info.options["workload"]) == WorkloadSpec("fake")
    assert done.info.environment["devices"] == ["CPU:0"]
    assert str(COMMAND[1]) not in str(done.info.options)


def test_a_mode_alone_is_measured_without_a_second_baseline(tmp_path: Path) -> None:
    done = profile(tmp_path, "20ms", aa=False)
    assert len(processes(done, "20ms")) == 1
    assert processes(done, "20ms", "aa") == []


def test_each_worker_s_resident_set_is_followed(tmp_path: Path) -> None:
    done = profile(tmp_path, "one", "two", waves=2, budget_s=0.4)

    for mode in ("one", "two"):
        record = memory_file.load(
            session.graphprof_folder(done.path / mode) / memory_file.MEMORY_FILE
        )
        assert record is not None
        for found in record.processes:
            (own,) = (p for p in processes(done, mode, found.arm) if p.pid == found.pid)
            blocks_of_it = [moment for moment in found.moments if moment.after == "block"]
            assert len(blocks_of_it) == len(own.blocks)
            made = 1 + len(own.warmup_s) + sum(len(block.calls_s) for block in own.blocks)
            assert blocks_of_it[-1].calls == made
            assert all(moment.rss_bytes > 1 << 20 for moment in blocks_of_it)
