"""Findings of profile sessions: one file a rule."""
