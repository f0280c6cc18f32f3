"""cause: dispatch_bound_eager_loop
also: host_sync_per_step"""

import keras
import numpy as np
import tensorflow as tf


class Corridor:
    def reset(self):
        self.at = 0
        return np.zeros(4, "float32")

    def step(self, action):
        self.at += 1 if action else -1
        done = abs(self.at) > 6
        return np.array([self.at, self.at**2, 1.0, done], "float32"), float(self.at == 7), done


policy = keras.Sequential(
    [
        keras.Input((4,)),
        keras.layers.Dense(24, "tanh"),
        keras.layers.Dense(24, "tanh"),
        keras.layers.Dense(2),
    ]
)
env = Corridor()
returns = []
for _ in range(40):
    state, total = env.reset(), 0.0
    for _ in range(40):
        logits = policy(state[None])  # <- here
        probabilities = tf.nn.softmax(logits)[0].numpy()
        action = int(np.random.random() < probabilities[1])
        state, reward, done = env.step(action)
        total += reward
        if done:
            break
    returns.append(total)
print("episodes", len(returns))
