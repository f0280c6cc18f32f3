"""healthy: a retrace for the last batch only, in a long enough run"""

import tensorflow as tf

w = tf.Variable(tf.random.normal((600, 600)) * 0.02)


@tf.function
def step(x):
    for _ in range(6):
        x = tf.nn.tanh(x @ w)
    w.assign_sub(1e-4 * tf.transpose(x) @ x)
    return tf.reduce_mean(x)


data = tf.data.Dataset.from_tensor_slices(tf.random.normal((5000, 600))).batch(256).prefetch(2)
for _ in range(8):
    for x in data:
        loss = step(x)
    print(float(loss) < 2)
