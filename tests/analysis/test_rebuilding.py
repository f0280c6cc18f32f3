"""What is built or compiled after the first call: which argument, which line, what it cost."""

from __future__ import annotations

from typing import Any

import pytest

from graphprof.analysis.building import rebuilding
from graphprof.analysis.building.building_log import Built, Compiled, ProcessLog
from graphprof.analysis.programs.recording import to_building
from graphprof.session import Block, Measurement, Process

FLOAT = {"kind": "tensor", "dtype": "float32"}


def tensor(*shape: int | None) -> dict[str, Any]:
    return {**FLOAT, "shape": list(shape)}


def number(value: float) -> dict[str, Any]:
    return {"kind": "python", "type": "float", "value": repr(value)}


def built(
    index: int, call: int | None, *, during: str = "warmup", within: int = 0, **fields: Any
) -> Built:
    values = {
        "index": index,
        "function": 0,
        "name": "step",
        "defined_at": ["model.py", 7],
        "called_from": ["train.py", 12],
        "signature": {"x": tensor(8, 3)},
        "seconds": 0.1,
        **fields,
    }
    block = 0 if during == "block" else None
    return Built(to_building(values), call, during if call is not None else None, within, block)


def compiled(call: int, inputs: dict[str, Any] | None, seconds: float = 0.5) -> Compiled:
    return Compiled(seconds, inputs, call, "warmup" if call else "first", call, None)


PROCESS = Process(
    wave=0,
    arm="mode",
    pid=1,
    startup_s=1.0,
    first_call_s=2.0,
    warmup_s=(0.01, 0.3, 0.01),
    blocks=(Block(0, 0, 0.0, (0.01, 0.9)),),
)
MEASUREMENT = Measurement(1, (PROCESS,))


def find(*found: Built, xla: tuple[Compiled, ...] | None = None) -> list[rebuilding.Occurrence]:
    log = ProcessLog(0, "mode", 1, found, xla)
    return list(rebuilding.occurrences([log], MEASUREMENT))


def test_a_retrace_names_function_line_and_argument() -> None:
    (one,) = find(
        built(0, 0, signature={"x": tensor(8, 3), "k": number(1.0)}),
        built(1, 2, signature={"x": tensor(8, 3), "k": number(2.0)}, seconds=0.2),
    )

    assert (one.function, one.call, one.during) == ("step", 2, "warmup")
    assert one.defined_at is not None
    assert (one.defined_at.file, one.defined_at.line) == ("model.py", 7)
    assert (one.cause.kind, one.cause.argument) == ("python_value", "k")
    assert one.cause.words == "Python float 1.0 → 2.0"
    assert one.building_s == 0.2
    assert one.call_s == 0.3
    assert one.compiled is None


def test_it_is_compared_with_what_is_most_like_it() -> None:
    found = find(
        built(0, 0, signature={"x": tensor(8, 3), "y": tensor(8, 1)}),
        built(1, 1, signature={"x": tensor(5, 3), "y": tensor(5, 1)}),
        built(2, 2, signature={"x": tensor(5, 3), "y": tensor(5, 2)}),
    )

    assert [one.cause.argument for one in found] == ["x", "y"]
    assert "`y`" in found[0].cause.words


def test_calls_of_a_block_have_the_time_of_their_block() -> None:
    (one,) = find(built(0, 0), built(1, 9, during="block", within=1, signature={"x": tensor(4, 3)}))

    assert (one.call_s, one.during) == (0.9, "block")


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"function": 1}, "anew"),
        ({"function": 1, "name": "other"}, "first"),
        ({"function": 1, "defined_at": ["other.py", 1]}, "first"),
        ({}, "same"),
        ({"signature": {"x": {"kind": "none"}}}, "none"),
    ],
)
def test_buildings_that_are_no_change_of_an_argument(change: dict[str, Any], kind: str) -> None:
    (one,) = find(built(0, 0), built(1, 1, **change))

    assert one.cause.kind == kind
    assert one.cause.words


