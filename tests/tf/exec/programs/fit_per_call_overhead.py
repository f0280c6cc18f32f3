"""cause: fit_per_call_overhead"""

import keras
import numpy as np

model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(16, "relu"), keras.layers.Dense(1)])
model.compile("sgd", "mse")
rng = np.random.default_rng(0)
for _i in range(25):
    x = rng.normal(size=(32, 8)).astype("float32")
    model.fit(x, x[:, :1], epochs=1, verbose=0)  # <- here
print("done")
