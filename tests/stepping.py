"""Recording a few steps of a model as a worker does, in the test's own process."""

import tensorflow as tf

from graphprof.capture.worker.labelling import Labelling


def record_steps(folder, model, mode, batch, steps, compiled):
    """Trace ``steps`` steps into ``folder``, with labels; returns what labelling has to say.

    Args:
        compiled: compiles a model as the test wants it, with more options of ``compile``.
    """
    step = model.train_step
    if mode == "fit":
        iterator = iter(tf.data.Dataset.from_tensors(batch).repeat())
        compiled(model, jit_compile=False).make_train_function()
        step = lambda _: model.train_function(iterator)  # noqa: E731
    elif mode != "eager":
        step = tf.function(step, jit_compile=mode == "xla")
    labelling = Labelling(op_by_op=mode == "eager")
    with labelling.first_call():
        step(batch)
    step(batch)
    tf.profiler.experimental.start(str(folder))
    for number in range(steps):
        with (
            labelling.traced_call(),
            tf.profiler.experimental.Trace("train", step_num=number, _r=1),
        ):
            step(batch)
    tf.profiler.experimental.stop()
    return labelling.save(folder)
