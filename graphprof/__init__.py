"""graphprof: one TensorFlow model, every way to run it, side by side, with the reasons.

Importing this package imports neither TensorFlow nor Keras.
"""

from __future__ import annotations

import importlib
from typing import Any

from graphprof._version import __version__

__all__ = ["Workload", "__version__", "load"]

# name -> module that defines it; imported when first asked for.
_LAZY = {"Workload": "graphprof.capture.workloads.declared", "load": "graphprof.session"}


def __getattr__(name: str) -> Any:
    """Import a public name on first use, so that importing the package stays cheap."""
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_LAZY[name]), name)
