"""A source file that can be looked at as a tree and changed as text, its formatting kept.

Positions come from Python's own ``ast`` (columns in UTF-8 bytes); changes are insertions and
replacements of byte ranges, so that everything else stays as the user wrote it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

Node = TypeVar("Node", bound=ast.AST)
Function = ast.FunctionDef | ast.AsyncFunctionDef
Loop = ast.For | ast.While
Positioned = ast.expr | ast.stmt | ast.keyword | ast.arg | ast.alias


@dataclass(frozen=True)
class Change:
    """Bytes ``start`` to ``end`` of a file become ``text``."""

    start: int
    end: int
    text: str


class Source:
    """One file.

    Args:
        text: its text.

    Raises:
        SyntaxError: it is no Python.
        ValueError: it holds null bytes.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.data = text.encode()
        self.tree = ast.parse(text)
        self._starts = [0]
        for line in self.data.split(b"\n"):
            self._starts.append(self._starts[-1] + len(line) + 1)

    @cached_property
    def parents(self) -> dict[ast.AST, ast.AST]:
        """Node -> the node that holds it."""
        return {
            child: parent
            for parent in ast.walk(self.tree)
            for child in ast.iter_child_nodes(parent)
        }

    def start(self, node: Positioned) -> int:
        """Byte at which ``node`` begins."""
        return self._starts[node.lineno - 1] + node.col_offset

    def end(self, node: Positioned) -> int:
        """Byte behind ``node``."""
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self._starts[node.end_lineno - 1] + node.end_col_offset

    def line_start(self, line: int) -> int:
        """Byte at which line ``line`` (from 1) begins."""
        return self._starts[line - 1]

    def of(self, node: Positioned) -> str:
        """The text of ``node``."""
        return self.data[self.start(node) : self.end(node)].decode()

    def indent(self, node: ast.stmt) -> str:
        """The blanks before a statement."""
        begin = self.line_start(node.lineno)
        return self.data[begin : begin + node.col_offset].decode()

    def replace(self, node: Positioned, text: str) -> Change:
        """``node`` becomes ``text``."""
        return Change(self.start(node), self.end(node), text)

    def wrap(self, node: Positioned, before: str, after: str) -> tuple[Change, Change]:
        """Put text around ``node``."""
        return (
            Change(self.start(node), self.start(node), before),
            Change(self.end(node), self.end(node), after),
        )

    def remove_statement(self, node: ast.stmt) -> Change:
        """The lines of a statement go; ``pass`` takes its place where a block would be empty."""
        assert node.end_lineno is not None
        parent = self.parents.get(node)
        alone = any(
            block == [node]
            for block in (getattr(parent, name, None) for name in ("body", "orelse", "finalbody"))
        )
        if alone and not isinstance(parent, ast.Module):
            return self.replace(node, "pass")
        shared = any(
            other is not node and other.lineno <= node.end_lineno <= (other.end_lineno or 0)
            for other in ast.walk(parent or self.tree)
            if isinstance(other, ast.stmt) and self.parents.get(other) is parent
        )
        if shared:  # a; b on one line
            return self.replace(node, "pass")
        return Change(self.line_start(node.lineno), self._starts[node.end_lineno], "")

    def add_argument(self, call: ast.Call, argument: str) -> Change:
        """``argument`` (as ``name=value``) becomes the last one of ``call``."""
        given: list[Positioned] = [*call.args, *call.keywords]
        if not given:
            inside = self.end(call) - 1
            return Change(inside, inside, argument)
        last = max(given, key=self.end)
        end = self.end(last)
        # A generator expression as the only argument has the parentheses of the call.
        if isinstance(last, ast.GeneratorExp) and end == self.end(call):
            return Change(end - 1, end - 1, f"), {argument}")
        return Change(end, end, f", {argument}")

    def remove_argument(self, call: ast.Call, keyword: ast.keyword) -> Change:
        """A keyword argument of ``call`` goes, with the comma that it no longer needs."""
        given: list[Positioned] = sorted([*call.args, *call.keywords], key=self.start)
        place = given.index(keyword)
        if place:
            return Change(self.end(given[place - 1]), self.end(keyword), "")
        if len(given) > 1:
            return Change(self.start(keyword), self.start(given[1]), "")
        return self.replace(keyword, "")

    def changed(self, changes: tuple[Change, ...]) -> str:
        """The text with all changes made.

        Raises:
            ValueError: they overlap, or what comes out is no Python.
        """
        result = bytearray()
        at = 0
        for change in sorted(changes, key=lambda one: (one.start, one.end)):
            if change.start < at:
                raise ValueError("changes overlap")
            result += self.data[at : change.start] + change.text.encode()
            at = change.end
        text = (bytes(result) + self.data[at:]).decode()
        try:
            ast.parse(text)
        except SyntaxError as error:
            raise ValueError(f"the change breaks the file: {error}") from error
        return text

    # Looking around.

    def all(self, kind: type[Node], under: ast.AST | None = None) -> Iterator[Node]:
        """All nodes of a kind, outer ones first."""
        for node in ast.walk(under or self.tree):
            if isinstance(node, kind):
                yield node

    def calls_at(self, line: int, *names: str) -> list[ast.Call]:
        """Calls whose text holds ``line``, of one of ``names`` (last part), innermost first."""
        found = [
            call
            for call in self.all(ast.Call)
            if call.lineno <= line <= (call.end_lineno or call.lineno)
            and (not names or last_name(call.func) in names)
        ]
        return sorted(found, key=lambda call: self.end(call) - self.start(call))

    def around(self, node: ast.AST, *kinds: type[Node]) -> Node | None:
        """The innermost node of ``kinds`` that holds ``node``."""
        up = self.parents.get(node)
        while up is not None:
            if isinstance(up, kinds):
                return up
            up = self.parents.get(up)
        return None

    def statement(self, node: ast.AST) -> ast.stmt | None:
        """The statement that ``node`` is part of, itself included."""
        up: ast.AST | None = node
        while up is not None and not isinstance(up, ast.stmt):
            up = self.parents.get(up)
        return up

    def function_around(self, node: ast.AST) -> Function | None:
        """The function whose body holds ``node``."""
        return self.around(node, ast.FunctionDef, ast.AsyncFunctionDef)  # type: ignore[return-value]

    def loops_around(self, node: ast.AST) -> list[Loop]:
        """The loops that run ``node`` again, within its function, innermost first."""
        found: list[Loop] = []
        child, up = node, self.parents.get(node)
        while up is not None and not isinstance(
            up, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
        ):
            if isinstance(up, (ast.For, ast.While)) and child in up.body:
                found.append(up)
            child, up = up, self.parents.get(up)
        return found

    def called_in_loops(self, function: Function) -> bool:
        """Whether a call of it, by its name, stands in a loop of another function or the module."""
        return any(
            self.loops_around(call)
            for call in self.all(ast.Call)
            if last_name(call.func) == function.name
            and not function.lineno <= call.lineno <= (function.end_lineno or function.lineno)
        )

    def function_at(self, line: int) -> Function | None:
        """The innermost function that is defined at ``line`` (decorators included) or holds it."""
        found = [
            one
            for one in self.all(ast.AST)
            if isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef))
            and first_line(one) <= line <= (one.end_lineno or one.lineno)
        ]
        return min(found, key=lambda one: (one.end_lineno or 0) - first_line(one), default=None)

    def defined_at(self, line: int) -> Function | None:
        """The function whose ``def`` or a decorator stands on ``line``."""
        one = self.function_at(line)
        return one if one is not None and first_line(one) <= line <= one.lineno else None

    def module_name(self, module: str) -> str | None:
        """What the file calls an imported module: ``tf`` for ``import tensorflow as tf``."""
        for node in self.all(ast.Import):
            for alias in node.names:
                if alias.name == module:
                    return alias.asname or alias.name
        return None

    def module(self, module: str, name: str) -> tuple[str, tuple[Change, ...]]:
        """What the file calls ``module``; with the import to add, as ``name``, where it has none."""
        known = self.module_name(module)
        if known is not None:
            return known, ()
        body = [one for one in self.tree.body if isinstance(one, (ast.Import, ast.ImportFrom))]
        line = (body[-1].end_lineno or body[-1].lineno) + 1 if body else 1
        at = min(self.line_start(line), len(self.data))
        return name, (Change(at, at, f"import {module} as {name}\n"),)


