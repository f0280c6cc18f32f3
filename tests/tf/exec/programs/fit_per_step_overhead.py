"""cause: fit_per_step_overhead
also: batch_too_small"""

import keras
import numpy as np

model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(1)])
model.compile("sgd", "mse")
x = np.random.default_rng(0).normal(size=(64000, 8)).astype("float32")
model.fit(x, x[:, :1], batch_size=32, epochs=1, verbose=0)  # <- here
print("done")
