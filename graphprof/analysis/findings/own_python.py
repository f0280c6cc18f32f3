"""The program's own Python between its steps: it makes batches, or works on what it reads back."""

from __future__ import annotations

from collections import defaultdict

from graphprof.analysis.findings.base import Draft, Number, Rule
from graphprof.analysis.findings.evidence import MUCH_PYTHON, Evidence
from graphprof.analysis.programs.recording import OwnLine

FEWEST_ROUNDS = 5
"""A line seen in fewer steps prepares something; it does not repeat."""
FEWEST_SAMPLES = 20
_OFTEN_READ = 20

_AHEAD = (
    "Make whole batches with NumPy or tf.data, and ahead: "
    "tf.data.Dataset.from_generator(...).prefetch(tf.data.AUTOTUNE), better without Python"
)
_ELSEWHERE = (
    "Do it once before the loop, with NumPy on whole arrays, inside the step as TensorFlow ops, or in"
    " a tf.data pipeline beside the steps"
)

Function = tuple[str, int]


def find(evidence: Evidence) -> list[Draft]:
    """One draft about the function that takes most of it."""
    lines = [one for one in evidence.own_lines if not one.called and one.rounds >= FEWEST_ROUNDS]
    total = sum(one.seconds for one in lines)
    if sum(one.samples for one in lines) < FEWEST_SAMPLES or evidence.share(total) < MUCH_PYTHON:
        return []
    functions: dict[Function, list[OwnLine]] = defaultdict(list)
    for one in lines:
        functions[one.line.file, one.begins].append(one)
    worst = max(functions.values(), key=lambda own: sum(one.seconds for one in own))
    cause, what, change = _cause(evidence, lines, worst)
    hottest = max(worst, key=lambda one: one.seconds)
    return [
        Draft(
            cause=cause,
            sentence=f"Between its steps the program runs Python of its own for {total:.1f} s, "
            f"most of it in `{hottest.function}`: {what}",
            line=hottest.line,
            evidence=(
                Number("Python of the program's own between steps", total, "s"),
                Number(f"of it in {hottest.function}", sum(one.seconds for one in worst), "s"),
                Number("looks that saw it", sum(one.samples for one in lines), "count"),
                Number("share of the main work", evidence.share(total), "share"),
            ),
            # How much less the same takes elsewhere is not known, nor how much runs beside a step.
            saved_s=0.7 * total,
            surely_s=0.2 * total,
            at_most_s=1.1 * total,
            confidence=0.7,
            change=change,
            refuted_by="Without that work the program takes as long.",
            details=tuple(
                f"{one.line.file}:{one.line.line} {one.seconds:.2f} s"
                for one in sorted(lines, key=lambda one: -one.seconds)[:4]
            ),
            supersedes=("host_sync_per_step",),
        )
    ]


def _cause(evidence: Evidence, lines: list[OwnLine], worst: list[OwnLine]) -> tuple[str, str, str]:
    """Cause, what the Python is for, and what to do about it."""
    made = sum(one.seconds for one in lines if one.generator)
    if made > 0.5 * sum(one.seconds for one in lines):
        return (
            "input_bound_python_generator",
            "a generator makes the next batch while no step runs",
            _AHEAD,
        )
    read = sum(
        one["count"]
        for one in evidence.recording.many("reads")
        if one.get("site")
        and one["site"][0] == worst[0].line.file
        and worst[0].begins <= one["site"][1] <= worst[0].ends
    )
    if read >= _OFTEN_READ:
        return (
            "host_sync_per_step",
            "it reads tensors and works on their values",
            "Compute it with TensorFlow ops inside the step, or do it every so many steps",
        )
    return (
        "host_python_per_step",
        "no step runs meanwhile",
        _ELSEWHERE,
    )


RULES = (
    Rule(
        causes=("host_python_per_step", "host_sync_per_step", "input_bound_python_generator"),
        proof="Fifty looks a second at the main thread, while nothing that is watched runs, "
        "find the user's lines in step after step, for 15 % of the main work or more. Where a "
        "generator runs them the cause is the generator, where their function reads tensors it is the "
        "reading.",
        refutation="The lines run once, or take less.",
        find=find,
    ),
)
