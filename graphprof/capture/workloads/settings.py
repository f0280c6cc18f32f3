"""Arguments of a factory from text: ``--set key=value``, read by annotation or default."""

from __future__ import annotations

import ast
import difflib
import inspect
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any

from graphprof.errors import UsageError

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})


def bind(factory: Callable[..., Any], settings: Mapping[str, str]) -> dict[str, Any]:
    """Keyword arguments for ``factory``.

    Args:
        factory: what will be called.
        settings: name -> text as the user typed it.

    Raises:
        UsageError: an unknown name, a value of the wrong type, or a required argument not given.
    """
    called = getattr(factory, "__name__", repr(factory))
    try:
        parameters = inspect.signature(factory).parameters
    except (TypeError, ValueError):  # a callable from C says nothing about its arguments
        return {name: _literal(text) for name, text in settings.items()}
    hints = _hints(factory)
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    named = {
        name: p
        for name, p in parameters.items()
        if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)
    }
    values: dict[str, Any] = {}
    for name, text in settings.items():
        if name not in named and not takes_any:
            raise UsageError(f"{called}() has no argument {name!r}", _names(name, list(named)))
        default = named[name].default if name in named else inspect.Parameter.empty
        values[name] = parse(f"{called}({name})", text, hints.get(name), default)
    missing = [
        name
        for name, parameter in named.items()
        if parameter.default is parameter.empty and name not in values
    ]
    if missing:
        raise UsageError(
            f"{called}() needs {', '.join(missing)}", f"Give it with --set {missing[0]}=VALUE"
        )
    return values


def parse(place: str, text: str, annotation: Any, default: Any) -> Any:
    """``text`` as the annotation (or the default's type) says; as a Python literal otherwise.

    Raises:
        UsageError: it is no such value.
    """
    kinds = _kinds(annotation)
    if not kinds and default is not inspect.Parameter.empty and default is not None:
        kinds = (type(default),)
    if type(None) in kinds and text.lower() in {"none", "null"}:
        return None
    if typing.get_origin(annotation) is typing.Literal:
        choices = {str(choice): choice for choice in typing.get_args(annotation)}
        if text not in choices:
            raise UsageError(f"{place} cannot be {text!r}", f"It may be {', '.join(choices)}")
        return choices[text]
    for kind in (bool, int, float):
        if kind in kinds:
            return _number(place, text, kind, kinds)
    if str in kinds:
        return text
    return _literal(text)


def _number(place: str, text: str, kind: type, kinds: tuple[Any, ...]) -> Any:
    if kind is bool and text.lower() in _TRUE | _FALSE:
        return text.lower() in _TRUE
    for candidate in (int, float):
        if candidate in kinds:
            try:
                return candidate(text)
            except ValueError:
                continue
    if str in kinds:
        return text
    wanted = "true or false" if kind is bool else f"a number ({kind.__name__})"
    raise UsageError(f"{place} cannot be {text!r}", f"Give {wanted}")


def _kinds(annotation: Any) -> tuple[Any, ...]:
    """The plain types in an annotation: ``int | None`` -> (int, NoneType)."""
    if annotation is None or annotation is inspect.Parameter.empty:
        return ()
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return tuple(
            kind for part in typing.get_args(annotation) for kind in _kinds(part) or (part,)
        )
    return (annotation,) if isinstance(annotation, type) else ()


def _hints(factory: Callable[..., Any]) -> dict[str, Any]:
    called = factory.__init__ if inspect.isclass(factory) else factory
    try:
        return typing.get_type_hints(called)
    except Exception:  # an annotation may name what only a type checker imports
        return {}


def _literal(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def _names(name: str, names: list[str]) -> str:
    near = difflib.get_close_matches(name, names, n=1)
    if near:
        return f"Did you mean {near[0]!r}?"
    return f"It takes {', '.join(names)}" if names else "It takes no arguments"
