"""cause: retrace_python_scalar"""

import tensorflow as tf

features = tf.random.normal((256, 10))
target = tf.reduce_sum(features, axis=1, keepdims=True)
layers = [tf.Variable(tf.random.normal((10, 10)) * 0.3) for _ in range(6)]
out = tf.Variable(tf.random.normal((10, 1)))


def cosine(step, total):
    return 0.05 * (1.0 + float(tf.cos(3.14159 * step / total)))


@tf.function
def update(x, y, rate):
    with tf.GradientTape() as tape:
        h = x
        for kernel in layers:
            h = tf.nn.relu(h @ kernel)
        loss = tf.reduce_mean((h @ out - y) ** 2)
    weights = [*layers, out]
    for weight, grad in zip(weights, tape.gradient(loss, weights), strict=False):
        weight.assign_sub(rate * grad)
    return loss


for number in range(60):
    loss = update(features, target, cosine(number, 60))  # <- here
print("finished", loss.shape)
