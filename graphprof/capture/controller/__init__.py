"""The controller: the parent of all workers; it owns the order and the disk, and imports no TensorFlow."""
