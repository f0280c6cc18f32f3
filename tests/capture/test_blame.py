"""Whose line an error is laid to."""

from __future__ import annotations

import numpy as np
import pytest

from graphprof.capture import blame


def test_lines_inside_a_compiled_library_are_not_the_users() -> None:
    # NumPy's Cython frames name their sources as relative paths, as if they lay in this folder.
    with pytest.raises(ValueError, match="Seed must be between") as caught:
        np.random.seed(-1)
    assert str(blame.where(caught.value)).startswith(__file__)
