"""cause: retrace_python_object"""

import collections

import tensorflow as tf

Settings = collections.namedtuple("Settings", "rate momentum")
w = tf.Variable(tf.random.normal((64, 64)))


@tf.function
def step(x, settings):
    with tf.GradientTape() as tape:
        y = x
        for _ in range(6):
            y = tf.nn.tanh(y @ w)
        loss = tf.reduce_mean(y**2)
    w.assign_sub(settings.rate * tape.gradient(loss, w))
    return loss


x = tf.random.normal((32, 64))
for i in range(40):
    loss = step(x, Settings(0.1 / (i + 1), 0.9))  # <- here
print(loss.shape)
