"""cause: retrace_python_object
also: function_recreated_in_loop"""

import tensorflow as tf


class Fitter(tf.Module):
    def __init__(self, width):
        self.kernel = tf.Variable(tf.random.normal((width, width)) * 0.1)
        self.bias = tf.Variable(tf.zeros(width))

    @tf.function
    def step(self, x, penalty):
        with tf.GradientTape() as tape:
            y = x
            for _ in range(8):
                y = tf.nn.tanh(y @ self.kernel + self.bias)
            loss = tf.reduce_mean(y**2) + penalty(self.kernel)
        grads = tape.gradient(loss, [self.kernel, self.bias])
        self.kernel.assign_sub(0.1 * grads[0])
        self.bias.assign_sub(0.1 * grads[1])
        return loss


def run(fitter, batches, strength):
    for x in batches:
        loss = fitter.step(x, lambda w: strength * tf.reduce_sum(w * w))  # <- here
    return loss


fitter = Fitter(24)
data = [tf.random.normal((32, 24)) for _ in range(40)]
print(run(fitter, data, 1e-3).shape)
