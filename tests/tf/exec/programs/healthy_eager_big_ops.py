"""healthy: eager, but each op is a large product"""

import tensorflow as tf

a = tf.random.normal((1400, 1400))
b = tf.random.normal((1400, 1400)) * 0.02
for _i in range(40):
    a = tf.tanh(a @ b)
print(a.shape)
