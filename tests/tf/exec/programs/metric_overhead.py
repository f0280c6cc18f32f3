"""cause: metric_overhead"""

import keras
import numpy as np
import tensorflow as tf


class Concordance(keras.metrics.Metric):
    def __init__(self):
        super().__init__(name="concordance")
        self.total = self.add_variable((), "zeros")

    def update_state(self, y, p, sample_weight=None):
        y, p = tf.reshape(y, (-1,)), tf.reshape(p, (-1,))
        agree = tf.sign(y[:, None] - y) * tf.sign(p[:, None] - p) * tf.exp(-tf.abs(p[:, None] - p))
        self.total.assign_add(tf.reduce_mean(agree))

    def result(self):
        return self.total.value


layers = [keras.layers.Dense(16, "relu"), keras.layers.Dense(1)]
model = keras.Sequential([keras.Input((16,)), *layers])
model.compile("sgd", "mse", metrics=[Concordance()])  # <- here
x = np.random.default_rng(0).normal(size=(300000, 16)).astype("float32")
model.fit(x, x[:, :1], batch_size=1000, epochs=2, verbose=0)
print("done")
