"""Traces taken by others, made into sessions: with ``tf.profiler``, a Keras callback, XProf.

``sources`` finds the files, ``steps`` the steps in them, ``contents`` guesses the mode and the phase,
``marking`` writes the copy, ``session`` the rest. No TensorFlow is needed.
"""
