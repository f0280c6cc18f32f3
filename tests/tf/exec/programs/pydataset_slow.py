"""cause: input_bound_python_generator
also: input_bound_python_gil"""

import keras
import numpy as np


class Reader(keras.utils.PyDataset):
    def __len__(self):
        return 250

    def __getitem__(self, index):  # <- here
        rows = [[float((i * j + index) % 17) for j in range(32)] for i in range(2500)]
        x = np.array(rows, "float32")
        return x, x[:, :1]


model = keras.Sequential([keras.Input((32,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(1)])
model.compile("sgd", "mse")
model.fit(Reader(), epochs=1, verbose=0)
print("done")
