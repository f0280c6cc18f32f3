"""cause: float16_on_cpu"""

import keras
import numpy as np

keras.mixed_precision.set_global_policy("mixed_float16")
model = keras.Sequential(
    [
        keras.Input((256,)),
        *[keras.layers.Dense(256, "relu") for _ in range(3)],
        keras.layers.Dense(1, dtype="float32"),
    ]
)
model.compile("sgd", "mse")
x = np.random.default_rng(0).normal(size=(2560, 256)).astype("float32")
model.fit(x, x[:, :1], batch_size=128, epochs=2, verbose=0)
print("done")
