"""At the end of a watched program: choose what is worth replaying, and write it down.

Runs in the program's own process, after its last line. What cannot be recovered is said with its
reason, and never disturbs how the program ends.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from graphprof.capture.instrument.spans import Node
from graphprof.capture.instrument.watch import Watch
from graphprof.capture.replay.candidates import MOST_BATCHES, MOST_BYTES, Candidate
from graphprof.session import write_atomically

PICKLE_FILE = "workload.pkl"
READING_S = 10.0
"""Longest time that a pipeline may take to yield its first batches once more."""

WORTH_SHARE = 0.25
"""What takes less of the time of the longest candidate says little about the program."""

_UNCOPIED = (
    "Keep what cannot be copied (files, sockets, iterators, handles) out of the model and its step, "
    "or write a factory that builds them: graphprof profile models.py:build"
)
_OWN_LOOP = (
    "Put one step in a function, decorate it with @tf.function and call it in the loop: then it can "
    "be run again"
)


def save(watch: Watch, folder: Path) -> dict[str, Any] | None:
    """Write the program's main work to ``folder``.

    Returns:
        What was saved, or why nothing was (``docs/watch-format.md``, ``replay``); None when nothing
        was asked for.
    """
    candidates = watch.replays
    if not candidates.wanted or "tensorflow" not in sys.modules:
        return None
    by_time = sorted(
        ((_seconds(watch.tree.root, one), one) for one in candidates.found.values()),
        key=lambda pair: -pair[0],
    )
    if not by_time:
        return _impossible(*_nothing_seen(watch))
    failed: dict[str, Any] | None = None
    for seconds, candidate in by_time[:2]:
        if seconds < WORTH_SHARE * by_time[0][0]:
            break
        with watch.aside():
            saved = _try(candidate, folder)
        saved["seconds"] = seconds
        if "why_not" not in saved:
            saved["instead_of"] = failed
            return saved
        failed = failed or saved
    return failed


def _nothing_seen(watch: Watch) -> tuple[str, str]:
    ops, functions = 0, 0
    waiting = [watch.tree.root]
    while waiting:
        node = waiting.pop()
        ops += sum(int(entry[0]) for name, entry in node.ops.items() if not name.startswith("<"))
        functions += node.kind in ("call", "call_eagerly")
        waiting.extend(node.children.values())
    if ops > 100 and not functions:
        return "its loop is written by hand and runs op by op: no step could be called again", (
            _OWN_LOOP
        )
    return "it called neither fit, evaluate or predict nor a tf.function on its main thread", (
        _OWN_LOOP
    )


def _seconds(root: Node, candidate: Candidate) -> float:
    """Time spent in the calls that the candidate stands for."""
    kinds = ("call", "call_eagerly") if candidate.method == "function" else ("keras",)
    name = candidate.name if candidate.method == "function" else candidate.method
    total = 0.0
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if node.kind in kinds and node.name == name and node.site == candidate.site:
            total += node.total_s
        else:
            waiting.extend(node.children.values())
    return total


def _try(candidate: Candidate, folder: Path) -> dict[str, Any]:
    about: dict[str, Any] = {
        "method": candidate.method,
        "name": candidate.name,
        "site": None if candidate.site is None else list(candidate.site),
        "phase": candidate.phase,
    }
    if candidate.why_not:
        return about | _impossible(candidate.why_not, "Profile the model with its own data instead")
    try:
        kept = _kept(candidate)
        about.update(data=kept["origin"], batch_size=kept["batch_size"], notes=kept["notes"])
        from graphprof.capture.replay import pickling

        data = pickle.dumps(_surroundings()) + pickling.dumps(kept)
        write_atomically(folder / PICKLE_FILE, data)
        return about | {"bytes": len(data), "folder": folder.name}
    except _NotRead as error:
        return about | _impossible(str(error), "Replay with arrays, or profile a factory")
    except Exception as error:  # whatever the user's objects raise when they are pickled
        return about | _impossible(*_explained(error, candidate))


def _impossible(why: str, cure: str) -> dict[str, Any]:
    return {"why_not": why, "cure": cure}


def _explained(error: Exception, candidate: Candidate) -> tuple[str, str]:
    what = f"the {'step' if candidate.method == 'function' else 'model'} {candidate.name}"
    text = " ".join(str(error).split())[:200] or type(error).__name__
    if isinstance(error, (pickle.PicklingError, TypeError, AttributeError)):
        return f"{what} cannot be carried into another process: {text}", _UNCOPIED
    return (
        f"{what} could not be saved: {text}",
        "Write a factory: graphprof profile models.py:build",
    )


class _NotRead(Exception):  # noqa: N818 a reason, told to the user
    """The data could not be read once more."""


def _kept(candidate: Candidate) -> dict[str, Any]:
    """What the workers are given (``loading.load``)."""
    import keras

    kept: dict[str, Any] = {
        "method": candidate.method,
        "name": candidate.name,
        "form": candidate.form,
        "batch_size": candidate.batch_size if candidate.form == "arrays" else None,
        "subject": candidate.subject,
        "data": candidate.data,
        "origin": "",
        "notes": [],
    }
    if candidate.form == "arrays":
        rows = len(next(leaf for leaf in keras.tree.flatten(candidate.data) if leaf is not None))
        kept["origin"] = f"the first {rows} rows of the program's arrays"
    elif candidate.form in ("dataset", "sequence"):
        kept.update(form="batches", data=_read_batches(candidate))
    elif candidate.form == "generator":
        raise _NotRead("its generator cannot be read once more")
    if kept["form"] == "batches":
        kept["origin"] = f"the first {len(kept['data'])} batches of the program's pipeline"
        kept["notes"].append("The program's input pipeline itself is not replayed.")
    if candidate.form == "arguments":
        kept["origin"] = "the arguments of the call that built it"
    return kept


def _surroundings() -> dict[str, Any]:
    """What must be set in another process before the work is loaded there."""
    import keras
    import tensorflow as tf

    threading_of = tf.config.threading
    return {
        "floatx": keras.config.floatx(),
        "policy": keras.config.dtype_policy().name,
        "inter_op": threading_of.get_inter_op_parallelism_threads(),
        "intra_op": threading_of.get_intra_op_parallelism_threads(),
        "path": [entry for entry in sys.path if entry and os.path.isdir(entry)],
    }


def _read_batches(candidate: Candidate) -> list[Any]:
    """The first batches of a pipeline, read once more in a bounded time."""
    found: list[Any] = []
    problems: list[BaseException] = []

    def read() -> None:
        try:
            found.extend(_first_batches(candidate))
        except BaseException as error:  # told below, on the main thread
            problems.append(error)

    with _muted():
        # A pipeline that waits for somebody who has gone would keep the program from ending.
        thread = threading.Thread(target=read, name="graphprof-replay", daemon=True)
        thread.start()
        thread.join(READING_S)
    if thread.is_alive():
        raise _NotRead(f"its pipeline gave no batches within {READING_S:.0f} s when read once more")
    if problems:
        raise _NotRead(f"its pipeline could not be read once more: {problems[0]}"[:300])
    if not found:
        raise _NotRead("its pipeline yields nothing when read once more")
    return found


def _first_batches(candidate: Candidate) -> Iterator[Any]:
    import keras

    if candidate.form == "sequence":
        source = (candidate.data[number] for number in range(MOST_BATCHES))
    else:
        source = iter(candidate.data)
    taken = 0
    for number, batch in enumerate(source, start=1):
        yield batch
        taken += sum(_bytes(leaf) for leaf in keras.tree.flatten(batch))
        if number == MOST_BATCHES or taken > MOST_BYTES:
            return


def _bytes(leaf: Any) -> int:
    known = getattr(leaf, "nbytes", None)
    if isinstance(known, int):
        return known
    elements = 1
    for size in getattr(leaf, "shape", ()):
        elements *= int(size or 1)
    return 8 * elements


@contextlib.contextmanager
def _muted() -> Iterator[None]:
    """Keep what the user's pipeline prints the second time out of the program's output."""
    saved = []
    for stream, number in ((sys.stdout, 1), (sys.stderr, 2)):
        with contextlib.suppress(Exception):  # closed, or replaced by the program
            stream.flush()
        with contextlib.suppress(OSError):
            saved.append((number, os.dup(number)))
    silent = os.open(os.devnull, os.O_WRONLY)
    for number, _ in saved:
        os.dup2(silent, number)
    try:
        yield
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):
                stream.flush()
        for number, copy in saved:
            os.dup2(copy, number)
            os.close(copy)
        os.close(silent)
