"""cause: sequential_map_fn
also: graph_loop_small_ops"""

import tensorflow as tf


@tf.function
def smooth(x):
    return tf.scan(lambda a, b: 0.9 * a + 0.1 * tf.tanh(b), x)  # <- here


x = tf.random.normal((2000, 4))
for _i in range(60):
    y = smooth(x)
print(y.shape)
