"""What a profile run tells about itself while it works."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Hears what is happening; the command line shows it, tests collect it."""

    def doing(self, mode: str | None, what: str) -> None:
        """Something has begun: ``what``, of ``mode`` or of the whole session (None)."""

    def measuring(self, round_number: int, left_s: float) -> None:
        """Round ``round_number`` begins, and about ``left_s`` seconds of measuring are left."""

    def problem(self, mode: str | None, what: str) -> None:
        """Something went wrong that a reader must know now."""


class Silent:
    """Tells nothing."""

    def doing(self, mode: str | None, what: str) -> None:
        """Pass over it."""

    def measuring(self, round_number: int, left_s: float) -> None:
        """Pass over it."""

    def problem(self, mode: str | None, what: str) -> None:
        """Pass over it."""