def test_what_is_built_in_or_before_the_first_call_is_no_retrace() -> None:
    assert find(built(0, None), built(1, 0), built(2, 0, signature={"x": tensor(1, 3)})) == []


def test_what_tf_data_builds_is_no_retrace() -> None:
    assert find(built(0, 0), built(1, 2, for_data=True, signature={"x": tensor(1, 3)})) == []


def test_a_building_inside_another_says_why_when_it_is_the_users() -> None:
    (one,) = find(
        built(0, 0, name="train_step", defined_at=["/x/site-packages/keras/trainer.py", 9]),
        built(1, 0, function=1, inside=0, signature={"k": number(1.0)}),
        built(
            2,
            3,
            name="train_step",
            defined_at=["/x/site-packages/keras/trainer.py", 9],
            seconds=0.4,
        ),
        built(3, 3, function=1, inside=2, signature={"k": number(2.0)}, seconds=0.1),
    )

    assert (one.cause.argument, one.defined_at and one.defined_at.file) == ("k", "model.py")
    assert one.building_s == 0.4


def test_xla_compiles_again_for_a_shape_though_nothing_was_built() -> None:
    (one,) = find(
        built(0, 0, jit_compile=True),
        xla=(compiled(0, tensor(8, 3)), compiled(2, tensor(9, 3))),
    )

    assert (one.what, one.function, one.compiled) == ("compiling", "step", True)
    assert (one.cause.kind, one.cause.argument) == ("shape", "x")
    assert one.cause.words == "shape (8, 3) → (9, 3)"
    assert (one.building_s, one.call_s) == (0.0, 0.3)


def test_parts_of_a_batch_go_by_the_names_of_the_arguments() -> None:
    def batch(rows: int) -> dict[str, Any]:
        items = {"0": tensor(8, 3), "1": tensor(rows, 1)}
        return {"kind": "list", "type": "tuple", "items": items}

    (one,) = find(
        built(0, 0, jit_compile=True, signature={"images": tensor(8, 3), "labels": tensor(8, 1)}),
        xla=(compiled(0, batch(8)), compiled(1, batch(9))),
    )

    assert one.cause.argument == "labels"


@pytest.mark.parametrize("inputs", [None, tensor(8, 3)])
def test_a_compilation_without_a_difference_says_so(inputs: dict[str, Any] | None) -> None:
    (one,) = find(built(0, 0), xla=(compiled(0, inputs), compiled(1, inputs)))

    assert (one.cause.kind, one.cause.argument) == ("xla", None)


def test_a_call_that_builds_and_compiles_is_one_occurrence() -> None:
    (one,) = find(
        built(0, 0, jit_compile=True),
        built(1, 2, jit_compile=True, signature={"x": tensor(4, 3)}),
        xla=(compiled(0, tensor(8, 3)), compiled(2, tensor(4, 3))),
    )

    assert (one.what, one.compiled) == ("building", True)


def test_occurrences_are_put_together_by_cause_the_dearest_first() -> None:
    found = find(
        built(0, 0),
        built(1, 1, signature={"x": tensor(4, 3)}),
        built(2, 2, signature={"x": tensor(5, 3)}),
        built(3, 9, during="block", within=1, signature={"x": {**tensor(5, 3), "dtype": "int32"}}),
    )
    dear, cheap = rebuilding.grouped(found, usual_s=0.01)

    assert (dear.cause.kind, dear.count, dear.timed) == ("dtype", 1, 1)
    assert dear.extra_s == pytest.approx(0.89)
    assert (cheap.cause.kind, cheap.count, cheap.timed) == ("shape", 2, 0)
    assert cheap.extra_s == pytest.approx(0.29)
    assert cheap.building_s == pytest.approx(0.2)


def test_what_calls_cost_is_unknown_without_a_usual_call() -> None:
    (one,) = rebuilding.grouped(find(built(0, 0), built(1, 1, signature={})), None)

    assert one.extra_s is None
