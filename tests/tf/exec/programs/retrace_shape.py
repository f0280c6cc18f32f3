"""cause: retrace_shape"""

import tensorflow as tf

w = [tf.Variable(tf.random.normal((16, 16)) * 0.1) for _ in range(20)]


@tf.function
def step(x):
    with tf.GradientTape() as tape:
        y = x
        for v in w:
            y = tf.nn.tanh(y @ v)
        loss = tf.reduce_mean(y**2)
    return loss, tape.gradient(loss, w)


for i in range(30):
    loss, _ = step(tf.random.normal((i % 15 + 3, 16)))  # <- here
print(loss.shape)
