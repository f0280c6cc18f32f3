"""Pickles live Keras and TensorFlow objects as they are, code of the main program included.

Keras saves a model as its configuration, which needs every class registered and drops what a
subclass holds beside its layers. Here the objects themselves are written: attributes, closures,
classes of ``__main__`` (by value, through cloudpickle), with the identity of what they share. So a
hand-written step comes with the very model and optimizer that it works on. What belongs to one
process (compiled functions, locks, summary writers) is made anew.

The bytes hold code, and loading them runs it, like any pickle.
"""

from __future__ import annotations

import io
import pickle
import threading
import types
import weakref
from typing import Any

import cloudpickle
import keras
import tensorflow as tf

from graphprof.capture.instrument import private

MOST_BYTES = 512 << 20
_MADE_ANEW = ("train_function", "test_function", "predict_function", "history")
_LOCKS = {type(threading.Lock()): threading.Lock, type(threading.RLock()): threading.RLock}


class TooLargeError(Exception):
    """What is pickled grows beyond ``MOST_BYTES``."""


class _Bounded(io.BytesIO):
    def write(self, data: Any) -> int:
        if self.tell() + memoryview(data).nbytes > MOST_BYTES:
            raise TooLargeError(f"it takes more than {MOST_BYTES >> 20} MiB")
        return super().write(data)


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]
    def reducer_override(self, obj: Any) -> Any:
        kind = type(obj)
        if hasattr(obj, "graphprof_watched") and hasattr(obj, "__wrapped__"):
            return _same, (obj.__wrapped__,)  # the watch's wrapper stays behind
        if isinstance(obj, keras.Variable) or private.is_keras_saveable(obj):
            return _make, (kind,), _state(obj)
        if private.is_tracked_container(obj):
            return _container(obj)
        if isinstance(obj, weakref.ref):
            target = obj()
            return (_dead, ()) if target is None else (_alive, (target,))
        if kind in _LOCKS:
            return _LOCKS[kind], ()
        if kind is threading.local:
            return threading.local, ()
        if isinstance(obj, tf.types.experimental.PolymorphicFunction):
            return _function, private.function_arguments(obj)
        if isinstance(obj, tf.types.experimental.ConcreteFunction):
            raise pickle.PicklingError("it uses a concrete function, which has no Python any more")
        if isinstance(obj, (tf.data.Dataset, tf.data.Iterator)):
            raise pickle.PicklingError("it reads a tf.data dataset or iterator by itself")
        if isinstance(obj, tf.summary.SummaryWriter):
            return tf.summary.create_noop_writer, ()
        if isinstance(obj, tf.distribute.Strategy):
            return _strategy(obj)
        return super().reducer_override(obj)


def dumps(thing: Any) -> bytes:
    """``thing`` and all that it refers to.

    Raises:
        TooLargeError: it does not fit.
        Exception: whatever keeps a part of it from being pickled; the message names that part.
    """
    buffer = _Bounded()
    _Pickler(buffer).dump(thing)
    return buffer.getvalue()


def loads(data: bytes) -> Any:
    """What ``dumps`` wrote, in another process."""
    _made.clear()
    thing = pickle.loads(data)
    for one in _made:
        private.renew_identities(one)
    _made.clear()
    return thing


def _state(obj: Any) -> dict[str, Any]:
    state = dict(vars(obj))
    if isinstance(obj, keras.Model):
        state.update((name, None) for name in _MADE_ANEW if name in state)
    return state


def _container(obj: Any) -> Any:
    state = dict(vars(obj))
    if isinstance(obj, list):
        return type(obj), (), state, iter(list(obj))
    if isinstance(obj, dict):
        return type(obj), (), state, None, iter(list(obj.items()))
    return type(obj), (set(obj),), state


def _strategy(obj: Any) -> Any:
    if type(obj) is not type(tf.distribute.get_strategy()):
        raise pickle.PicklingError(f"it runs under {type(obj).__name__}")
    return tf.distribute.get_strategy, ()


# What the pickles call: these names must stay where they are.

_made: list[Any] = []
_targets: list[Any] = []


def _make(kind: type) -> Any:
    made: Any = object.__new__(kind)
    _made.append(made)
    return made


def _alive(target: Any) -> Any:
    _targets.append(target)  # nobody else might hold it here
    return weakref.ref(target)


def _dead() -> Any:
    return weakref.ref(types.SimpleNamespace())


def _same(thing: Any) -> Any:
    return thing


def _function(python_function: Any, arguments: dict[str, Any]) -> Any:
    return tf.function(python_function, **arguments)
