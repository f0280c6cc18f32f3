"""What a finding is, and what a rule is.

A rule looks at the evidence and returns findings: a cause of the taxonomy, a sentence, the line, the
numbers it rests on with their source, what the program would gain, the change to make, and what would
refute it. A rule that cannot prove its cause returns nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, Literal, TypeVar

from graphprof.analysis.programs.recording import Line
from graphprof.trials import Trial, Tried

Severity = Literal["major", "moderate", "minor"]

MAJOR = 1.5
MODERATE = 1.15
WORTH_SAYING = 1.03
"""Expected gains (time now / time after) from which a finding is major, moderate, said at all."""
LEAST_SAVED_S = 0.3
"""Who would save less than this has nothing to gain, whatever the ratio: minor."""


@dataclass(frozen=True)
class Link:
    """Where a number can be looked at.

    Attributes:
        view: id of a view of the dashboard, as ``timeline``.
        mode: which mode to show there, or None.
        find: what to light up there: the name of an op or a layer, or None.
    """

    view: str
    mode: str | None = None
    find: str | None = None


@dataclass(frozen=True)
class Number:
    """One number that a finding rests on.

    Attributes:
        what: what it is, a noun.
        value: the number, in the unit given.
        unit: ``s``, ``share``, ``count``, ``bytes`` or ``ratio``.
        source: ``watch`` (counted while the program ran, all of it), ``trace`` (the windows, or a
            mode's traced steps), ``steps`` (timed with no profiler attached) or ``workload`` (what
            is run, as recorded).
        link: where it can be looked at, or None.
    """

    what: str
    value: float
    unit: Literal["s", "share", "count", "bytes", "ratio"]
    source: Literal["watch", "trace", "steps", "workload"] = "watch"
    link: Link | None = None


@dataclass(frozen=True)
class Gain:
    """How many times shorter the program's time would get; 1 is no gain.

    Attributes:
        value: the estimate.
        low: what is sure.
        high: what Amdahl allows.
        of: ``work``: of the main work (imports excluded) as long as this run was; ``steady``: of
            the part that repeats, which is all of it in a long run (first buildings excluded);
            ``step``: of a step of a mode; ``example``: of a step per example in its batch;
            ``epoch``: of a run of one epoch, first call included.
        measured: both sides were timed side by side already; else it is an estimate.
    """

    value: float
    low: float
    high: float
    of: Literal["work", "steady", "step", "example", "epoch"] = "work"
    measured: bool = False


@dataclass(frozen=True)
class Location:
    """Where in the user's code."""

    file: str
    line: int
    code: str = ""


@dataclass(frozen=True)
class Finding:
    """One thing worth changing, most important first in a report.

    Attributes:
        cause: id of the taxonomy.
        severity: by the expected gain.
        sentence: what is the matter, plainly.
        location: the line to look at, or None.
        evidence: the numbers behind it.
        expected_gain: of the program's main work (imports excluded).
        confidence: 0 to 1: how sure the rule is of the cause.
        change: the exact edit, or what to do where there is no single edit.
        refuted_by: the observation that would show it to be wrong.
        details: one line each: the differing arguments, the calls ...
        key: what the finding is found again by when the report is derived anew.
        trial: how ``graphprof verify`` can try the change; None where it cannot.
        verified: what trying the change showed; None until somebody tried.
        mode: the mode that it is about; None in a watched program.
    """

    cause: str
    severity: Severity
    sentence: str
    location: Location | None
    evidence: tuple[Number, ...]
    expected_gain: Gain
    confidence: float
    change: str
    refuted_by: str
    details: tuple[str, ...] = ()
    key: str = ""
    trial: Trial | None = None
    verified: Tried | None = None
    mode: str | None = None


@dataclass(frozen=True)
class Draft:
    """A finding before ranking: seconds to be saved instead of a gain.

    Attributes:
        saved_s: seconds of main work that the change would save.
        surely_s: at least so many.
        at_most_s: at most so many.
        once: the time is lost while building and compiling, so that a longer run would not lose
            more of it in proportion; else it is lost in what repeats.
        note: it only says what bounds a healthy program; never above minor.
        supersedes: causes that this one explains; their drafts on the same time are dropped.
    """

    cause: str
    sentence: str
    line: Line | None
    evidence: tuple[Number, ...]
    saved_s: float
    surely_s: float
    at_most_s: float
    confidence: float
    change: str
    refuted_by: str
    details: tuple[str, ...] = ()
    once: bool = False
    note: bool = False
    supersedes: tuple[str, ...] = field(default=())


Judged = TypeVar("Judged")
Found = TypeVar("Found")


@dataclass(frozen=True)
class Rule(Generic[Judged, Found]):
    """One rule.

    Attributes:
        causes: the ids it can emit.
        proof: what proves it, one sentence (docs/findings.md is held against these).
        refutation: what refutes it, one sentence.
        find: evidence -> what is found in it: drafts about a watched program, proposals about a
            profile session.
    """

    causes: tuple[str, ...]
    proof: str
    refutation: str
    find: Callable[[Judged], list[Found]]


MOST_BEYOND = 3.0
"""An estimated gain is at most so many times what was estimated: a third of the time that the estimate
leaves remains. Without it, a cause of nearly all the time would promise any gain at all."""


def gain(draft: Draft, work_s: float, steady_s: float) -> Gain:
    """The ratio of times before and after the change, with its interval.

    Args:
        draft: what would be saved.
        work_s: the main work.
        steady_s: the part of it that repeats.
    """
    base = work_s if draft.once else steady_s
    low, value, high = sorted(
        (_ratio(work_s, draft.surely_s), _ratio(base, draft.saved_s), _ratio(base, draft.at_most_s))
    )
    high = min(high, MOST_BEYOND * value)
    return Gain(value=value, low=low, high=high, of="work" if draft.once else "steady")


def _ratio(base_s: float, saved_s: float) -> float:
    """Amdahl: nothing saves more than what there is."""
    return base_s / max(base_s - min(max(saved_s, 0.0), 0.98 * base_s), 1e-9)


def severity(value: float, saved_s: float) -> Severity:
    """How loud a finding is that makes the program so many times faster and saves so much."""
    if saved_s < LEAST_SAVED_S:
        return "minor"
    if value >= MAJOR:
        return "major"
    return "moderate" if value >= MODERATE else "minor"
