"""cause: xla_compile_time
also: unrolled_loop_trace_time, compile_dominates_short_run"""

import tensorflow as tf

w = [tf.Variable(tf.random.normal((48, 48)) * 0.1) for _ in range(90)]


@tf.function(jit_compile=True)  # <- here
def step(x):
    with tf.GradientTape() as tape:
        y = x
        for v in w:
            y = y + tf.nn.gelu(y @ v)
        loss = tf.reduce_mean(y**2)
    for v, g in zip(w, tape.gradient(loss, w), strict=False):
        v.assign_sub(0.01 * g)
    return loss


x = tf.random.normal((32, 48))
for _i in range(60):
    loss = step(x)
print(loss.shape)
