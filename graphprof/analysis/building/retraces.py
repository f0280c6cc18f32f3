"""Why a function was built again: two signatures compared, in words.

A building records what TensorFlow tells calls apart by: per parameter a type. A later building of
the same ``tf.function`` differs from all earlier ones in at least one parameter; it is compared with
the earlier one that it differs from least, and the difference is put in words with what to change.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from graphprof.analysis.programs.recording import Building

Description = dict[str, Any]


@dataclass(frozen=True)
class Difference:
    """One argument that differs.

    Attributes:
        cause: ``python_value``, ``shape``, ``rank``, ``dtype``, ``object``, ``none``, ``structure``,
            ``kind`` or ``variables``.
        argument: as the user would write it: ``x``, ``batch['mask']``, ``state[0]``.
        words: what differs, one clause: ``Python float 2.0 → 3.0``.
        cure: what to change, one clause.
        flag: whether the value is a bool, a string or None: one of a few, not ever new ones.
    """

    cause: str
    argument: str
    words: str
    cure: str
    flag: bool = False

    @property
    def sentence(self) -> str:
        """Argument, difference and cure in one sentence."""
        return f"`{self.argument}`: {self.words}; {self.cure}"


def differences(before: Description, after: Description) -> list[Difference]:
    """All arguments in which two signatures differ, in the order of the parameters."""
    found: list[Difference] = []
    for name in [*after, *(key for key in before if key not in after)]:
        if name not in before or name not in after:
            had = "given" if name in after else "left out"
            found.append(
                Difference("structure", name, f"now {had}", "always pass the same arguments")
            )
        else:
            found.extend(_compare(name, before[name], after[name]))
    return found


def explain(building: Building, earlier: list[Building]) -> list[Difference]:
    """In what ``building`` differs from the most similar of the ``earlier`` ones of its function."""
    if not earlier:
        return []
    choices = [differences(one.signature, building.signature) for one in reversed(earlier)]
    return min(choices, key=len)


def _compare(path: str, old: Description, new: Description) -> list[Difference]:
    if old == new:
        return []
    if old["kind"] != new["kind"]:
        return [_kinds(path, old, new)]
    if old["kind"] == "python":
        return [_python(path, old, new)]
    if old["kind"] in ("tensor", "variable"):
        return [_tensor(path, old, new)]
    if old["kind"] == "object":
        words = f"a new Python object of type {new['type']}"
        return [
            Difference("object", path, words, "pass its numbers as tensors, or keep one object")
        ]
    if old["kind"] in ("list", "dict"):
        return _container(path, old, new)
    return [
        Difference(
            "kind", path, f"{old.get('text', '?')} → {new.get('text', '?')}", "pass a tensor"
        )
    ]


def _python(path: str, old: Description, new: Description) -> Difference:
    kind = old["type"] if old["type"] == new["type"] else f"{old['type']}/{new['type']}"
    flag = new["type"] in ("bool", "str")
    cure = (
        "each value has its own graph, so keep their number small"
        if flag
        else "pass a tensor (tf.constant) instead"
    )
    words = f"Python {kind} {old['value']} → {new['value']}"
    return Difference("python_value", path, words, cure, flag)


def _tensor(path: str, old: Description, new: Description) -> Difference:
    if old["dtype"] != new["dtype"]:
        words = f"dtype {old['dtype']} → {new['dtype']}"
        return Difference("dtype", path, words, "cast to one dtype before the call")
    a, b = old["shape"], new["shape"]
    if a is None or b is None or len(a) != len(b):
        words = f"rank {_rank(a)} → {_rank(b)} (shape {_shape(a)} → {_shape(b)})"
        return Difference("rank", path, words, "reshape to one rank before the call")
    axes = [axis for axis, (x, y) in enumerate(zip(a, b, strict=True)) if x != y]
    if axes == [0] and a[0] is not None and b[0] is not None and b[0] < a[0]:
        words = f"batch {a[0]} → {b[0]}, a smaller batch, such as the last partial one"
        cure = "drop it (drop_remainder=True) or give input_signature with None for the batch"
        return Difference("shape", path, words, cure)
    words = f"shape {_shape(a)} → {_shape(b)}"
    cure = "pad to a few fixed lengths, or give input_signature (or reduce_retracing) with None"
    return Difference("shape", path, words, cure)


def _kinds(path: str, old: Description, new: Description) -> Difference:
    words = f"{_name(old)} → {_name(new)}"
    if "none" in (old["kind"], new["kind"]):
        cure = "always pass a tensor, or two functions for the two cases"
        return Difference("none", path, words, cure, flag=True)
    if {"tensor", "python"} == {old["kind"], new["kind"]}:
        return Difference("kind", path, words, "always pass a tensor", flag=True)
    return Difference("kind", path, words, "always pass the same kind of value")


def _container(path: str, old: Description, new: Description) -> list[Difference]:
    a, b = old["items"], new["items"]
    if list(a) != list(b):
        if old["kind"] == "dict":
            gone = [key for key in a if key not in b]
            came = [key for key in b if key not in a]
            words = "keys " + ", ".join([f"+{k}" for k in came] + [f"-{k}" for k in gone])
            if not gone and not came:
                words = f"keys in another order: {list(a)} → {list(b)}"
            cure = "always pass the same keys"
        else:
            words = f"{new['type']} of {len(a)} → {len(b)} items"
            cure = "always pass the same number of items, or one tensor"
        return [Difference("structure", path, words, cure)]
    found: list[Difference] = []
    for key in b:
        inner = f"{path}[{key!r}]" if old["kind"] == "dict" else f"{path}[{key}]"
        if not str(key).isdigit() and old["kind"] == "list":
            inner = f"{path}.{key}"
        found.extend(_compare(inner, a[key], b[key]))
    if not found:
        words = f"{old.get('type')} → {new.get('type')}"
        found.append(Difference("structure", path, words, "always pass the same type"))
    return found


def _name(value: Description) -> str:
    kind = value["kind"]
    if kind == "none":
        return "None"
    if kind == "python":
        return f"Python {value['type']} {value['value']}"
    if kind == "tensor":
        return f"tensor {_shape(value['shape'])} {value['dtype']}"
    if kind == "object":
        return f"object of type {value['type']}"
    return str(kind)


def _shape(shape: list[int | None] | None) -> str:
    if shape is None:
        return "unknown"
    return "(" + ", ".join("None" if size is None else str(size) for size in shape) + ")"


def _rank(shape: list[int | None] | None) -> str:
    return "unknown" if shape is None else str(len(shape))
