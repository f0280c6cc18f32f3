"""Reports: one view model, and its texts."""
