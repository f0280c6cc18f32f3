"""cause: input_per_element_map
also: input_bound_map, missing_parallel_map"""

import keras
import numpy as np
import tensorflow as tf

rng = np.random.default_rng(0)
vocabulary = [f"word{i}" for i in range(400)]
texts = [" ".join(rng.choice(vocabulary, 12)) for _ in range(6000)]
labels = rng.integers(0, 2, 6000).astype("float32")
vectorize = keras.layers.TextVectorization(max_tokens=500, output_sequence_length=16)
vectorize.adapt(texts[:500])

data = tf.data.Dataset.from_tensor_slices((texts, labels))
data = data.map(lambda text, label: (vectorize(text), label)).batch(64)  # <- here
model = keras.Sequential(
    [
        keras.Input((16,), dtype="int64"),
        keras.layers.Embedding(500, 8),
        keras.layers.GlobalAveragePooling1D(),
        keras.layers.Dense(1),
    ]
)
model.compile("sgd", keras.losses.BinaryCrossentropy(from_logits=True))
model.fit(data, epochs=3, verbose=0)
print("fitted")
