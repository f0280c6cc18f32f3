"""cause: input_bound_map
also: input_bound_python_gil, missing_parallel_map, input_bound_python_generator, missing_prefetch, py_function_in_graph, input_per_element_map"""

import keras
import numpy as np
import tensorflow as tf

rng = np.random.default_rng(0)
images = rng.random((512, 32, 32, 3), dtype="float32")
labels = rng.integers(0, 10, 512)


def jitter(image):
    image = image.numpy()
    for channel in range(3):
        noise = np.random.normal(size=(96, 96)) @ np.random.normal(size=(96, 96))
        image[..., channel] += 1e-4 * noise[:32, :32]
    return image


def augment(image, label):
    image = tf.py_function(jitter, [image], tf.float32)  # <- here
    image.set_shape((32, 32, 3))
    return image, label


data = tf.data.Dataset.from_tensor_slices((images, labels)).shuffle(512).map(augment).batch(32)
model = keras.Sequential(
    [
        keras.Input((32, 32, 3)),
        keras.layers.Conv2D(8, 3, activation="relu"),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(10),
    ]
)
model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
model.fit(data, epochs=4, verbose=0)
print("trained")
