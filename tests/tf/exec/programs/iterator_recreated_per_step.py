"""cause: iterator_recreated_per_step"""

import numpy as np
import tensorflow as tf

x = np.random.default_rng(0).normal(size=(2000, 32)).astype("float32")
data = tf.data.Dataset.from_tensor_slices(x).shuffle(2000).batch(64).prefetch(2)
w = tf.Variable(tf.random.normal((32, 1)))


@tf.function
def step(batch):
    y = batch @ w
    w.assign_sub(0.01 * tf.transpose(batch) @ y / 64.0)
    return tf.reduce_mean(y)


for _i in range(80):
    loss = step(next(iter(data)))  # <- here
print(loss.shape)
