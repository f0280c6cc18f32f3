"""When measuring may end: by precision alone."""

from __future__ import annotations

import numpy as np

from graphprof.analysis.timing import stopping
from graphprof.session import Block, Measurement, Process

BASE = 0.01


def process(
    sd: float, rounds: int = 60, wave: int = 0, arm: str = "mode", by: float = 1.0
) -> Process:
    noise = np.exp(np.random.default_rng([rounds, wave]).normal(0, sd, rounds))
    blocks = tuple(
        Block(number, 0, 0.0, (9.0, BASE * by * float(noise[number]))) for number in range(rounds)
    )
    return Process(wave, "aa" if arm == "aa" else "mode", 1, None, None, (), blocks)


def measured(*processes: Process) -> Measurement:
    return Measurement(1, processes)


def test_quiet_modes_are_settled_and_noisy_ones_come_first() -> None:
    session = {
        "graph": measured(process(0.0)),
        "quiet": measured(process(0.02)),
        "noisy": measured(process(0.3)),
        "wild": measured(process(1.0)),
    }
    assert stopping.unsettled(session, "graph") == ["wild", "noisy"]
    assert not stopping.enough(session, "graph")
    assert stopping.enough({k: session[k] for k in ("graph", "quiet")}, "graph")


def test_a_looser_target_settles_more() -> None:
    session = {"graph": measured(process(0.0)), "noisy": measured(process(0.3))}
    assert stopping.enough(session, "graph", target=0.5)


def test_few_rounds_are_never_enough() -> None:
    session = {"graph": measured(process(0.0, 29)), "xla": measured(process(0.0, 29))}
    assert stopping.unsettled(session, "graph") == ["xla"]


def test_nothing_is_never_enough() -> None:
    assert not stopping.enough({}, "graph")
    assert not stopping.enough({"xla": measured(process(0.0))}, "graph")


def test_only_the_latest_wave_counts() -> None:
    session = {
        "graph": measured(process(0.0), process(0.0, 5, wave=1)),
        "xla": measured(process(0.0), process(0.0, 5, wave=1)),
        "lost": measured(process(0.0)),
    }
    assert stopping.unsettled(session, "graph") == ["xla"]


def test_a_noisy_second_process_of_the_baseline_asks_for_more_of_the_baseline() -> None:
    session = {
        "graph": measured(process(0.0), process(0.3, arm="aa")),
        "xla": measured(process(0.0)),
    }
    assert stopping.unsettled(session, "graph") == ["graph"]


def test_a_significant_difference_does_not_end_the_measuring() -> None:
    session = {"graph": measured(process(0.0)), "slow": measured(process(0.5, by=2.0))}
    assert stopping.unsettled(session, "graph") == ["slow"]


def test_modes_far_from_the_baseline_need_less_precision() -> None:
    near = {"graph": measured(process(0.0)), "eager": measured(process(0.2, by=1.0))}
    far = {"graph": measured(process(0.0)), "eager": measured(process(0.2, by=30.0))}
    assert not stopping.enough(near, "graph")
    assert stopping.enough(far, "graph")


def waves(number: int, by: float = 1.0) -> Measurement:
    """Waves of a mode that takes ``by`` times the baseline, give or take 1 % from wave to wave."""
    ups = (0.0, 0.01, -0.01, 0.005, -0.005)
    return measured(
        *(process(0.0, wave=wave, by=by * float(np.exp(ups[wave]))) for wave in range(number))
    )


def test_modes_far_apart_need_fewer_processes_than_close_ones() -> None:
    session = {"eager": waves(2), "graph": waves(2, by=0.1), "close": waves(2, by=1.02)}
    assert stopping.imprecise(session, "eager") == ["close"]


def test_processes_are_added_until_the_wide_interval_is_narrow() -> None:
    ups = (0.0, 0.002, -0.002, 0.001, -0.001) * 8
    many = measured(*(process(0.0, wave=wave, by=float(np.exp(up))) for wave, up in enumerate(ups)))
    flat = measured(*(process(0.0, wave=wave) for wave in range(len(ups))))
    assert stopping.imprecise({"a": flat, "b": many}, "a") == []
    assert stopping.imprecise({"a": waves(5), "b": waves(5, by=1.02)}, "a") == ["b"]


def test_a_mode_that_was_lost_before_its_first_block_asks_for_nothing() -> None:
    lost = measured(Process(0, "mode", 1, None, None))
    assert stopping.imprecise({"eager": waves(2), "lost": lost}, "eager") == []
    assert stopping.imprecise({"lost": lost}, "eager") == []
