"""cause: graph_loop_small_ops"""

import tensorflow as tf

rate = tf.Variable(0.01)


@tf.function
def simulate(x):
    v = tf.zeros_like(x)
    for _ in tf.range(3000):  # <- here
        a = -x - 0.1 * v
        v = v + rate * a
        x = x + rate * v
        x = tf.clip_by_value(x, -10.0, 10.0)
    return x


x = tf.random.normal((8,))
for _i in range(25):
    x = simulate(x)
print(x.shape)
