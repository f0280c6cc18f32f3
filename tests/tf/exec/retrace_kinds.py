"""Plants one retrace of each kind; a line marked `# kind: words` is the one to be blamed."""

import collections

import numpy as np
import tensorflow as tf

Pair = collections.namedtuple("Pair", "rate scale")


def function(**options):
    @tf.function(autograph=False, **options)
    def compute(x, extra=None, training=False):
        return tf.reduce_sum(tf.cast(tf.zeros(1), tf.float32))

    return compute


f_float = function()
f_float(tf.zeros(3), 2.0)
f_float(tf.zeros(3), 3.0)  # python_value extra: Python float 2.0 → 3.0

f_int = function()
f_int(tf.zeros(3), 1)
f_int(tf.zeros(3), 2)  # python_value extra: Python int 1 → 2

f_bool = function()
f_bool(tf.zeros(3), training=True)
f_bool(tf.zeros(3), training=False)  # python_value training: Python bool True → False

f_str = function()
f_str(tf.zeros(3), "mean")
f_str(tf.zeros(3), "sum")  # python_value extra: Python str 'mean' → 'sum'

f_batch = function()
f_batch(tf.zeros((32, 4)))
f_batch(tf.zeros((17, 4)))  # shape x: batch 32 → 17

f_length = function()
f_length(tf.zeros((8, 10)))
f_length(tf.zeros((8, 12)))  # shape x: shape (8, 10) → (8, 12)

f_rank = function()
f_rank(tf.zeros((8,)))
f_rank(tf.zeros((8, 1)))  # rank x: rank 1 → 2

f_dtype = function()
f_dtype(tf.zeros(3))
f_dtype(tf.zeros(3, tf.int32))  # dtype x: dtype float32 → int32


class Config:
    pass


f_object = function()
f_object(tf.zeros(3), Config())
f_object(tf.zeros(3), Config())  # object extra: a new Python object of type Config

f_none = function()
f_none(tf.zeros(3), None)
f_none(tf.zeros(3), tf.zeros(2))  # none extra: None → tensor

f_keys = function()
f_keys({"a": tf.zeros(2)})
f_keys({"a": tf.zeros(2), "b": tf.zeros(2)})  # structure x: keys +b

f_list = function()
f_list([tf.zeros(2)])
f_list([tf.zeros(2), tf.zeros(2)])  # structure x: list of 1 → 2

f_kind = function()
f_kind(tf.zeros(3), 2.0)
f_kind(tf.zeros(3), tf.constant(2.0))  # kind extra: Python float 2.0 → tensor

f_tuple = function()
f_tuple(tf.zeros(3), Pair(0.1, 1.0))
f_tuple(tf.zeros(3), Pair(0.2, 1.0))  # python_value extra.rate: Python float 0.1 → 0.2

f_inner = function()
f_inner(tf.zeros(3), {"lr": 0.1})
f_inner(tf.zeros(3), {"lr": 0.2})  # python_value extra['lr']: Python float 0.1 → 0.2

f_lambda = function()
f_lambda(tf.zeros(3), lambda v: v)
f_lambda(tf.zeros(3), lambda v: v + 1)  # object extra: a new Python object of type function

f_numpy = function()
f_numpy(np.zeros((4, 2), "float32"))
f_numpy(np.zeros((5, 2), "float32"))  # shape x: shape (4, 2) → (5, 2)


@tf.function(autograph=False)
def by_keyword(x, **options):
    return tf.reduce_sum(x)


by_keyword(tf.zeros(3), a=1.0)
by_keyword(tf.zeros(3), b=1.0)  # structure b: now given

# The same call in other words, and a NumPy scalar (a tensor to tf.function), are no retraces.
f_same = function()
f_same(tf.zeros(3), training=True)
f_same(x=tf.zeros(3), extra=None, training=True)
f_scalar = function()
f_scalar(tf.zeros(3), np.float32(1.0))
f_scalar(tf.zeros(3), np.float32(2.0))

for _ in range(3):
    f_loop = function()
    f_loop(tf.zeros(3))  # recreated


class Model(tf.Module):
    @tf.function(autograph=False)
    def step(self, x):
        return tf.reduce_sum(x)


for _ in range(3):
    Model().step(tf.zeros(3))  # recreated