def first_line(function: Function) -> int:
    """The line of a function's first decorator, or of its ``def``."""
    return min([function.lineno, *(one.lineno for one in function.decorator_list)])


def last_name(expression: ast.AST) -> str:
    """``fit`` of ``self.model.fit``; empty when it is no name."""
    if isinstance(expression, ast.Attribute):
        return expression.attr
    return expression.id if isinstance(expression, ast.Name) else ""


def dotted(expression: ast.AST) -> str:
    """``tf.data.Dataset`` of that expression; empty when it is no chain of names."""
    if isinstance(expression, ast.Name):
        return expression.id
    if isinstance(expression, ast.Attribute):
        left = dotted(expression.value)
        return f"{left}.{expression.attr}" if left else ""
    return ""


def keyword(call: ast.Call, name: str) -> ast.keyword | None:
    """The argument that ``call`` gives by ``name``."""
    return next((one for one in call.keywords if one.arg == name), None)


def is_true(value: ast.AST) -> bool:
    """Whether an expression is the literal ``True``."""
    return isinstance(value, ast.Constant) and value.value is True


def names_in(node: ast.AST) -> set[str]:
    """All names that an expression or block reads or writes."""
    return {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}


def written_in(node: ast.AST) -> set[str]:
    """Names that a block assigns, loops over, imports or defines."""
    found = {
        one.id
        for one in ast.walk(node)
        if isinstance(one, ast.Name) and isinstance(one.ctx, (ast.Store, ast.Del))
    }
    for one in ast.walk(node):
        if isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found.add(one.name)
    return found
