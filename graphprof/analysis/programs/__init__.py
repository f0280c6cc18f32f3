"""Programs: what was recorded of a watched program."""
