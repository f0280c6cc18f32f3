"""Workloads: what is run, found, loaded and made to fit together."""
