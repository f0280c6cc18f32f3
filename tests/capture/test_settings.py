"""Arguments of a factory from text."""

import inspect
from typing import Literal, Optional

import pytest

from graphprof.capture.workloads import settings
from graphprof.errors import UsageError


def build(
    width: int,
    rate: float = 0.5,
    norm: bool = True,
    name="net",
    depth=3,
    sizes=(1, 2),
    kind: Literal["a", "b"] = "a",
    seed: Optional[int] = None,  # noqa: UP045 users write it so
    mixed: "int | float" = 1,
):
    return locals()


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("rate", "1e-3", 1e-3),
        ("rate", "2", 2.0),
        ("norm", "false", False),
        ("norm", "Yes", True),
        ("name", "12", "12"),
        ("depth", "7", 7),
        ("sizes", "[3, 4]", [3, 4]),
        ("kind", "b", "b"),
        ("seed", "none", None),
        ("seed", "5", 5),
        ("mixed", "0.5", 0.5),
        ("mixed", "3", 3),
    ],
)
def test_a_value_is_read_by_annotation_or_default(name, text, value):
    bound = settings.bind(build, {"width": "8", name: text})
    assert bound == {"width": 8, name: value}
    assert type(bound[name]) is type(value)


@pytest.mark.parametrize(
    ("given", "message", "cure"),
    [
        ({"width": "8", "widht": "9"}, "no argument 'widht'", "Did you mean 'width'?"),
        ({"width": "wide"}, "cannot be 'wide'", "Give a number (int)"),
        ({"width": "1", "norm": "maybe"}, "cannot be 'maybe'", "Give true or false"),
        ({"width": "1", "kind": "c"}, "cannot be 'c'", "It may be a, b"),
        ({}, "build() needs width", "--set width=VALUE"),
    ],
)
def test_a_wrong_argument_is_one_clear_error(given, message, cure):
    with pytest.raises(UsageError) as caught:
        settings.bind(build, given)
    assert message in caught.value.message
    assert cure in caught.value.cure


def test_what_has_no_type_is_a_literal_or_text():
    def loose(a, **more):
        return a, more

    assert settings.bind(loose, {"a": "1", "b": "x"}) == {"a": 1, "b": "x"}
    assert settings.parse("p", "None", None, inspect.Parameter.empty) is None


def test_a_class_is_a_factory_too():
    class Net:
        def __init__(self, width: int = 4):
            self.width = width

    assert settings.bind(Net, {"width": "6"}) == {"width": 6}
