"""cause: validation_every_epoch"""

import keras
import numpy as np

rng = np.random.default_rng(9)
x = rng.normal(size=(640, 30)).astype("float32")
y = (x[:, :1] > 0).astype("float32")
held = rng.normal(size=(16000, 30)).astype("float32")
held_y = (held[:, :1] > 0).astype("float32")
model = keras.Sequential(
    [keras.Input((30,)), keras.layers.Dense(48, "relu"), keras.layers.Dense(1)]
)
model.compile("adam", keras.losses.BinaryCrossentropy(from_logits=True))
stop = keras.callbacks.EarlyStopping(patience=50)
model.fit(
    x, y, batch_size=32, epochs=12, verbose=0, validation_data=(held, held_y), callbacks=[stop]
)  # <- here
print("stopped")
