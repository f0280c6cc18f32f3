"""cause: validation_every_epoch"""

import keras
import numpy as np

model = keras.Sequential(
    [keras.Input((16,)), keras.layers.Dense(64, "relu"), keras.layers.Dense(1)]
)
model.compile("adam", "mse")
rng = np.random.default_rng(0)
x = rng.normal(size=(512, 16)).astype("float32")
v = rng.normal(size=(12000, 16)).astype("float32")
model.fit(
    x, x[:, :1], batch_size=64, epochs=12, verbose=0, validation_data=(v, v[:, :1])
)  # <- here
print("done")
