"""What is kept of a watched program: the first call of each line, and a bounded part of its data."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from graphprof.capture.replay import candidates
from graphprof.capture.replay.candidates import MOST_BATCHES, MOST_BYTES, Candidates


class Tree:
    """As much of ``keras.tree`` as candidates need."""

    def flatten(self, value: Any) -> list[Any]:
        if isinstance(value, (list, tuple)):
            return [leaf for part in value for leaf in self.flatten(part)]
        return [value]

    def map_structure(self, function: Any, value: Any) -> Any:
        if isinstance(value, (list, tuple)):
            return type(value)(self.map_structure(function, part) for part in value)
        return function(value)


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> Candidates:
    monkeypatch.setitem(sys.modules, "keras", SimpleNamespace(tree=Tree()))
    return Candidates(wanted=True)


SITE = ("train.py", 3)


def only(kept: Candidates) -> candidates.Candidate:
    (candidate,) = kept.found.values()
    return candidate


def test_rows_of_a_few_batches_are_copied(kept: Candidates) -> None:
    x, y = np.zeros((1000, 4), "float32"), np.zeros(1000)
    kept.keras("fit", object(), SITE, (x, y), {"batch_size": 16})
    candidate = only(kept)
    assert candidate.form == "arrays"
    assert candidate.batch_size == 16
    assert [len(part) for part in candidate.data] == [16 * MOST_BATCHES] * 2
    x[:] = 1  # the program goes on with its arrays
    assert candidate.data[0].max() == 0


def test_batch_size_is_kerass_own_where_none_is_given_and_the_whole_on_batch(
    kept: Candidates,
) -> None:
    x = np.zeros((100, 2))
    kept.keras("predict", object(), SITE, (x,), {})
    kept.keras("train_on_batch", object(), ("train.py", 4), (x, x), {})
    assert [one.batch_size for one in kept.found.values()] == [32, 100]


def test_one_batch_is_kept_however_large_up_to_a_limit(kept: Candidates) -> None:
    row = np.zeros((1, MOST_BYTES // 8), "uint8")
    x = np.repeat(row, 32, axis=0)
    kept.keras("fit", object(), SITE, (x, None, 20), {})
    assert "MiB" in only(kept).why_not
    assert only(kept).data is None
    kept.keras("fit", object(), ("train.py", 9), (x, None, 8), {})
    assert len(list(kept.found.values())[1].data[0]) == 8


def test_a_line_counts_once_and_few_lines_are_kept(kept: Candidates) -> None:
    first, later = object(), object()
    for model in (first, later):
        kept.keras("fit", model, SITE, (np.zeros((4, 1)),), {})
    assert only(kept).subject is first
    for line in range(100):
        kept.function(object(), "step", ("train.py", line), ((), {}))
    assert len(kept.found) == candidates.MOST_CANDIDATES


def test_nothing_is_kept_unasked(kept: Candidates) -> None:
    kept.wanted = False
    kept.keras("fit", object(), SITE, (np.zeros((4, 1)),), {})
    assert not kept.found


def test_batches_that_keras_read_of_a_generator_are_taken(kept: Candidates) -> None:
    kept.keras("fit", object(), SITE, (iter([1, 2]),), {})
    assert only(kept).form == "generator"
    kept.batches([(1,), (2,)])
    assert (only(kept).form, only(kept).data) == ("batches", [(1,), (2,)])


def test_data_that_cannot_be_copied_are_said_so(kept: Candidates) -> None:
    class Odd:
        def __len__(self) -> int:
            raise RuntimeError("no length")

    kept.keras("fit", object(), SITE, (Odd(),), {})
    assert "RuntimeError: no length" in only(kept).why_not
