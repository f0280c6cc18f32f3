"""Whether two programs print the same: their lines and numbers compared, timings left out.

A program prints what it has computed, and how long it took. What differs between two runs of the
*same* program (times, progress bars, unseeded results) tells nothing and is left out; what all of
them agree on must be the same after a change, numbers up to rounding.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Parity = Literal["passed", "failed", "unknown"]

ROUNDING = 1e-3
"""Largest relative difference of printed numbers that rounding explains after some training steps."""
OTHER = 0.1
"""From this relative difference on, results are others; between the two it cannot be told."""

_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x08+")
_TIME = re.compile(
    r"[-+]?\d[\d.,]*(e[-+]?\d+)?\s*(h|min|minutes?|s|secs?|seconds?|ms|msec|us|µs|μs|ns)(/\w+)?\b"
)
_RATE = re.compile(
    r"[-+]?\d[\d.,]*\s*(it|steps?|examples?|samples?|images?|rows?)\s*(/|per )\s*s\w*"
)
_CLOCK = re.compile(r"\b\d{1,2}:\d{2}(:\d{2})?([.,]\d+)?\b")
_BAR = re.compile(r"[━─╸╺█▏▎▍▌▋▊▉=>.\s]{6,}")
_FLOAT = re.compile(
    r"(?<![\w.])[-+]?(?:\d+\.\d*(?:e[-+]?\d+)?|\.\d+(?:e[-+]?\d+)?|\d+e[-+]?\d+|nan|inf)(?![\w])",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Printed:
    """One line: its text with ``#`` for each number with a fraction, and those numbers as text."""

    words: str
    numbers: tuple[str, ...]


def lines_of(text: str) -> tuple[Printed, ...]:
    """What a program printed, line by line, without times, bars and what was overwritten."""
    found = []
    for raw in text.split("\n"):
        shown = _CONTROL.sub("", raw.rstrip("\r").rpartition("\r")[2])
        plain = _BAR.sub(" ", _CLOCK.sub("@", _RATE.sub("@", _TIME.sub("@", shown))))
        words = " ".join(_FLOAT.sub("#", plain).split())
        if words and words != "@":
            found.append(Printed(words, tuple(_FLOAT.findall(plain))))
    return tuple(found)


def same(before: Sequence[str], after: Sequence[str]) -> tuple[Parity, str]:
    """Whether a changed program computes what the program did, and why, as a sentence.

    Args:
        before: what each run without the change printed.
        after: what each run with it printed.
    """
    if not before or not after:
        return "unknown", "Nothing was printed to compare results by."
    reference = lines_of(before[0])
    stable = _stable(reference, [lines_of(text) for text in before[1:]])
    if not reference or not stable:
        return "unknown", "The program prints nothing that results could be compared by."
    worst, missing, compared = 0.0, 0, 0
    for text in after:
        other = lines_of(text)
        partner = _aligned(reference, other)
        for line, numbers in stable.items():
            if line not in partner:
                missing += 1
                continue
            twin = other[partner[line]].numbers
            for place in numbers:
                worst = max(worst, _difference(reference[line].numbers[place], twin[place]))
                compared += 1
    return _said(worst, missing, compared, alone=len(before) < 2)


def _stable(
    reference: Sequence[Printed], others: Sequence[Sequence[Printed]]
) -> dict[int, tuple[int, ...]]:
    """Lines of the reference that all runs print -> places of the numbers that they agree on."""
    kept = {number: tuple(range(len(line.numbers))) for number, line in enumerate(reference)}
    for other in others:
        partner = _aligned(reference, other)
        kept = {
            line: tuple(
                place
                for place in numbers
                if _difference(reference[line].numbers[place], other[partner[line]].numbers[place])
                <= ROUNDING
            )
            for line, numbers in kept.items()
            if line in partner
        }
    return kept


def _aligned(one: Sequence[Printed], other: Sequence[Printed]) -> dict[int, int]:
    """Line of ``one`` -> the same line of ``other``."""
    matcher = difflib.SequenceMatcher(
        None, [line.words for line in one], [line.words for line in other], autojunk=False
    )
    return {
        block.a + step: block.b + step
        for block in matcher.get_matching_blocks()
        for step in range(block.size)
    }


def _difference(one: str, other: str) -> float:
    """Relative difference of two printed numbers, beyond what their printed figures leave open."""
    if one.lower() == other.lower():
        return 0.0
    a, b = float(one), float(other)
    gap = abs(a - b)
    if not gap < float("inf"):  # nan or inf on one side only
        return float("inf")
    open_figures = max(_last_figure(one), _last_figure(other))
    return max(0.0, gap - open_figures) / max(abs(a), abs(b))


def _last_figure(number: str) -> float:
    """What one step of a printed number's last figure is worth: 0.01 of ``1.23``."""
    mantissa, _, exponent = number.lower().partition("e")
    return float(10.0 ** (int(exponent or 0) - len(mantissa.partition(".")[2])))


def _said(worst: float, missing: int, compared: int, alone: bool) -> tuple[Parity, str]:
    if worst > OTHER and not alone:
        return "failed", f"A printed result differs by {100 * worst:.0f} %."
    if worst > ROUNDING:
        return "unknown", (
            f"Printed results differ by up to {100 * worst:.2g} %: more than rounding, less than "
            "another result; look at them."
        )
    if missing:
        return "unknown", "It prints other lines than before; the numbers that remain are equal."
    if not compared:
        return "unknown", "It prints the same, but no number that results could be compared by."
    return "passed", f"{compared} printed results are equal up to rounding."
