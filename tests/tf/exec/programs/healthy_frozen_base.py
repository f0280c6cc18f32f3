"""healthy: a frozen convolutional base with a small head, bound by the base's convolutions"""

import keras
import numpy as np

rng = np.random.default_rng(3)
base = keras.Sequential(
    [
        keras.Input((64, 64, 3)),
        keras.layers.Conv2D(32, 3, padding="same", activation="relu"),
        keras.layers.Conv2D(64, 3, padding="same", activation="relu"),
        keras.layers.MaxPooling2D(),
        keras.layers.Conv2D(64, 3, padding="same", activation="relu"),
        keras.layers.GlobalAveragePooling2D(),
    ]
)
base.trainable = False
model = keras.Sequential(
    [keras.Input((64, 64, 3)), base, keras.layers.Dropout(0.2), keras.layers.Dense(4)]
)
model.compile(
    "adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"]
)
x = rng.random((600, 64, 64, 3), dtype="float32")
y = rng.integers(0, 4, 600)
model.fit(x, y, batch_size=50, epochs=4, verbose=0)
print("done", len(model.layers))
