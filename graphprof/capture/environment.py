"""The environment of a session: enough to judge its numbers and to repeat them.

A registry: each entry has a name, a unit and a description, and is read where it can be known, in
the parent (which has no TensorFlow) or in a worker. What a system does not say is None. Of the
environment variables only those are recorded that are known to change what TensorFlow does; the
rest may hold secrets.
"""

from __future__ import annotations

import gc
import importlib.metadata
import json
import os
import platform
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import psutil

VARIABLES = (
    "CUDA_VISIBLE_DEVICES",
    "KERAS_BACKEND",
    "KMP_AFFINITY",
    "KMP_BLOCKTIME",
    "LD_PRELOAD",
    "MALLOC_ARENA_MAX",
    "MKL_NUM_THREADS",
    "NVIDIA_TF32_OVERRIDE",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "PYTHONMALLOC",
    "PYTHONOPTIMIZE",
    "TF2_BEHAVIOR",
    "TF_CPP_MIN_LOG_LEVEL",
    "TF_CPU_ALLOCATOR_USE_BFC",
    "TF_CPU_BFC_MEM_LIMIT_IN_MB",
    "TF_DETERMINISTIC_OPS",
    "TF_LAYOUT_OPTIMIZER_DISABLE",
    "TF_NUM_INTEROP_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_RUN_EAGER_OP_AS_FUNCTION",
    "TF_SYNC_ON_FINISH",
    "TF_USE_LEGACY_KERAS",
    "TF_XLA_FLAGS",
    "XLA_FLAGS",
)
# Families of TensorFlow's switches. Not all of TF_: Terraform has its settings there too, and in
# TF_VAR_ and TF_TOKEN_ its users' secrets.
VARIABLE_PREFIXES = (
    "TF_AUTO_MIXED_PRECISION_",
    "TF_CUDA_",
    "TF_CUDNN_",
    "TF_DISABLE_",
    "TF_ENABLE_",
    "TF_FORCE_",
    "TF_GPU_",
    "TF_MKL_",
    "TF_ONEDNN_",
    "TF_PROFILER_",
    "TF_XLA_",
)


@dataclass(frozen=True)
class Entry:
    """One thing that is recorded.

    Attributes:
        name: its key in ``SessionInfo.environment``.
        unit: of a number: ``bytes``, ``Hz``, ``share``, ``s`` or empty.
        description: what it is, as a reader of the report wants it said.
        where: read in the ``parent`` or in a ``worker``.
        read: returns a JSON value, or None where it cannot be told; raises nothing but OSError.
    """

    name: str
    unit: str
    description: str
    where: Literal["parent", "worker"]
    read: Callable[[], Any]


def collect(where: Literal["parent", "worker"]) -> dict[str, Any]:
    """Read all entries of one side: name -> value, None for what cannot be told."""
    values: dict[str, Any] = {}
    for entry in ENTRIES:
        if entry.where == where:
            try:
                values[entry.name] = entry.read()
            except (OSError, psutil.Error):
                values[entry.name] = None
    return values


def _version(package: str) -> Callable[[], str | None]:
    def read() -> str | None:
        try:
            return importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            return None

    return read


def _cpu_model() -> str | None:
    for line in _text("/proc/cpuinfo").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or None


