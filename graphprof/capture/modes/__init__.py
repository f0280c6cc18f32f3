"""The modes: one file a way of running a workload."""
