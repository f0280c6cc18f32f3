"""Trials: what a change is expected to save, how it is made, and what trying it showed."""
