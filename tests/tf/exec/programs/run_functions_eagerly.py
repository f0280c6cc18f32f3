"""cause: run_eagerly_left_on
also: dispatch_bound_eager_loop"""

import tensorflow as tf

tf.config.run_functions_eagerly(True)
w = [tf.Variable(tf.random.normal((32, 32)) * 0.1) for _ in range(10)]


@tf.function
def step(x):
    with tf.GradientTape() as tape:
        y = x
        for v in w:
            y = tf.nn.tanh(y @ v)
        loss = tf.reduce_mean(y**2)
    for v, g in zip(w, tape.gradient(loss, w), strict=False):
        v.assign_sub(0.1 * g)
    return loss


x = tf.random.normal((16, 32))
for _i in range(150):
    loss = step(x)
print(loss.shape)
