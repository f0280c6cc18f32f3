"""What can run here: ``python -m graphprof.capture.modes.probe`` prints it as JSON.

The last line of stdout maps each mode's name to why it cannot run on this machine, or null. It is a
process of its own because the answer needs TensorFlow and the one who asks must not import it.
"""

from __future__ import annotations

import json

from graphprof.capture.modes import registry


def main() -> None:
    """Print why each mode cannot run here, or null."""
    # Before any answer: a TensorFlow or Keras that cannot be imported makes every mode impossible.
    import keras
    import tensorflow  # noqa: F401

    backend = keras.backend.backend()
    reasons = {
        mode.name: f"Keras runs on {backend} here, not on TensorFlow."
        if backend != "tensorflow"
        else mode.why_not_here()
        for mode in registry.load().modes
    }
    print(json.dumps(reasons))


if __name__ == "__main__":
    main()
