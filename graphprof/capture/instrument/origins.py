"""Which line of the user's code makes a graph op, through AutoGraph's generated code."""

from __future__ import annotations

import sys
from types import FrameType

from graphprof.capture.instrument import private, sites
from graphprof.capture.instrument.sites import Site

_LONGEST_CHAIN = 4


def origin(skip: int = 2) -> tuple[Site | None, bool, tuple[Site, ...]]:
    """Where in the user's code we are while a graph is built.

    Args:
        skip: frames to pass over before looking, this function's own included.

    Returns:
        The innermost line of the user's code; whether it called TensorFlow itself (not through
        Keras); and the user's lines from there outwards, at most four.
    """
    frame: FrameType | None = sys._getframe(skip - 1)
    direct = True
    found: list[Site] = []
    while frame is not None and len(found) < _LONGEST_CHAIN:
        filename = frame.f_code.co_filename
        if "__autograph_generated_file" in filename:
            site = private.autograph_origin(filename, frame.f_lineno)
            if site is not None and sites.is_user_file(site[0]):
                found.append(site)
        elif sites.is_user_file(filename):
            found.append((filename, frame.f_lineno))
        elif not found and "/keras/" in filename.replace("\\", "/"):
            direct = False
        frame = frame.f_back
    return (found[0] if found else None), direct, tuple(found)
