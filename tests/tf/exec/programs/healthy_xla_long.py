"""healthy: XLA compiled once and used for long"""

import tensorflow as tf

w = tf.Variable(tf.random.normal((700, 700)) * 0.02)


@tf.function(jit_compile=True)
def step(x):
    for _ in range(4):
        x = tf.nn.tanh(x @ w)
    w.assign_sub(1e-5 * tf.transpose(x) @ x)
    return tf.reduce_mean(x)


x = tf.random.normal((512, 700))
for _i in range(250):
    loss = step(x)
print(loss.shape)
