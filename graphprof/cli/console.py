"""The console that verbs print on."""

from __future__ import annotations

from rich.console import Console


class Output(Console):
    """A console that tells of a closed pipe; rich would end with exit code 1, which is taken."""

    def on_broken_pipe(self) -> None:
        """Raise a ``BrokenPipeError``, as every other stream does."""
        raise BrokenPipeError
