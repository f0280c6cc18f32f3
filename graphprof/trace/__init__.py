"""Traces: xplane files to numpy columns, without TensorFlow."""
