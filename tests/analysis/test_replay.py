"""A replay is held against the steps that the watch saw."""

from __future__ import annotations

from typing import Any

import pytest

from graphprof.analysis.programs import recording, replay

SITE = ["train.py", 7]


def node(kind: str, name: str, kept: list[float], **more: Any) -> dict[str, Any]:
    total = sum(kept)
    return {"kind": kind, "name": name, "count": len(kept), "total_s": total, "kept_s": kept} | more


def program(children: list[dict[str, Any]], about: dict[str, Any], **raw: Any) -> Any:
    tree = node("program", "", [10.0], children=children)
    return recording.from_json({"wall_s": 10.0, "tree": tree, "replay": about} | raw)


def fit(**flags: Any) -> Any:
    inside = [node("step", "train_step", [0.002, 0.003, 0.004]), node("gap", "step", [0.001] * 3)]
    calls = [
        node("keras", "fit", [9.0], site=SITE, children=inside),
        node("keras", "fit", [9.0], site=["train.py", 8]),
    ]
    about = {"method": "fit", "name": "Net", "site": SITE}
    return program(calls, about, keras_calls=[{"site": SITE} | flags])


def test_a_fit_step_is_its_step_and_the_gap_after_it() -> None:
    seen = replay.watched(fit())
    assert seen is not None
    assert seen.step_s == pytest.approx(0.004)
    assert seen.mode == "fit"


@pytest.mark.parametrize(
    ("flags", "mode"), [({"jit_compile": True}, "fit-xla"), ({"run_eagerly": True}, "fit-eager")]
)
def test_the_mode_is_how_the_model_was_compiled(flags: dict[str, Any], mode: str) -> None:
    seen = replay.watched(fit(**flags))
    assert seen is not None
    assert seen.mode == mode


def test_steps_that_hold_several_cannot_be_compared() -> None:
    assert replay.watched(fit(steps_per_execution=8)) is None


def test_a_function_step_is_its_call() -> None:
    calls = [
        node("call", "step", [0.01, 0.02, 0.03], site=SITE),
        node("call", "other", [5.0] * 9, site=SITE),
    ]
    seen = replay.watched(program(calls, {"method": "function", "name": "step", "site": SITE}))
    assert seen == replay.Watched(0.02, "graph")


def test_nothing_to_compare_with_after_too_few_steps() -> None:
    calls = [node("call", "step", [0.01], site=SITE)]
    about = {"method": "function", "name": "step", "site": SITE}
    assert replay.watched(program(calls, about)) is None
    assert replay.watched(program([], {"why_not": "none", "cure": "none"})) is None


def test_alike_is_within_its_factor_both_ways() -> None:
    assert replay.Fidelity("fit", 1.0, 1.29, 1.29).alike
    assert not replay.Fidelity("fit", 1.0, 1.31, 1.31).alike
    assert not replay.Fidelity("fit", 1.0, 0.7, 0.7).alike
