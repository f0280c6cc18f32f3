"""healthy: a convolutional GAN whose two updates are one tf.function, bound by its convolutions"""

import keras
import tensorflow as tf

generator = keras.Sequential(
    [
        keras.Input((32,)),
        keras.layers.Dense(16 * 16 * 48, "relu"),
        keras.layers.Reshape((16, 16, 48)),
        keras.layers.Conv2DTranspose(32, 3, strides=2, padding="same", activation="relu"),
        keras.layers.Conv2D(3, 3, padding="same"),
    ]
)
critic = keras.Sequential(
    [
        keras.Input((32, 32, 3)),
        keras.layers.Conv2D(32, 3, padding="same", activation="relu"),
        keras.layers.Conv2D(48, 3, strides=2, padding="same", activation="relu"),
        keras.layers.Flatten(),
        keras.layers.Dense(1),
    ]
)
g_optimizer, c_optimizer = keras.optimizers.Adam(2e-4), keras.optimizers.Adam(2e-4)


@tf.function
def step(real):
    noise = tf.random.normal((64, 32))
    with tf.GradientTape() as g_tape, tf.GradientTape() as c_tape:
        fake = generator(noise, training=True)
        real_score, fake_score = critic(real, training=True), critic(fake, training=True)
        c_loss = tf.reduce_mean(tf.nn.softplus(-real_score) + tf.nn.softplus(fake_score))
        g_loss = tf.reduce_mean(tf.nn.softplus(-fake_score))
    g_vars, c_vars = generator.trainable_variables, critic.trainable_variables
    g_optimizer.apply_gradients(zip(g_tape.gradient(g_loss, g_vars), g_vars, strict=True))
    c_optimizer.apply_gradients(zip(c_tape.gradient(c_loss, c_vars), c_vars, strict=True))
    return g_loss, c_loss


real = tf.random.normal((64, 32, 32, 3))
for _ in range(150):
    losses = step(real)
print("adversaries", len(losses))
