"""cause: dispatch_bound_eager_loop"""

import keras
import numpy as np
import tensorflow as tf


class Tagger:
    """Bag of words over ragged sentences, trained by hand."""

    def __init__(self):
        self.table = tf.Variable(tf.random.normal((500, 12)) * 0.1)
        self.head = keras.Sequential(
            [keras.Input((12,)), keras.layers.Dense(16, "relu"), keras.layers.Dense(3)]
        )
        self.optimizer = keras.optimizers.SGD(0.05)
        self.loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def step(self, words, labels):
        with tf.GradientTape() as tape:
            vectors = tf.ragged.map_flat_values(
                tf.nn.embedding_lookup, self.table, words
            )  # <- here
            logits = self.head(tf.reduce_mean(vectors, axis=1))
            loss = self.loss(labels, logits)
        weights = self.head.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=False))
        return loss


def batches(number):
    rng = np.random.default_rng(1)
    for _ in range(number):
        rows = [rng.integers(0, 500, rng.integers(2, 9)).tolist() for _ in range(16)]
        yield tf.ragged.constant(rows, dtype=tf.int32), tf.constant(rng.integers(0, 3, 16))


def main():
    tagger = Tagger()
    data = list(batches(20))
    total = 0.0
    for _ in range(12):
        for words, labels in data:
            total = tagger.step(words, labels)
    print("loss", total.shape)


main()
