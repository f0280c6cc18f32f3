"""Building: what graphs and compilations cost, why they come again, and when they pay."""
