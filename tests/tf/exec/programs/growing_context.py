"""cause: retrace_shape"""

import keras
import tensorflow as tf

embed = keras.layers.Embedding(80, 24)
mix = keras.layers.Dense(24, "relu")
head = keras.layers.Dense(80)


@tf.function
def next_token(tokens):
    h = embed(tokens)
    scores = tf.matmul(h, h, transpose_b=True)
    h = mix(tf.matmul(tf.nn.softmax(scores), h))
    return tf.argmax(head(h[:, -1]), axis=-1, output_type=tf.int32)


tokens = tf.constant([[1, 2, 3]])
for _ in range(40):
    token = next_token(tokens)  # <- here
    tokens = tf.concat([tokens, token[:, None]], axis=1)
print("length", tokens.shape[1])
