"""cause: host_python_per_step
also: host_sync_per_step"""

import numpy as np
import tensorflow as tf

w = tf.Variable(tf.random.normal((64, 8), seed=1))
words = ["alpha", "beta", "gamma", "delta"] * 200


@tf.function
def step(x):
    loss = tf.reduce_mean(tf.square(x @ w))
    w.assign_sub(0.001 * tf.transpose(x) @ (x @ w))
    return loss


def features(number):
    row = np.zeros((16, 64), "float32")
    for index in range(16):
        for word in words:
            row[index, (hash((word, number)) ^ index) % 64] += 1.0  # <- here
    return row


for number in range(900):
    loss = step(tf.constant(features(number % 7)))
print(loss.shape)
