"""What a kind of trial is told, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from graphprof.capture.controller.progress import Progress
from graphprof.capture.controller.stop import Stop
from graphprof.session import Session
from graphprof.trials import Interval, Outcome, Trial


@dataclass(frozen=True)
class Request:
    """One change to try.

    Attributes:
        session: the session that the finding is about.
        trial: how to make the change.
        predicted: the gain that the finding promises.
        budget_s: seconds that may be spent; at least one pair of runs is made whatever it says.
        progress: hears what is being done.
        stop: whether the user has asked to finish early.
    """

    session: Session
    trial: Trial
    predicted: Interval | None
    budget_s: float
    progress: Progress
    stop: Stop


Run = Callable[[Request], Outcome]
