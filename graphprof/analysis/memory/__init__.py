"""What a mode's steps hold in memory, from three sides that do not see the same (``docs/memory.md``).

``allocators``: what TensorFlow's allocators recorded in the trace. ``planned``: what XLA decided when it
compiled. ``resident``: what the system gave to the process. ``footprint`` puts them together for a run.
"""
