"""``@tf.function`` on what runs op by op, and loops of Python that become loops of the graph."""

from __future__ import annotations

import ast

from graphprof.analysis.findings.edits.base import Edit, Subject
from graphprof.analysis.findings.edits.source import (
    Change,
    Function,
    Source,
    dotted,
    keyword,
    last_name,
    written_in,
)

_READS = {"numpy", "item", "tolist", "assert_equal_to"}
_PYTHON = {"print", "float", "int", "input", "open", "bool", "str", "list", "dict", "set", "next"}
_GROWS = {"append", "extend", "add", "pop", "insert", "update", "write"}
_MAKERS = {
    "Variable",
    "Sequential",
    "Model",
    "seed",
    "set_random_seed",
    "compile",
    "fit",
    "predict",
}
_RANDOM = ("np.", "numpy.", "random.", "time.", "os.", "logging.")


def function_on_step(subject: Subject) -> Edit | None:
    """``@tf.function`` on the function whose ops are many, where nothing in it needs Python."""
    here = subject.here()
    if here is None:
        return None
    file, line, source = here
    tf = source.module_name("tensorflow")
    function = source.defined_at(line)
    if tf is None or function is None or not can_be_graph(function):
        return None
    return Edit(file, (_decorate(source, function, f"@{tf}.function"),), f"Compile {function.name}")


def function_around_update(subject: Subject) -> Edit | None:
    """The optimizer's update becomes part of a graph: by ``@tf.function`` on the function that
    makes it, or a small function of its own before the loop.
    """
    here = subject.here()
    if here is None:
        return None
    file, line, source = here
    tf = source.module_name("tensorflow")
    calls = source.calls_at(line, "apply_gradients", "apply")
    if tf is None or not calls:
        return None
    call = calls[0]
    function = source.function_around(call)
    loops = source.loops_around(call)
    # A function that is made inside one that is called for each step would be built for each.
    again = function is not None and source.called_in_loops(function)
    if function is not None and (again or not loops):
        if not can_be_graph(function):
            return None
        change = _decorate(source, function, f"@{tf}.function")
        return Edit(file, (change,), f"Compile {function.name}, the update with it")
    return _own_function(file, source, call, loops[-1], tf) if loops else None


def _own_function(
    file: str, source: Source, call: ast.Call, loop: ast.For | ast.While, tf: str
) -> Edit | None:
    """``update = tf.function(lambda grads: ...)`` before the loop, called in it."""
    if not call.args or not isinstance(source.parents.get(call), ast.Expr) or len(call.args) > 1:
        return None
    changing = sorted(
        {
            one.id
            for one in ast.walk(call)
            if isinstance(one, ast.Name)
            and isinstance(one.ctx, ast.Load)
            and one.id in written_in(loop)
        }
    )
    if not changing or "update_weights" in source.text:
        return None
    names = ", ".join(changing)
    before = (
        f"update_weights = {tf}.function(lambda {names}: {source.of(call)})\n{source.indent(loop)}"
    )
    at = source.start(loop)
    return Edit(
        file,
        (Change(at, at, before), source.replace(call, f"update_weights({names})")),
        "Update the weights in a graph",
    )


def can_be_graph(function: Function) -> bool:
    """Whether a function can become a ``tf.function`` and do the same.

    It must not read tensors into Python, keep anything in Python (lists, attributes, globals),
    draw Python's random numbers, or make variables and models; and not be one already.
    """
    if any("function" in ast.unparse(one) for one in function.decorator_list):
        return False
    if any(
        last_name(one) in ("property", "staticmethod", "classmethod")
        for one in function.decorator_list
    ):
        return False
    if isinstance(function, ast.AsyncFunctionDef) or function.name == "main":
        return False
    return not any(_needs_python(one) for one in ast.walk(function))


def _needs_python(node: ast.AST) -> bool:
    if isinstance(node, (ast.Yield, ast.YieldFrom, ast.Await, ast.Global, ast.Nonlocal)):
        return True
    if isinstance(node, (ast.JoinedStr, ast.Try, ast.With)) and not _is_tape(node):
        return True
    if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
        return True
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
        return True
    if not isinstance(node, ast.Call):
        return False
    name, whole = last_name(node.func), dotted(node.func)
    method = isinstance(node.func, ast.Attribute)
    return (
        whole in _PYTHON
        or (method and name in _READS | _GROWS)
        or name in _MAKERS
        or whole.startswith(_RANDOM)
    )


