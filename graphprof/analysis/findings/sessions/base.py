"""What a rule about a profile session is, and how its findings are made.

A watched program is judged by the seconds it would save; a session knows more: every mode was
measured, and so was the ratio between them. A rule here looks at ``SessionEvidence`` and proposes
findings with the gain itself.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from graphprof import trials
from graphprof.analysis.findings import base
from graphprof.analysis.findings.base import Finding, Gain, Location, Number
from graphprof.trials import Interval, Trial

REPEAT = 1.1
"""Ratios of two modes differ by 2.5 to 5.4 % (standard deviation) from session to session on shared
virtual machines; 95 % of them by no more than this factor."""


@dataclass(frozen=True)
class Proposal:
    """A finding before ranking.

    Attributes:
        cause: id of the taxonomy.
        mode: the mode that it is about.
        sentence: what is the matter, plainly.
        evidence: the numbers behind it.
        gain: time of the mode's step now over that after the change, with the interval of the
            estimate, or of the measured ratio.
        confidence: 0 to 1.
        change: the exact edit or flag.
        refuted_by: the observation that would show it to be wrong.
        details: one line each.
        trial: how the change can be tried.
        of: what the gain is a ratio of.
        measured: the gain is that of a mode measured in this session, not an estimate.
        note: it only says what bounds the mode; never above minor.
        supersedes: causes that this one explains, of the same mode.
        location: the line to look at, where it is about one.
    """

    cause: str
    mode: str
    sentence: str
    evidence: tuple[Number, ...]
    gain: Interval
    confidence: float
    change: str
    refuted_by: str
    details: tuple[str, ...] = ()
    trial: Trial | None = None
    of: Literal["step", "example", "epoch"] = "step"
    measured: bool = False
    note: bool = False
    supersedes: tuple[str, ...] = ()
    location: Location | None = None

    @property
    def key(self) -> str:
        """What the finding is found again by."""
        return trials.key(self.cause, self.mode)

    @property
    def expected(self) -> Gain:
        """The gain to expect when the change is measured anew, in other processes at another time.

        A ratio measured here has its own error, and a new one has an error like it: on the log scale
        they add in squares. An estimate meets a measurement whose sessions differ by ``REPEAT``.
        """
        gain = self.gain
        low, high = gain.low / REPEAT, min(gain.high, base.MOST_BEYOND * gain.value) * REPEAT
        if self.measured:
            low, high = (
                gain.value * (end / gain.value) ** math.sqrt(2) for end in (gain.low, gain.high)
            )
        if self.note and gain.high <= 1:
            low, high = gain.low, gain.high
        return Gain(gain.value, low, high, self.of, self.measured)

    def finding(self) -> Finding:
        """The finding."""
        return Finding(
            cause=self.cause,
            severity="minor" if self.note else severity(self.gain.value),
            sentence=self.sentence,
            location=self.location,
            evidence=self.evidence,
            expected_gain=self.expected,
            confidence=self.confidence,
            change=self.change,
            refuted_by=self.refuted_by,
            details=self.details,
            key=self.key,
            trial=self.trial,
            mode=self.mode,
        )


def severity(gain: float) -> base.Severity:
    """How loud a finding is that makes a step so many times faster."""
    if gain >= base.MAJOR:
        return "major"
    return "moderate" if gain >= base.MODERATE else "minor"
