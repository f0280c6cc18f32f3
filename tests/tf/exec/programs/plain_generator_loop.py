"""cause: input_bound_python_generator
also: host_python_per_step, host_conversion_per_step"""

import random

import numpy as np
import tensorflow as tf

w = tf.Variable(tf.random.normal((32, 4), seed=1))


@tf.function
def step(x):
    return tf.reduce_mean(tf.square(x @ w))


def sampled(rows):
    source = random.Random(0)
    for _ in range(1500):
        picked = []
        for _ in range(rows):
            row = [source.gauss(0.0, 1.0) for _ in range(32)]
            picked.append([value / (1.0 + abs(value)) for value in row])  # <- here
        yield np.array(picked, "float32")


for batch in sampled(48):
    loss = step(tf.constant(batch))
print(loss.shape)
