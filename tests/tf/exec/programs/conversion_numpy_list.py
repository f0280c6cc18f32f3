"""cause: host_conversion_per_step"""

import numpy as np
import tensorflow as tf

w = tf.Variable(tf.random.normal((64, 1)))


@tf.function
def step(x):
    y = x @ w
    w.assign_sub(0.001 * tf.transpose(x) @ y)
    return tf.reduce_mean(y)


rows = [np.random.rand(64).astype("float32") for _ in range(3000)]
for _i in range(60):
    loss = step(tf.convert_to_tensor(rows))  # <- here
print(loss.shape)
