"""healthy: fit with validation and a few epochs, bound by its convolutions"""

import keras
import numpy as np

rng = np.random.default_rng(0)
x = rng.random((320, 48, 48, 3), dtype="float32")
y = rng.integers(0, 5, 320)
model = keras.Sequential(
    [
        keras.Input((48, 48, 3)),
        keras.layers.Conv2D(32, 3, padding="same", activation="relu"),
        keras.layers.Conv2D(48, 3, padding="same", activation="relu"),
        keras.layers.MaxPooling2D(),
        keras.layers.Conv2D(48, 3, padding="same", activation="relu"),
        keras.layers.Flatten(),
        keras.layers.Dense(5),
    ]
)
model.compile(
    "adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"]
)
model.fit(x, y, batch_size=64, epochs=3, verbose=0, validation_data=(x[:64], y[:64]))
print("done")
