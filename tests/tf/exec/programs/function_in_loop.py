"""cause: function_recreated_in_loop"""

import tensorflow as tf

w = [tf.Variable(tf.random.normal((16, 16)) * 0.1) for _ in range(20)]
x = tf.random.normal((8, 16))
for _i in range(20):

    @tf.function  # <- here
    def step(x):
        with tf.GradientTape() as tape:
            y = x
            for v in w:
                y = tf.nn.tanh(y @ v)
            loss = tf.reduce_mean(y**2)
        return loss, tape.gradient(loss, w)

    loss, _ = step(x)
print(loss.shape)
