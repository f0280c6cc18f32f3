"""cause: callback_overhead"""

import os
import tempfile

import keras
import numpy as np

model = keras.Sequential(
    [
        keras.Input((64,)),
        *[keras.layers.Dense(300, "relu") for _ in range(6)],
        keras.layers.Dense(1),
    ]
)
model.compile("adam", "mse")
x = np.random.default_rng(0).normal(size=(512, 64)).astype("float32")
with tempfile.TemporaryDirectory() as folder:
    save = keras.callbacks.ModelCheckpoint(
        os.path.join(folder, "m{epoch}_{batch}.keras"), save_freq=1
    )
    model.fit(x, x[:, :1], batch_size=32, epochs=3, verbose=0, callbacks=[save])  # <- here
print("done")
