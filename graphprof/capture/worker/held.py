"""What a worker's process holds in memory, told after its trace: variables, and devices' own accounts."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from graphprof.capture import protocol
from graphprof.capture.worker.pacing import Task
from graphprof.trace.memory_file import DeviceMemory, Held, Role, Told


def told(
    trace: Callable[[protocol.RecordTrace], Task], workload: Any
) -> Callable[[protocol.RecordTrace], Task]:
    """Wrap the maker of trace tasks: their replies tell what is held in memory as well.

    Args:
        trace: makes the task that records a trace.
        workload: a ``graphprof.capture.workloads.workload.Workload``.
    """

    def task(request: protocol.RecordTrace) -> Task:
        import tensorflow as tf

        accounts = Accounts(tf.config)
        reply = yield from trace(request)
        if isinstance(reply, protocol.Traced):
            reply = replace(reply, told=Told(variables(workload), accounts.close()))
        return reply

    return task


class Accounts:
    """Devices' own accounts of their memory, opened now: what is in use, and the most at once.

    Args:
        config: ``tf.config``.
    """

    def __init__(self, config: Any) -> None:
        self._config = config
        self._opened: dict[str, tuple[int, bool]] = {}
        for device in config.list_logical_devices():
            name = f"{device.device_type}:{device.name.rpartition(':')[2]}"
            found = self._info(name)
            if found is not None:
                self._opened[name] = (int(found["current"]), self._reset(name))

    def close(self) -> tuple[DeviceMemory, ...]:
        """What has happened since; devices that keep no account are left out."""
        told = []
        for name, (before, reset) in self._opened.items():
            found = self._info(name)
            if found is not None:
                after, peak = int(found["current"]), int(found["peak"])
                told.append(DeviceMemory(name, before, peak, after, reset))
        return tuple(told)

    def _info(self, device: str) -> Any | None:
        # A CPU without oneDNN's allocator keeps no account (ValueError); others name no such device.
        try:
            return self._config.experimental.get_memory_info(device)
        except (ValueError, RuntimeError):
            return None

    def _reset(self, device: str) -> bool:
        try:
            self._config.experimental.reset_memory_stats(device)
        except (ValueError, RuntimeError):
            return False
        return True


def variables(workload: Any) -> tuple[Held, ...] | None:
    """The variables of a workload and of its optimizer; None where they have no known size."""
    optimizer = workload.optimizer
    try:
        weights = _held(workload.variables, "weights")
        state = () if optimizer is None else _held(optimizer.variables, "optimizer")
    except (AttributeError, TypeError, ValueError):
        # Variables of a plain step may be objects of the user's own.
        return None
    return (*weights, *state)


def _held(found: Iterable[Any], role: Role) -> tuple[Held, ...]:
    import tensorflow as tf

    return tuple(
        Held(
            name=str(getattr(variable, "path", None) or variable.name),
            role=role,
            size=math.prod(variable.shape) * tf.as_dtype(variable.dtype).size,
            trainable=role == "weights" and bool(getattr(variable, "trainable", False)),
        )
        for variable in found
    )
