"""The command line: one file a verb; a verb parses, calls and prints, and does nothing else."""

from __future__ import annotations

from graphprof.cli.main import main

__all__ = ["main"]
