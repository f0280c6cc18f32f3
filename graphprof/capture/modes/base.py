"""What a mode is.

A mode is a way to run the same workload. To add one: one file in this folder with a subclass of
``Mode``, one line in ``registry.py`` (or an entry point in the group ``graphprof.modes``).
"""

from __future__ import annotations

import abc
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from graphprof.errors import UsageError
from graphprof.session import PHASES, Phase

if TYPE_CHECKING:
    from graphprof.capture.pacer import Pacer
    from graphprof.capture.workloads.workload import Workload


@dataclass(frozen=True)
class Loop:
    """A mode made ready for one workload.

    Attributes:
        run: runs calls until ``pacer.tick`` says no; called once, in the worker's main thread.
        steps_per_call: training steps in each call.
        resolved: what really runs, flat name -> JSON value (see ``docs/modes.md``).
    """

    run: Callable[[Pacer], None]
    steps_per_call: int = 1
    resolved: dict[str, Any] = field(default_factory=dict)


class Mode(abc.ABC):
    """One way to run a workload.

    Importing and making a mode imports no TensorFlow; ``why_not_here``, ``why_unavailable`` and
    ``prepare`` may.

    Attributes:
        name: as typed by the user; a mode with a parameter is asked for as ``name=value`` and
            then carries that whole text as its name.
        title: what people read.
        summary: one sentence for ``graphprof modes``.
        phases: the phases it exists in.
        parameter: what the value of ``name=value`` means, as ``N``; empty for most modes.
    """

    name: str
    title: str
    summary: str
    phases: tuple[Phase, ...] = PHASES
    parameter: str = ""

    def with_parameter(self, value: str) -> Mode:
        """The mode for ``name=value``.

        Raises:
            UsageError: the mode takes no parameter, or not this one.
        """
        raise UsageError(f"Mode {self.name} takes no value, got {value!r}", f"Write {self.name}")

    def why_not_here(self) -> str | None:
        """One sentence saying why this machine cannot run the mode with any workload, or None."""
        return None

    def why_unavailable(self, workload: Workload) -> str | None:  # noqa: ARG002
        """One sentence saying why this workload cannot run in this mode here, or None."""
        return self.why_not_here()

    @abc.abstractmethod
    def prepare(self, workload: Workload) -> Loop:
        """Build what runs. No call is made yet: building and compiling fall into the first call."""
