"""Trying the change of a finding: one file a kind of trial, and a registry."""
