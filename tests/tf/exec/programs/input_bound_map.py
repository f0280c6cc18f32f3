"""cause: input_bound_map
also: missing_parallel_map"""

import keras
import tensorflow as tf


def prepare(i):
    image = tf.random.stateless_uniform((160, 160, 3), seed=(i, i))
    for _ in range(3):
        image = tf.image.resize(image, (160, 160), method="bicubic")
    return tf.reduce_mean(image, axis=(1, 2)), tf.reduce_mean(image)


model = keras.Sequential([keras.Input((160,)), keras.layers.Dense(8), keras.layers.Dense(1)])
model.compile("sgd", "mse")
data = tf.data.Dataset.range(2400).map(prepare, num_parallel_calls=tf.data.AUTOTUNE)  # <- here
model.fit(data.batch(8).prefetch(2), epochs=1, verbose=0)
print("done")
