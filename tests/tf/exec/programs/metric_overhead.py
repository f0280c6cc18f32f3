"""cause: metric_overhead"""
import keras
import numpy as np

model = keras.Sequential([keras.Input((16,)), keras.layers.Dense(16, "relu"), keras.layers.Dense(1, "sigmoid")])
model.compile(  # <- here
    "sgd", "binary_crossentropy",
    metrics=[keras.metrics.AUC(num_thresholds=4000), keras.metrics.PrecisionAtRecall(0.5, num_thresholds=4000)],
)
rng = np.random.default_rng(0)
x = rng.normal(size=(25600, 16)).astype("float32")
model.fit(x, (x[:, :1] > 0).astype("float32"), batch_size=256, epochs=3, verbose=0)
print("done")
