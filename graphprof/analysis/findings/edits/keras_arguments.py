"""Arguments of ``compile``, ``fit`` and layers: a switch that is added, changed or removed."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from graphprof.analysis.findings.edits.base import Edit, Subject
from graphprof.analysis.findings.edits.source import Change, Source, dotted, is_true, keyword

_STEPS = 32
_EVERY = 5


def eagerly_off(subject: Subject) -> Edit | None:
    """Remove ``run_eagerly=True`` or ``tf.config.run_functions_eagerly(True)``."""
    here = subject.here()
    if here is None:
        return None
    file, line, source = here
    for call in source.calls_at(line):
        given = keyword(call, "run_eagerly")
        if given is not None:
            change = (
                source.remove_argument(call, given)
                if is_true(given.value)
                else source.replace(given.value, "False")
            )
            return Edit(file, (change,), "Remove run_eagerly=True")
        if dotted(call.func).endswith("run_functions_eagerly"):
            statement = source.statement(call)
            if isinstance(statement, ast.Expr) and statement.value is call:
                return Edit(
                    file,
                    (source.remove_statement(statement),),
                    "Remove run_functions_eagerly(True)",
                )
    return None


def jit_off(subject: Subject) -> Edit | None:
    """``jit_compile=True`` becomes ``False``, in ``compile(...)`` or at a ``tf.function``."""
    for file, source, call in _jitted(subject):
        given = keyword(call, "jit_compile")
        if given is not None and is_true(given.value):
            return Edit(
                file, (source.replace(given.value, "False"),), "Leave XLA out: jit_compile=False"
            )
    return None


def _jitted(subject: Subject) -> Iterator[tuple[str, Source, ast.Call]]:
    """Calls that may hold the switch: at the finding's line, its function's decorators, compile."""
    here = subject.here()
    if here is not None:
        file, line, source = here
        function = source.defined_at(line)
        decorators = function.decorator_list if function is not None else []
        found = [one for one in decorators if isinstance(one, ast.Call)]
        for call in [*found, *source.calls_at(line)]:
            yield file, source, call
    for record in subject.evidence.recording.many("compiles"):
        at = subject.at(record.get("site"))
        if at is not None and record.get("jit_compile"):
            for call in at[2].calls_at(at[1], "compile"):
                yield at[0], at[2], call


def several_steps(subject: Subject) -> Edit | None:
    """``compile(..., steps_per_execution=32)`` for the model that spends its time between steps."""
    calls = subject.evidence.recording.many("keras_calls")
    fits = [call for call in calls if call["method"] == "fit" and call.get("steps")]
    if not fits:
        return None
    longest = max(fits, key=lambda call: float(call.get("seconds") or 0.0))
    steps = min(_STEPS, int(longest["steps"]) // max(1, int(longest.get("epochs_run") or 1)))
    if steps < 2:
        return None
    sites = [
        record.get("site")
        for record in subject.evidence.recording.many("compiles")
        if record["model"] == longest["model"]
    ]
    at = subject.at(sites[-1]) if sites else None
    if at is None:
        return None
    file, line, source = at
    for call in source.calls_at(line, "compile"):
        if any(one.arg is None for one in call.keywords):
            return None  # **options may hold it
        given = keyword(call, "steps_per_execution")
        change = (
            source.replace(given.value, str(steps))
            if given is not None
            else source.add_argument(call, f"steps_per_execution={steps}")
        )
        return Edit(
            file,
            (change,),
            f"Run {steps} steps in each call of the built function",
            "callbacks hear of every call, not of every step",
        )
    return None


def unroll_off(subject: Subject) -> Edit | None:
    """``unroll=True`` of a recurrent layer goes."""
    for one in subject.evidence.recording.many("unrolled"):
        at = subject.at(one.get("site"))
        if at is None:
            continue
        file, line, source = at
        changes: list[Change] = []
        for call in source.calls_at(line):
            given = keyword(call, "unroll")
            if given is not None and is_true(given.value):
                changes.append(source.remove_argument(call, given))
        if changes:
            return Edit(file, tuple(changes), "Remove unroll=True: the layer loops in the graph")
    return None


def validate_less_often(subject: Subject) -> Edit | None:
    """``fit(..., validation_freq=5)``, where no callback waits for validation results."""
    here = subject.here()
    if here is None:
        return None
    file, line, source = here
    for call in source.calls_at(line, "fit"):
        asked = {one.arg for one in call.keywords}
        if None in asked or "callbacks" in asked or "validation_freq" in asked:
            return None
        if asked & {"validation_data", "validation_split"}:
            return Edit(
                file,
                (source.add_argument(call, f"validation_freq={_EVERY}"),),
                f"Validate in every {_EVERY}th epoch",
                f"validation results of every {_EVERY}th epoch only",
            )
    return None
