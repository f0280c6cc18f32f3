"""cause: batch_too_small
also: fit_per_step_overhead"""

import keras
import numpy as np

model = keras.Sequential(
    [
        keras.Input((20,)),
        keras.layers.Dense(64, "relu"),
        keras.layers.Dense(64, "relu"),
        keras.layers.Dense(1),
    ]
)
model.compile("adam", "mse")
x = np.random.default_rng(0).normal(size=(4000, 20)).astype("float32")
model.fit(x, x[:, :1], batch_size=2, epochs=1, verbose=0)  # <- here
print("done")
