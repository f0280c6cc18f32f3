"""Analyses: pure functions from a session or a trace to frozen dataclasses; no formats, no charts."""
