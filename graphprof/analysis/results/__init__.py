"""Results: whether the modes compute the same."""
