"""cause: missing_parallel_map
also: input_bound_map"""

import tensorflow as tf

w = tf.Variable(tf.random.normal((64, 64)))


def prepare(i):
    image = tf.random.stateless_uniform((200, 200, 3), seed=(i, i))
    for _ in range(4):
        image = tf.image.resize(image, (200, 200), method="bicubic")
    return tf.reshape(tf.reduce_mean(image[:64, :64], axis=2), (64, 64))


@tf.function
def step(x):
    y = x @ w
    w.assign_sub(1e-4 * tf.reduce_mean(tf.transpose(x, (0, 2, 1)) @ y, axis=0))
    return tf.reduce_mean(y)


data = tf.data.Dataset.range(900).map(prepare).batch(8).prefetch(1)  # <- here
for x in data:
    loss = step(x)
print(loss.shape)
