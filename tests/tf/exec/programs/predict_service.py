"""cause: predict_per_call_overhead"""

import keras
import numpy as np

model = keras.Sequential(
    [
        keras.Input((20,)),
        keras.layers.Dense(64, "relu"),
        keras.layers.Dense(64, "relu"),
        keras.layers.Dense(1),
    ]
)


def handle(request):
    features = np.array(
        [[float(request["id"] % 7)] + [float(v) for v in request["values"]]], "float32"
    )
    score = model.predict(features, verbose=0)  # <- here
    return {"id": request["id"], "score": float(score[0, 0])}


requests = [{"id": i, "values": list(range(19))} for i in range(120)]
answers = [handle(request) for request in requests]
print(len(answers), "answered")
