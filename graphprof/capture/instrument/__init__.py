"""What is hooked into TensorFlow and Keras while a workload runs."""
