"""What an edit is told, and what it gives."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from graphprof.analysis.findings.base import Finding
from graphprof.analysis.findings.edits.source import Change, Source
from graphprof.analysis.findings.evidence import Evidence
from graphprof.analysis.programs.recording import Recording


@dataclass(frozen=True)
class Edit:
    """One change of one file.

    Attributes:
        file: the file, as the recording names it.
        changes: what becomes what.
        sentence: what it does, as an order: ``Pass beta as a tensor``.
        alters: what else it alters by design (other batches, other printed lines), or empty where
            the results stay the same up to rounding.
    """

    file: str
    changes: tuple[Change, ...]
    sentence: str
    alters: str = ""


class Files:
    """The user's files, as far as they still are what was run.

    Args:
        recording: it knows the hash of each file that was loaded.
    """

    def __init__(self, recording: Recording) -> None:
        self._hashes: dict[str, str | None] = dict(recording.raw.get("files") or {})
        self._sources: dict[str, Source | None] = {}
        self.changed: set[str] = set()

    def open(self, file: str) -> Source | None:
        """The source of ``file``; None when it has changed since, is gone, or was not recorded."""
        if file not in self._sources:
            self._sources[file] = self._read(file)
        return self._sources[file]

    def _read(self, file: str) -> Source | None:
        recorded = self._hashes.get(file)
        if file not in self._hashes:
            return None
        try:
            data = Path(file).read_bytes()
        except OSError:
            return None
        if recorded is None or hashlib.sha256(data).hexdigest() != recorded:
            self.changed.add(file)
            return None
        try:
            return Source(data.decode())
        except (SyntaxError, ValueError):  # another encoding, or no Python at all
            return None


@dataclass(frozen=True)
class Subject:
    """The finding to make an edit for, with all that was recorded."""

    finding: Finding
    evidence: Evidence
    files: Files

    def here(self) -> tuple[str, int, Source] | None:
        """File and line of the finding with the file's source, where there is one."""
        where = self.finding.location
        if where is None:
            return None
        source = self.files.open(where.file)
        return None if source is None else (where.file, where.line, source)

    def at(self, site: object) -> tuple[str, int, Source] | None:
        """The same for a place of the recording, ``[file, line]`` or None."""
        if not isinstance(site, (list, tuple)) or len(site) != 2:
            return None
        source = self.files.open(str(site[0]))
        return None if source is None else (str(site[0]), int(site[1]), source)


Make = Callable[[Subject], Edit | None]
"""Makes the edit, or None where it cannot be made safely."""