def _is_tape(node: ast.AST) -> bool:
    """Whether ``with`` opens nothing but what works in a graph as well."""
    return isinstance(node, ast.With) and all(
        isinstance(item.context_expr, ast.Call)
        and last_name(item.context_expr.func) in ("GradientTape", "name_scope", "device")
        for item in node.items
    )


def _decorate(source: Source, function: Function, decorator: str) -> Change:
    first = min([function.lineno, *(one.lineno for one in function.decorator_list)])
    at = source.line_start(first)
    return Change(at, at, f"{source.indent(function)}{decorator}\n")


def jit_on(subject: Subject) -> Edit | None:
    """``jit_compile=True`` for the function that holds the loop."""
    here = subject.here()
    if here is None:
        return None
    file, line, source = here
    function = source.function_at(line)
    while function is not None:
        for one in function.decorator_list:
            says = f"Compile {function.name} with XLA"
            if dotted(one).rpartition(".")[2] == "function":
                change = source.replace(one, f"{source.of(one)}(jit_compile=True)")
                return Edit(file, (change,), says)
            if isinstance(one, ast.Call) and last_name(one.func) == "function":
                given = keyword(one, "jit_compile")
                if given is not None:
                    return None
                return Edit(file, (source.add_argument(one, "jit_compile=True"),), says)
        function = source.function_around(function)
    return None


def loop_in_graph(subject: Subject) -> Edit | None:
    """``for t in range(N)`` inside a graph becomes ``for t in tf.range(N)``."""
    here = subject.here()
    if here is None:
        return None
    file, line, source = here
    tf = source.module_name("tensorflow")
    loops = [
        loop
        for loop in source.all(ast.For)
        if loop.lineno <= line <= (loop.end_lineno or line) and _over_range(loop)
    ]
    if tf is None or not loops:
        return None
    loop = min(loops, key=lambda one: (one.end_lineno or 0) - one.lineno)
    if loop.orelse or any(_keeps_python(source, loop, one) for one in ast.walk(loop)):
        return None
    assert isinstance(loop.iter, ast.Call)
    change = source.replace(loop.iter.func, f"{tf}.range")
    return Edit(file, (change,), "Let the graph loop instead of unrolling it")


def _over_range(loop: ast.For) -> bool:
    return isinstance(loop.iter, ast.Call) and dotted(loop.iter.func) == "range"


def _keeps_python(source: Source, loop: ast.For, node: ast.AST) -> bool:
    """Whether the body does what a loop of the graph cannot: grow lists, index them by the loop."""
    if isinstance(node, (ast.Break, ast.Continue, ast.Return, ast.JoinedStr)):
        return True
    method = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    if method and last_name(node.func) in _GROWS:  # type: ignore[attr-defined]
        return True
    if isinstance(node, ast.Subscript):
        counter = loop.target.id if isinstance(loop.target, ast.Name) else ""
        up = source.parents.get(node)
        called = isinstance(up, ast.Call) and up.func is node
        return called and any(
            isinstance(one, ast.Name) and one.id == counter for one in ast.walk(node.slice)
        )
    return False


def vectorized(subject: Subject) -> Edit | None:
    """``tf.map_fn(f, x, ...)`` becomes ``tf.vectorized_map(f, x)``."""
    here = subject.here()
    if here is None:
        return None
    file, line, source = here
    for call in source.calls_at(line, "map_fn"):
        given = {one.arg: one for one in call.keywords}
        function = call.args[0] if call.args else getattr(given.get("fn"), "value", None)
        data = call.args[1] if len(call.args) > 1 else getattr(given.get("elems"), "value", None)
        if function is None or data is None or not isinstance(call.func, ast.Attribute):
            continue
        owner = source.of(call.func.value)
        text = f"{owner}.vectorized_map({source.of(function)}, {source.of(data)})"
        return Edit(file, (source.replace(call, text),), "Run the body once for all elements")
    return None
