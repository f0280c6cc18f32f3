"""What a loop makes anew in each round is made once, before it."""

from __future__ import annotations

import ast

from graphprof.analysis.findings.edits.base import Edit, Subject
from graphprof.analysis.findings.edits.source import (
    Change,
    Loop,
    Source,
    dotted,
    last_name,
    names_in,
    written_in,
)

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_BUILTIN_MAKERS = ("function", "compile", "Function")


def function_before_loop(subject: Subject) -> Edit | None:
    """A ``tf.function`` (decorated, or made by a call) or a ``compile()`` goes before its loop."""
    here = subject.here()
    if here is None:
        return None
    file, line, source = here
    made = source.defined_at(line)
    if made is not None:
        wrapped = [one for one in made.decorator_list if "function" in ast.unparse(one)]
        statement: ast.stmt | None = made if wrapped else None
        if statement is None:
            return _wrapping(file, source, made.name)
        return _hoisted(file, source, statement, f"Make {made.name} once, before the loop")
    for call in source.calls_at(line, *_BUILTIN_MAKERS):
        statement = source.statement(call)
        if isinstance(statement, (ast.Assign, ast.Expr)):
            return _hoisted(file, source, statement, "Make it once, before the loop")
    return None


def _wrapping(file: str, source: Source, name: str) -> Edit | None:
    """``f = tf.function(name)`` in a loop goes before it."""
    for call in source.all(ast.Call):
        if last_name(call.func) == "function" and call.args and last_name(call.args[0]) == name:
            statement = source.statement(call)
            whole = isinstance(statement, ast.Assign) and statement.value is call
            if statement is not None and whole and source.loops_around(statement):
                return _hoisted(file, source, statement, f"Make tf.function({name}) once")
            if source.loops_around(call):
                return _named(file, source, call, name)
    return None


def _named(file: str, source: Source, call: ast.Call, name: str) -> Edit | None:
    """``tf.function(f)(x)`` in a loop: the function gets a name before it."""
    loop = _outermost(source, call, names_in(call))
    own = f"{name}_graph"
    if loop is None or own in source.text:
        return None
    at = source.start(loop)
    before = f"{own} = {source.of(call)}\n{source.indent(loop)}"
    changes = (Change(at, at, before), source.replace(call, own))
    return Edit(file, changes, f"Make tf.function({name}) once, before the loop")


def _hoisted(file: str, source: Source, statement: ast.stmt, says: str) -> Edit | None:
    """The statement moves before the outermost loop that changes nothing it depends on."""
    loop = _outermost(source, statement, _needs(statement), own=statement)
    if loop is None or statement not in loop_bodies(source, loop):
        return None
    begin = _first_byte(source, statement)
    assert statement.end_lineno is not None
    end = source.line_start(statement.end_lineno + 1)
    lines = source.data[begin:end].decode()
    depth, target = source.indent(statement), source.indent(loop)
    if not all(line.startswith(depth) or not line.strip() for line in lines.split("\n")):
        return None
    moved = "".join(
        target + line.removeprefix(depth) if line.strip() else line
        for line in lines.splitlines(keepends=True)
    )
    if not moved.endswith("\n"):
        moved += "\n"
    at = source.line_start(loop.lineno)
    alone = [one for one in getattr(source.parents[statement], "body", []) if one is not statement]
    left = "" if alone else f"{depth}pass\n"
    return Edit(file, (Change(at, at, moved), Change(begin, end, left)), says)


def loop_bodies(source: Source, loop: Loop) -> list[ast.stmt]:
    """Statements that run in every round of the loop or of one directly inside it."""
    found: list[ast.stmt] = []
    for one in loop.body:
        found.append(one)
        if isinstance(one, (ast.For, ast.While)):
            found += loop_bodies(source, one)
    return found


def _first_byte(source: Source, statement: ast.stmt) -> int:
    """Where its lines begin, with decorators and the comments that belong to it left in place."""
    decorators = getattr(statement, "decorator_list", [])
    return source.line_start(min([statement.lineno, *(one.lineno for one in decorators)]))


def _needs(statement: ast.stmt) -> set[str]:
    """Names that it reads from outside."""
    if isinstance(statement, FUNCTIONS):
        own = {one.arg for one in ast.walk(statement.args) if isinstance(one, ast.arg)}
        local = {
            one.id
            for one in ast.walk(statement)
            if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)
        }
        return names_in(statement) - own - local
    if isinstance(statement, ast.Assign):
        return names_in(statement.value)
    return names_in(statement)


def _outermost(
    source: Source, node: ast.AST, needs: set[str], own: ast.stmt | None = None
) -> Loop | None:
    """The outermost loop around ``node`` that does not change what is needed."""
    found: Loop | None = None
    for loop in source.loops_around(node):
        if needs & _written_beside(loop, own):
            break
        if own is not None and _touches(loop, own):
            break
        found = loop
    return found


def _written_beside(loop: Loop, own: ast.stmt | None) -> set[str]:
    written: set[str] = set()
    if isinstance(loop, ast.For):
        written |= {one.id for one in ast.walk(loop.target) if isinstance(one, ast.Name)}
    for statement in loop.body:
        for one in ast.walk(statement):
            if one is own:
                break
        else:
            written |= written_in(statement)
            continue
        if statement is not own:
            written |= written_in(statement)
    return written


def _touches(loop: Loop, own: ast.stmt) -> bool:
    """Whether the loop changes what ``own`` makes or compiles: another assignment of its name, an
    attribute of the compiled model such as ``trainable``.
    """
    # What a function assigns inside is its own.
    targets = {own.name} if isinstance(own, FUNCTIONS) else written_in(own)
    objects = {
        dotted(one.func.value)
        for one in ast.walk(own)
        if isinstance(one, ast.Call) and isinstance(one.func, ast.Attribute)
    }
    for node in ast.walk(loop):
        inside = node is own or any(node is one for one in ast.walk(own))
        if inside:
            continue
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id in targets:
            return True
        stored = isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
        if stored and dotted(node.value) in objects:  # type: ignore[attr-defined]
            return True
    return False


def iterator_before_loop(subject: Subject) -> Edit | None:
    """``next(iter(data))`` in a loop: the iterator is made once, of data that repeat."""
    here = subject.here()
    if here is None:
        return None
    file, line, source = here
    for call in source.calls_at(line, "iter"):
        up = source.parents.get(call)
        if not (isinstance(up, ast.Call) and last_name(up.func) == "next" and len(call.args) == 1):
            continue
        loop = _outermost(source, call, names_in(call.args[0]))
        if loop is None or "batches = " in source.text:
            return None
        at = source.start(loop)
        data = call.args[0]
        text = source.of(data)
        text = text if isinstance(data, (ast.Name, ast.Attribute, ast.Call)) else f"({text})"
        before = f"batches = iter({text}.repeat())\n{source.indent(loop)}"
        return Edit(
            file,
            (Change(at, at, before), source.replace(call, "batches")),
            "Make the iterator once, before the loop",
            "each step gets the next batch, not the first of a new pass over the data",
        )
    return None
