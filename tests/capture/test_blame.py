"""Whose line an error is laid to."""

from __future__ import annotations

import numpy as np

from graphprof.capture import blame


def test_lines_inside_a_compiled_library_are_not_the_users() -> None:
    # NumPy's Cython frames name their sources as relative paths, as if they lay in this folder.
    try:
        np.random.seed(-1)
    except ValueError as error:
        assert blame.where(error) is not None
        assert str(blame.where(error)).startswith(__file__)
        assert "Seed must be between" in blame.summary(error)
    else:
        raise AssertionError("NumPy takes negative seeds now: find another error of compiled code")
