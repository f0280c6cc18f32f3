"""What a process has used: memory, as far as the system says."""

from __future__ import annotations

import os
import sys

import psutil


def rss_bytes(pid: int | None = None) -> int | None:
    """Resident set size of a process (this one by default), or None when it cannot be told."""
    try:
        return int(psutil.Process(pid or os.getpid()).memory_info().rss)
    except psutil.Error:
        return None


def peak_rss_bytes() -> int | None:
    """Largest resident set size of this process so far, or None where the system does not say."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Kilobytes on Linux, bytes on macOS (getrusage(2) of each).
    return peak if sys.platform == "darwin" else peak * 1024
