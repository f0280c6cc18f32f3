"""The GRAPHPROF tab of TensorBoard."""
