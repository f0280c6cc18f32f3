"""cause: input_per_element_map
also: input_bound_map, missing_prefetch, missing_parallel_map"""

import keras
import numpy as np
import tensorflow as tf

series = np.sin(np.arange(6000) / 20).astype("float32")


def make(series, length):
    data = tf.data.Dataset.from_tensor_slices(series)
    data = data.window(length + 1, shift=1, drop_remainder=True)
    data = data.flat_map(lambda window: window.batch(length + 1))  # <- here
    data = data.map(lambda window: (window[:-1, None], window[-1:]))
    return data.batch(64)


model = keras.Sequential(
    [
        keras.Input((24, 1)),
        keras.layers.Flatten(),
        keras.layers.Dense(16, "relu"),
        keras.layers.Dense(1),
    ]
)
model.compile("adam", "mae")
model.fit(make(series, 24), epochs=3, verbose=0)
print("ok")
