"""The signature of one building, as JSON values: what TensorFlow tells two calls apart by."""

from __future__ import annotations

from typing import Any

_LONGEST = 120
_MOST_ITEMS = 64


def describe(function_type: Any) -> dict[str, Any]:
    """Each parameter of a ``FunctionType`` by name (captures left out)."""
    return {
        name: describe_type(getattr(parameter, "type_constraint", None))
        for name, parameter in function_type.parameters.items()
    }


def named(described: dict[str, Any], names: list[str]) -> dict[str, Any]:
    """A step's only argument, the batch, by the names of the step's own parameters."""
    if not names or len(described) != 1:
        return described
    (batch,) = described.values()
    parts = list(batch["items"].values()) if batch["kind"] == "list" else []
    if len(parts) > 1 and len(parts) <= len(names):
        return dict(zip(names, parts, strict=False))
    return {names[0]: batch}


def describe_type(trace_type: Any) -> dict[str, Any]:
    """One trace type: ``{"kind": tensor|python|object|list|dict|variable|other, ...}``."""
    if trace_type is None:
        return {"kind": "other", "text": "None"}
    name = type(trace_type).__name__
    if hasattr(trace_type, "shape") and hasattr(trace_type, "dtype"):
        return _tensor(trace_type, name)
    if name == "Literal":
        value = getattr(trace_type, "value", None)
        if value is None:
            return {"kind": "none"}
        return {"kind": "python", "type": type(value).__name__, "value": repr(value)[:_LONGEST]}
    if name == "Weakref":
        return _weak(trace_type)
    return _container(trace_type, name)


def _tensor(trace_type: Any, name: str) -> dict[str, Any]:
    shape = trace_type.shape
    rank = getattr(shape, "rank", None)
    return {
        "kind": "variable" if "Variable" in name else "tensor",
        "shape": None if rank is None else [shape[i] for i in range(rank)],
        "dtype": trace_type.dtype.name,
    }


def _weak(trace_type: Any) -> dict[str, Any]:
    reference = getattr(trace_type, "_ref", None)
    target = reference() if callable(reference) else None
    if target is None:
        return {"kind": "object", "type": "object", "id": 0}
    return {"kind": "object", "type": type(target).__name__, "id": _serial(target, reference)}


def _elements(spec: Any) -> Any:
    return getattr(spec, "element_spec", getattr(spec, "_element_spec", None))


def of_values(value: Any) -> dict[str, Any] | None:
    """The tensors (or their specs) in a batch, described like a signature; None without any."""
    if value is None:
        return None
    if isinstance(value, dict):
        items = {str(key): of_values(inner) for key, inner in value.items()}
        return {"kind": "dict", "type": "dict", "items": _given(items)}
    if isinstance(value, (list, tuple)):
        items = {str(key): of_values(inner) for key, inner in enumerate(value)}
        return {"kind": "list", "type": type(value).__name__, "items": _given(items)}
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        dtype = getattr(value.dtype, "name", str(value.dtype))
        return {"kind": "tensor", "shape": _sizes(value.shape), "dtype": dtype}
    return {"kind": "other", "text": type(value).__name__}


def _sizes(shape: Any) -> list[int | None] | None:
    if getattr(shape, "rank", 0) is None:
        return None
    return [None if size is None else int(size) for size in shape]


def _given(items: dict[str, dict[str, Any] | None]) -> dict[str, dict[str, Any]]:
    return {key: item for key, item in items.items() if item is not None}


_serials: dict[int, tuple[Any, int]] = {}


def _serial(target: Any, reference: Any) -> int:
    """A number that no other object gets, also when an address is used again."""
    known = _serials.get(id(target))
    if known is not None and known[0]() is target:
        return known[1]
    serial = len(_serials) + 1 if known is None else known[1] + 1_000_000
    _serials[id(target)] = (reference, serial)
    return serial


def _container(trace_type: Any, name: str) -> dict[str, Any]:
    if name == "Reference":
        return describe_type(getattr(trace_type, "base", None))
    if name == "Attrs":
        return _container(trace_type.named_attributes, "NamedTuple")
    if name == "IteratorSpec" and (elements := of_values(_elements(trace_type))) is not None:
        return elements  # as Keras passes its batches: what they hold tells calls apart
    mapping = getattr(trace_type, "mapping", None)
    if isinstance(mapping, dict):
        pairs = list(mapping.items())
    elif name == "NamedTuple":
        pairs = list(zip(trace_type.attribute_names, trace_type.attributes.components, strict=True))
    else:
        inner = getattr(trace_type, "components_tuple", trace_type)
        components = getattr(inner, "components", None)
        if components is None:
            return {"kind": "other", "text": str(trace_type)[:_LONGEST]}
        pairs = list(enumerate(components))
    return {
        "kind": "dict" if isinstance(mapping, dict) else "list",
        "type": name.lower(),
        "items": {str(key): describe_type(value) for key, value in pairs[:_MOST_ITEMS]},
    }
