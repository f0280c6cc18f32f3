"""Timing: from timed calls to step times, ratios, intervals and verdicts."""
