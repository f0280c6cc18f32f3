"""What keeps a graph from being quick: loops over small ops, and Python called from inside."""

from __future__ import annotations

from graphprof import units
from graphprof.analysis.findings.base import Link, Number, Rule
from graphprof.analysis.findings.sessions.base import Proposal
from graphprof.analysis.findings.sessions.evidence import SessionEvidence
from graphprof.analysis.trials.whatif import gone, saving

_LEAST_RUNTIME = 0.2
_LEAST_ITERATED = 50
_LEAST_PYTHON = 0.03


def find_loops(evidence: SessionEvidence) -> list[Proposal]:
    """A while loop in the graph whose ops are smaller than the executor's work between them."""
    mode = evidence.usual
    if mode is None or mode.step is None or mode.jit or mode.eager:
        return []
    inside = [row for row in mode.ops if "while/" in row.name and row.calls > 1]
    calls = sum(row.calls for row in inside)
    runtime = mode.step.share("runtime")
    if calls < _LEAST_ITERATED or runtime < _LEAST_RUNTIME:
        return []
    owners = sorted({row.owner.rsplit("/", 1)[-1] for row in inside if row.owner})
    spent = mode.step.seconds("runtime")
    whose = f" ({', '.join(owners[:3])})" if owners else ""
    op_s = sum(row.wall_s or 0.0 for row in inside)
    return [
        Proposal(
            cause="graph_loop_small_ops",
            mode=mode.mode,
            sentence=(
                f"A loop in the graph{whose} runs {units.count(round(calls))} small ops a step:"
                f" between them the executor takes {units.share(runtime)} of it."
            ),
            evidence=(
                Number("ops run by loops in a step", calls, "count", "trace", _layers(mode.mode)),
                Number("their kernels", op_s, "s", "trace", _layers(mode.mode)),
                mode.part("runtime between kernels", "runtime"),
            ),
            gain=saving(mode.step, 0.2 * spent, 0.6 * spent, spent),
            confidence=0.7,
            change="Unroll the loop where it is short (keras.layers.LSTM(..., unroll=True)), or"
            " compute what does not depend on the round before in one op outside of it.",
            refuted_by="Kernels take the time, or the loop's rounds are few.",
            details=tuple(dict.fromkeys(row.name for row in inside[:3])),
        )
    ]


def _layers(mode: str) -> Link:
    return Link("layers", mode)


def find_python(evidence: SessionEvidence) -> list[Proposal]:
    """``tf.py_function`` or ``tf.numpy_function`` inside the step."""
    mode = evidence.usual
    if mode is None or mode.step is None or mode.step.share("py_function") < _LEAST_PYTHON:
        return []
    names = mode.names.get("py_function", ())
    link = Link("timeline", mode.mode, names[0] if names else None)
    spent = mode.step.seconds("py_function")
    return [
        Proposal(
            cause="py_function_in_graph",
            mode=mode.mode,
            sentence=(
                f"The graph calls back into Python for"
                f" {units.share(mode.step.share('py_function'))} of a step of {mode.mode}."
            ),
            evidence=(Number("Python inside the graph", spent, "s", "trace", link),),
            gain=gone(mode.step, spent),
            confidence=0.9,
            change="Write what tf.py_function or tf.numpy_function does in tf ops, or do it once,"
            " before training, on the data.",
            refuted_by="The same work takes as long in tf ops.",
            details=tuple(names[:3]),
        )
    ]


RULES = (
    Rule(
        causes=("graph_loop_small_ops",),
        proof="Ops of a while loop run fifty times a traced step or more, and the executor takes a fifth of the step between kernels.",
        refutation="Kernels take the time, or the graph has no loop.",
        find=find_loops,
    ),
    Rule(
        causes=("py_function_in_graph",),
        proof="Python called by the step's own graph takes 3 % of a traced step or more.",
        refutation="The same work takes as long in tf ops.",
        find=find_python,
    ),
)
