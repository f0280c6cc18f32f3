"""Turns an exception of the user's code into one clear error: what, where, what to do.

Exceptions of Keras and TensorFlow run over pages and point into their own sources. What helps is
the last line of the user's own files that the traceback passes through, and the first sentence of
the message that says something.
"""

from __future__ import annotations

import re
import site
import sysconfig
import traceback
from pathlib import Path

from graphprof.errors import GraphprofError, WorkloadError

_OWN = Path(__file__).resolve().parents[1]
_LIBRARIES = tuple(
    {
        str(Path(path).resolve())
        for path in (
            sysconfig.get_paths()["stdlib"],
            sysconfig.get_paths()["purelib"],
            sysconfig.get_paths()["platlib"],
            *site.getsitepackages(),
        )
    }
)
_MESSAGE_LENGTH = 300


def blame(error: BaseException, doing: str, cure: str | None = None) -> GraphprofError:
    """What to raise for ``error``: a ``WorkloadError`` that points into the user's code.

    Args:
        error: what was raised while ``doing``; errors of our own are returned as they are.
        doing: the subject of the sentence, as ``Factory build()``.
        cure: what to do; None asks the reader to correct the line that failed.
    """
    if isinstance(error, GraphprofError):
        return error
    place = where(error)
    at = f" at {place}" if place else ""
    advice = cure or ("Correct that line and try again" if place else "Correct it and try again")
    return WorkloadError(f"{doing} failed{at}: {type(error).__name__}: {summary(error)}", advice)


def where(error: BaseException) -> str | None:
    """``file:line in function`` of the last frame in the user's own code, or None."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}"
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if is_users(frame.filename):
            return f"{frame.filename}:{frame.lineno} in {frame.name}"
    return None


def is_users(filename: str) -> bool:
    """Whether a source file is neither Python's, nor an installed package's, nor ours."""
    if filename.startswith("<"):
        return False
    path = str(Path(filename).resolve())
    if not Path(path).exists():  # a line of a compiled library's source, as numpy/random/mtrand.pyx
        return False
    # AutoGraph writes the user's functions to temporary files; the line there means nothing.
    if "__autograph_generated_file" in path:
        return False
    return not path.startswith((str(_OWN), *_LIBRARIES))


def summary(error: BaseException) -> str:
    """The part of the message that says something, on one line, without a full stop."""
    lines = [line.strip() for line in str(error).splitlines()]
    # Errors out of a compiled function begin with the graph's node and end with the reason.
    chosen = next((line for line in lines if _says_something(line)), "")
    text = re.sub(r"\s+", " ", chosen or " ".join(lines)).strip()
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    # An op run from Python names its wrapper in front and itself behind.
    text = re.sub(r"\{\{\w+ [^}]*\}\} ?| ?\[Op:\w+\].*$", "", text)
    if len(text) > _MESSAGE_LENGTH:
        text = text[: _MESSAGE_LENGTH - 1] + "…"
    return text.rstrip(" .:") or "no message"


def _says_something(line: str) -> bool:
    boilerplate = (
        "Graph execution error",
        "Detected at node",
        "Exception encountered when calling",
        "in user code:",
        'File "',
        "Traceback",
        "<stack traces unavailable>",
    )
    return bool(line) and not line.startswith(boilerplate)
