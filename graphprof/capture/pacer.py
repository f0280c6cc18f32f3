"""The pacer: the one clock of a worker, between a mode's loop and the controller.

A mode's loop calls ``start()`` when its first call is about to begin and ``tick()`` after each call.
Between the two lies what is timed, end to end: the next batch, the step, and whatever the loop
itself does. ``tick`` may block for as long as the controller pleases (other modes are measured
meanwhile); the clock stands still then, and the next call begins as ``tick`` returns.
"""

from __future__ import annotations

from typing import Any, Protocol


class Pacer(Protocol):
    """What a mode's loop sees of the measuring (the worker implements it; tests use a fake)."""

    def start(self) -> None:
        """The first call begins now.

        Called again between two calls when the loop itself had to begin anew: what lay between the
        last ``tick`` and this is no part of a call.
        """

    def tick(self, outputs: Any = None, *, anew: bool = False, inputs: Any = None) -> bool:
        """A call has ended; the next one begins as this returns.

        Args:
            outputs: tensors of the call that must have been computed before the clock is read
                (the loss; where a device works asynchronously they are waited for).
            anew: the loop begins anew: the next call begins with ``start``, not as this returns.
            inputs: the call's batch, where the loop knows it: says for what XLA compiled again.

        Returns:
            False when the loop must end now.
        """
        ...
