"""Findings: one file a rule."""
