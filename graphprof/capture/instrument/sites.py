"""Which line of the user's code is running: the innermost frame that is neither library nor ours."""

from __future__ import annotations

import os
import sys
import sysconfig
from types import FrameType

Site = tuple[str, int]
"""File and line."""

_LIBRARY_ROOTS = tuple(
    os.path.realpath(path) + os.sep
    for name, path in sysconfig.get_paths().items()
    if name in ("stdlib", "platstdlib", "purelib", "platlib")
)
_OURS = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", "..")) + os.sep
_AUTOGRAPH = "__autograph_generated_file"
# Frames of their own before Python 3.12, and functions in nobody's eyes.
_COMPREHENSIONS = frozenset({"<listcomp>", "<dictcomp>", "<setcomp>", "<genexpr>"})

_is_user: dict[str, bool] = {}


def is_user_file(filename: str) -> bool:
    """Whether ``filename`` is the user's own code: not the standard library, an installed package,
    generated code, or graphprof itself.
    """
    known = _is_user.get(filename)
    if known is None:
        known = _is_user[filename] = _judge(filename)
    return known


def _judge(filename: str) -> bool:
    if filename.startswith("<") or _AUTOGRAPH in filename:
        return False
    path = os.path.realpath(filename)
    if path.startswith(_OURS) or f"{os.sep}site-packages{os.sep}" in path:
        return False
    if f"{os.sep}dist-packages{os.sep}" in path:
        return False
    return not path.startswith(_LIBRARY_ROOTS)


def here(skip: int = 1) -> Site | None:
    """The innermost frame of the user's code, or None when there is none.

    Args:
        skip: frames to pass over before looking, the caller's own included.
    """
    frame = user_frame(skip + 1)
    return None if frame is None else (frame.f_code.co_filename, frame.f_lineno)


def user_frame(skip: int = 1) -> FrameType | None:
    """The innermost frame that runs the user's code, or None."""
    frame: FrameType | None = sys._getframe(skip)
    while frame is not None:
        filename = frame.f_code.co_filename
        known = _is_user.get(filename)
        if known is None:
            known = is_user_file(filename)
        if known:
            return frame
        frame = frame.f_back
    return None


def function_around(frame: FrameType) -> FrameType:
    """The frame of the function that a comprehension stands in; any other frame is its own."""
    while frame.f_code.co_name in _COMPREHENSIONS and frame.f_back is not None:
        if frame.f_back.f_code.co_filename != frame.f_code.co_filename:
            break
        frame = frame.f_back
    return frame


def chain(skip: int = 1, limit: int = 12) -> tuple[Site, ...]:
    """All frames of the user's code, innermost first, at most ``limit``."""
    found: list[Site] = []
    frame: FrameType | None = sys._getframe(skip)
    while frame is not None and len(found) < limit:
        if is_user_file(frame.f_code.co_filename):
            found.append((frame.f_code.co_filename, frame.f_lineno))
        frame = frame.f_back
    return tuple(found)
