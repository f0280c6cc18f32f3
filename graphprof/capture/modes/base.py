"""What a mode is.

A mode is a way to run the same workload. To add one: one file in this folder with a subclass of
``Mode``, one line in ``registry.py`` (or an entry point in the group ``graphprof.modes``).
"""

from __future__ import annotations

import abc
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from graphprof.session import Phase

if TYPE_CHECKING:
    from graphprof.capture.pacer import Pacer
    from graphprof.capture.workload import Workload


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

    Class attributes:
        name: as typed by the user; a mode with a parameter is asked for as ``name=value``.
        title: what people read.
        summary: one sentence for ``graphprof modes``.
        phases: the phases it exists in.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    summary: ClassVar[str]
    phases: ClassVar[tuple[Phase, ...]] = ("train", "evaluate", "predict")

    def why_unavailable(self, workload: Workload) -> str | None:
        """One sentence saying why this workload cannot run in this mode here, or None."""
        return None

    @abc.abstractmethod
    def prepare(self, workload: Workload) -> Loop:
        """Build what runs. No call is made yet: building and compiling fall into the first call."""
