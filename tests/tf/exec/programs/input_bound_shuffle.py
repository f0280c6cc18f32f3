"""cause: input_bound_shuffle
also: fit_epoch_overhead, input_bound_map, missing_parallel_map"""

import keras
import tensorflow as tf


def prepare(i):
    image = tf.random.stateless_uniform((120, 120, 3), seed=(i, i))
    image = tf.image.resize(image, (100, 100), method="bicubic")
    return tf.reduce_mean(image, axis=(1, 2)), tf.reduce_mean(image)


model = keras.Sequential([keras.Input((100,)), keras.layers.Dense(8), keras.layers.Dense(1)])
model.compile("sgd", "mse")
data = tf.data.Dataset.range(4000).map(prepare).shuffle(1500).batch(16)  # <- here
for _ in range(1):
    model.fit(data.take(20), epochs=3, verbose=0)
print("done")
