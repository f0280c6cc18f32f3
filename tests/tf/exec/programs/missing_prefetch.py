"""cause: missing_prefetch
also: input_bound_map, missing_parallel_map"""

import time

import numpy as np
import tensorflow as tf

w = tf.Variable(tf.random.normal((900, 900)) * 0.01)


def read(i):
    time.sleep(0.03)  # waits for a disk
    return np.ones((256, 900), "float32")


def load(i):
    return tf.ensure_shape(tf.numpy_function(read, [i], tf.float32), (256, 900))


@tf.function
def step(x):
    for _ in range(3):
        x = tf.nn.tanh(x @ w)
    return tf.reduce_mean(x)


options = tf.data.Options()
options.experimental_optimization.inject_prefetch = False
data = tf.data.Dataset.range(100).map(load).with_options(options)  # <- here
for x in data:
    loss = step(x)
print(loss.shape)
