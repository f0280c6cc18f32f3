"""cause: eager_optimizer_update"""

import keras
import tensorflow as tf

model = keras.Sequential(
    [keras.Input((32,)), *[keras.layers.Dense(32, "relu") for _ in range(8)], keras.layers.Dense(1)]
)
optimizer = keras.optimizers.Adam(1e-3)
optimizer.build(model.trainable_variables)


@tf.function
def gradients(x, y):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((model(x, training=True) - y) ** 2)
    return loss, tape.gradient(loss, model.trainable_variables)


x, y = tf.random.normal((64, 32)), tf.random.normal((64, 1))
for _i in range(120):
    loss, grads = gradients(x, y)
    optimizer.apply_gradients(zip(grads, model.trainable_variables, strict=False))  # <- here
print(loss.shape)
