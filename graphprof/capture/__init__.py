"""Capturing: the only package that imports TensorFlow; it writes run folders and nothing reads it."""
