"""cause: xla_recompile_value"""

import tensorflow as tf

w = [tf.Variable(tf.random.normal((64, 64)) * 0.1) for _ in range(8)]


@tf.function(jit_compile=True)  # <- here
def head(x, k):
    for v in w:
        x = tf.nn.tanh(x @ v)
    return tf.reduce_sum(x[:, :k])


x = tf.random.normal((64, 64))
total = 0.0
for i in range(24):
    total += head(x, tf.constant(i + 1))
print(total.shape)
