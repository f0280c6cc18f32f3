"""cause: host_sync_per_step
also: dispatch_bound_eager_loop"""

import tensorflow as tf

w = tf.Variable(tf.random.normal((32, 400)))


@tf.function
def step(x):
    y = x @ w
    w.assign_sub(0.001 * tf.transpose(x) @ y)
    return tf.reduce_mean(y, axis=0)


x = tf.random.normal((16, 32))
log = []
for _i in range(60):
    means = step(x)
    log.append([float(m) for m in means])  # <- here
print(len(log))
