"""The worker: one process that runs one workload in one mode, and its clock."""
