"""healthy: run_eagerly on a model whose convolutions take the time"""

import keras
import numpy as np

model = keras.Sequential(
    [
        keras.Input((64, 64, 3)),
        keras.layers.Conv2D(48, 5, padding="same", activation="relu"),
        keras.layers.Conv2D(48, 5, padding="same", activation="relu"),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(1),
    ]
)
model.compile("sgd", "mse", run_eagerly=True)
x = np.random.default_rng(0).random((256, 64, 64, 3), dtype="float32")
model.fit(x, x[:, 0, 0, :1], batch_size=32, epochs=1, verbose=0)
print("done")
