"""healthy: a slowish generator hidden behind the step by prefetch; cheap callbacks; validation"""

import time

import keras
import numpy as np
import tensorflow as tf

x = np.random.default_rng(0).random((64, 1024), dtype="float32")


def read():
    for _ in range(40):
        time.sleep(0.005)
        yield x, x[:, :1]


spec = (tf.TensorSpec((64, 1024)), tf.TensorSpec((64, 1)))
data = tf.data.Dataset.from_generator(read, output_signature=spec).prefetch(4)
model = keras.Sequential(
    [
        keras.Input((1024,)),
        *[keras.layers.Dense(1024, "relu") for _ in range(4)],
        keras.layers.Dense(1),
    ]
)
model.compile("sgd", "mse", metrics=["mae"])
stop = keras.callbacks.EarlyStopping("loss", patience=3)
model.fit(data, epochs=3, verbose=0, callbacks=[stop], validation_data=(x, x[:, :1]))
print("done")
