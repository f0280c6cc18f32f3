"""Everything graphprof raises on purpose.

One small tree. Each error says what happened and where, and ends with what to do about it (the
cure); each class has an exit code, documented in ``docs/exit-codes.md``. The command line catches
``GraphprofError`` once, in ``graphprof.cli.main``.
"""

from __future__ import annotations


class GraphprofError(Exception):
    """Base of all errors that graphprof raises on purpose.

    Args:
        message: what happened and where, one sentence, no trailing full stop.
        cure: what the reader can do about it, one sentence, no trailing full stop; or a question.
    """

    exit_code = 3

    def __init__(self, message: str, cure: str) -> None:
        super().__init__(message, cure)
        self.message = message
        self.cure = cure

    def __str__(self) -> str:
        return f"{self.message}. {self.cure}{'' if self.cure.endswith('?') else '.'}"


class UsageError(GraphprofError):
    """The command or call cannot be understood: unknown mode, bad option, no such target."""

    exit_code = 2


class WorkloadError(GraphprofError):
    """The user's model, data or factory failed, or do not fit together."""

    exit_code = 5


class StorageError(GraphprofError):
    """A folder or file cannot be read or written: permissions, a full disk."""

    exit_code = 6


class TraceError(GraphprofError):
    """A recorded trace is missing, damaged or empty."""

    exit_code = 7


class SessionError(GraphprofError):
    """A session folder is missing, empty, damaged or from a newer version."""

    exit_code = 8
