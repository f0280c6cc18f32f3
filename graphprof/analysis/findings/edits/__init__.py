"""Edits of the user's source that make the change of a finding: one file a kind, and a registry."""
