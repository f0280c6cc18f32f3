"""What a mode resolves to on this machine, beyond what its name says."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from graphprof.capture.instrument import private

if TYPE_CHECKING:
    from graphprof.capture.workloads.workload import Workload


def common(workload: Workload) -> dict[str, Any]:
    """Values that hold for any mode: device, threads, precision, oneDNN.

    Threads are as TensorFlow was told; 0 means that it takes one for each core.
    """
    import tensorflow as tf

    accelerators = [d for d in tf.config.list_logical_devices() if d.device_type != "CPU"]
    return {
        "device": accelerators[0].device_type if accelerators else "CPU",
        "precision": workload.describe()["precision"],
        "intra_op_threads": tf.config.threading.get_intra_op_parallelism_threads(),
        "inter_op_threads": tf.config.threading.get_inter_op_parallelism_threads(),
        "cores": os.cpu_count(),
        "soft_device_placement": tf.config.get_soft_device_placement(),
        "onednn": one_dnn(),
    }


def one_dnn() -> bool | None:
    """Whether oneDNN's kernels are in use, or None where TensorFlow does not say."""
    try:
        return bool(private.ONE_DNN.resolve()[2]())
    except (ImportError, AttributeError):
        return None


def why_no_xla() -> str | None:
    """One sentence saying why XLA cannot be used here, or None."""
    import tensorflow as tf

    if not tf.test.is_built_with_xla():
        return "This TensorFlow was built without XLA."
    return None
