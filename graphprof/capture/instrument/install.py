"""Puts the watch in place: at once where TensorFlow or Keras is loaded, else when it gets loaded."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from graphprof.capture.instrument import private
from graphprof.capture.instrument.functions import watch_functions
from graphprof.capture.instrument.host import watch_host
from graphprof.capture.instrument.importing import AfterImport
from graphprof.capture.instrument.inputs import watch_inputs, watch_keras_inputs
from graphprof.capture.instrument.keras_loops import KerasWatch
from graphprof.capture.instrument.watch import Watch


def install(watch: Watch, ready: Callable[[], None]) -> None:
    """Hook TensorFlow and Keras as they are imported.

    Args:
        watch: what is recorded.
        ready: called when TensorFlow has been hooked.
    """
    open_imports: list[str] = []

    def around(package: str) -> Callable[[], None]:
        token = watch.tree.enter("import", package)
        outermost = not open_imports
        open_imports.append(package)

        def end() -> None:
            open_imports.remove(package)
            seconds = watch.tree.leave(token)
            if outermost:
                watch.imports_s += seconds
                watch.imports_end_s = watch.tree.now_s()

        return end

    def tensorflow() -> None:
        _patch(
            watch,
            private.TENSORFLOW,
            watch_functions(watch) | watch_host(watch) | watch_inputs(watch),
        )
        ready()

    def keras() -> None:
        backend = sys.modules["keras"].backend.backend()
        if backend != "tensorflow":
            watch.note(
                f"Keras runs on {backend}: its loops, layers and optimizers were not watched."
            )
            return
        wrappers = KerasWatch(watch).wrappers() | watch_keras_inputs(watch)
        _patch(watch, private.KERAS, wrappers)

    def legacy() -> None:
        watch.note("tf_keras (Keras 2) is used: its fit and predict are seen as tf.functions only.")

    actions = {"tensorflow": tensorflow, "keras": keras, "tf_keras": legacy}
    for package, action in actions.items():
        if package in sys.modules:
            action()
    sys.meta_path.insert(0, AfterImport(actions, around))


def _patch(watch: Watch, points: dict[str, private.Point], wrappers: dict[str, Any]) -> None:
    for name, point in points.items():
        lost = private.patch(point, wrappers[name])
        if lost is not None:
            watch.lost.append(lost)
