"""The loop of ``eager``, ``graph`` and ``xla``: one iterator; each call is the next batch and a step.

The step is Keras's own ``train_step``, ``test_step`` or ``predict_step`` of the model (the user's
where it is overridden), or the user's plain function: the same work as Keras's loops do, metrics and
added losses included. The modes differ in what is wrapped around it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NoReturn

from graphprof.capture import blame
from graphprof.capture.modes import resolved, xla_errors
from graphprof.capture.modes.base import Loop
from graphprof.errors import WorkloadError

if TYPE_CHECKING:
    from graphprof.capture.pacer import Pacer
    from graphprof.capture.workloads.workload import Workload

Step = Callable[[Any], Any]


def loop(workload: Workload, step: Step, title: str, *, compiled: bool, jit_compile: bool) -> Loop:
    """Calls ``step`` on batch after batch until the pacer says no.

    Args:
        workload: gives the batches.
        step: takes one batch.
        title: the mode's, for messages.
        compiled: whether ``step`` is a ``tf.function``.
        jit_compile: whether XLA compiles it.
    """

    def run(pacer: Pacer) -> None:
        if workload.is_keras:
            workload.model.reset_metrics()
        try:
            _run(workload, step, pacer)
        except Exception as error:
            raise_told(error, title, jit_compile=jit_compile)

    values = resolved.common(workload) | {
        "loop": "custom",
        "tf_function": compiled,
        "jit_compile": jit_compile,
        "run_eagerly": not compiled,
        "steps_per_execution": 1,
    }
    return Loop(run=run, resolved=values)


def _run(workload: Workload, step: Step, pacer: Pacer) -> None:
    pacer.start()
    if workload.dataset is None:
        while pacer.tick(step(None)):
            pass
        return
    iterator: Iterator[Any] = iter(workload.dataset)
    calls = 0
    while True:
        try:
            batch = next(iterator)
        except StopIteration:
            raise exhausted(calls) from None
        outputs = step(batch)
        calls += 1
        if not pacer.tick(outputs, inputs=batch):
            return


def raise_told(error: Exception, title: str, *, jit_compile: bool) -> NoReturn:
    """Raise what a step raised as one clear error; out of memory stays what it is."""
    if isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError":
        raise error
    if jit_compile and (told := xla_errors.explain(error)):
        raise told from error
    told_plainly = blame.blame(error, f"A step in mode {title}")
    raise told_plainly from (None if told_plainly is error else error)


def exhausted(steps: int) -> WorkloadError:
    """The data ended although they were to go on for as long as is measured."""
    return WorkloadError(
        f"The data ended after {steps} steps",
        "Return a generator function, a tf.data.Dataset or arrays, which can begin again",
    )
