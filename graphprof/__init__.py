"""graphprof: one TensorFlow model, every way to run it, side by side, with the reasons.

Importing this package imports neither TensorFlow nor Keras.
"""

from __future__ import annotations

from graphprof._version import __version__

__all__ = ["__version__"]