def _cpu_flags() -> list[str]:
    """The instruction sets that decide which kernels oneDNN, Eigen and XLA choose."""
    wanted = ("sse4_2", "avx", "avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "amx_tile")
    for line in _text("/proc/cpuinfo").splitlines():
        if line.startswith("flags"):
            flags = set(line.partition(":")[2].split())
            return [flag for flag in wanted if flag in flags]
    return []


def _usable_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _cpu_quota() -> float | None:
    """Cores that a container may use (control groups, version 2 then 1)."""
    quota, _, period = _text("/sys/fs/cgroup/cpu.max").strip().partition(" ")
    if not quota:
        quota = _text("/sys/fs/cgroup/cpu/cpu.cfs_quota_us").strip()
        period = _text("/sys/fs/cgroup/cpu/cpu.cfs_period_us").strip()
    if not quota.isdigit() or not period.isdigit() or int(period) == 0:
        return None
    return int(quota) / int(period)


def memory_limit_bytes() -> int | None:
    """Memory that a container may use, or None where there is no limit."""
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        limit = _text(path).strip()
        if limit.isdigit() and int(limit) < psutil.virtual_memory().total:
            return int(limit)
    return None


def available_memory_bytes() -> int:
    """Memory that new processes can use: the machine's, or what is left of a container's limit."""
    available = int(psutil.virtual_memory().available)
    limit = memory_limit_bytes()
    used = _text("/sys/fs/cgroup/memory.current").strip()
    if limit is not None and used.isdigit():
        available = min(available, max(0, limit - int(used)))
    return available


def _frequency() -> float | None:
    found = psutil.cpu_freq() if hasattr(psutil, "cpu_freq") else None
    return None if found is None else found.current * 1e6


def _steal() -> float | None:
    steal = getattr(psutil.cpu_times(), "steal", None)
    return None if steal is None else float(steal)


def is_recorded(variable: str) -> bool:
    """Whether an environment variable is known to change TensorFlow and to hold no secret."""
    return variable in VARIABLES or variable.startswith(VARIABLE_PREFIXES)


def _variables() -> dict[str, str]:
    return {name: os.environ[name] for name in sorted(os.environ) if is_recorded(name)}


def _devices() -> list[str]:
    import tensorflow as tf

    return [f"{device.device_type}:{device.name}" for device in tf.config.list_logical_devices()]


def _threads(pool: Literal["intra", "inter"]) -> int:
    import tensorflow as tf

    read = getattr(tf.config.threading, f"get_{pool}_op_parallelism_threads")
    return int(read())


def _keras_backend() -> str:
    import keras

    return str(keras.backend.backend())


def _onednn() -> str:
    """Whether oneDNN's kernels were asked for; on x86 Linux TensorFlow has them on by default."""
    asked = os.environ.get("TF_ENABLE_ONEDNN_OPTS")
    if asked is None:
        return "default"
    return "off" if asked in ("0", "false", "False") else "on"


def _text(path: str) -> str:
    try:
        return Path(path).read_text(errors="replace")
    except OSError:
        return ""


ENTRIES: tuple[Entry, ...] = (
    Entry("python", "", "Python version", "parent", platform.python_version),
    *(
        Entry(package.replace("-", "_"), "", f"Version of {package}", "parent", _version(package))
        for package in (
            *("graphprof", "tensorflow", "keras", "numpy", "tensorboard"),
            *("tensorboard-plugin-profile", "xprof"),
        )
    ),
    Entry("os", "", "Operating system and kernel", "parent", platform.platform),
    Entry("machine", "", "Processor architecture", "parent", platform.machine),
    Entry("cpu_model", "", "Processor", "parent", _cpu_model),
    Entry("cpu_flags", "", "Instruction sets that choose kernels", "parent", _cpu_flags),
    Entry("cores_physical", "", "Cores", "parent", lambda: psutil.cpu_count(logical=False)),
    Entry("cores_logical", "", "Hardware threads", "parent", lambda: psutil.cpu_count()),
    Entry("cores_usable", "", "Hardware threads this process may use", "parent", _usable_cores),
    Entry("cpu_quota", "", "Cores a container may use", "parent", _cpu_quota),
    Entry("cpu_frequency_hz", "Hz", "Processor frequency at the start", "parent", _frequency),
    Entry(
        "cpu_governor",
        "",
        "Frequency governor",
        "parent",
        lambda: _text("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor").strip() or None,
    ),
    Entry("memory_bytes", "bytes", "Memory", "parent", lambda: int(psutil.virtual_memory().total)),
    Entry(
        "memory_available_bytes",
        "bytes",
        "Memory free for new processes at the start",
        "parent",
        available_memory_bytes,
    ),
    Entry(
        "memory_limit_bytes", "bytes", "Memory a container may use", "parent", memory_limit_bytes
    ),
    Entry(
        "load_average",
        "",
        "Processes that ran or waited to run, mean of the minute before the start",
        "parent",
        lambda: psutil.getloadavg()[0],
    ),
    Entry("cpu_steal_s", "s", "Processor time given to other guests since boot", "parent", _steal),
    Entry("variables", "", "Environment variables that change TensorFlow", "parent", _variables),
    Entry("onednn", "", "oneDNN kernels: on, off or TensorFlow's default", "parent", _onednn),
    Entry("devices", "", "Devices that TensorFlow sees", "worker", _devices),
    Entry("keras_backend", "", "Keras backend", "worker", _keras_backend),
    Entry(
        "threads_intra_op",
        "",
        "Threads within an op; 0 leaves it to TensorFlow",
        "worker",
        lambda: _threads("intra"),
    ),
    Entry(
        "threads_inter_op",
        "",
        "Threads between ops; 0 leaves it to TensorFlow",
        "worker",
        lambda: _threads("inter"),
    ),
    Entry("gc_enabled", "", "Python's garbage collector runs", "worker", gc.isenabled),
    Entry(
        "gc_thresholds",
        "",
        "Allocations that start a collection, by generation",
        "worker",
        lambda: list(gc.get_threshold()),
    ),
    Entry("interpreter", "", "Python executable of the workers", "worker", lambda: sys.executable),
)


def main() -> None:
    """Print what only a process with TensorFlow knows, as JSON on the last line of stdout."""
    print(json.dumps(collect("worker")))


if __name__ == "__main__":
    main()
