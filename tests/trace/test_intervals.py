"""Sets of moments against Python's sets of whole numbers."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from graphprof.trace import intervals

any_intervals = st.lists(st.tuples(st.integers(-20, 40), st.integers(0, 12)), max_size=12)


def arrays(spans):
    start = np.array([start for start, _ in spans], np.int64)
    return start, start + np.array([length for _, length in spans], np.int64)


def made(spans):
    return intervals.union(*arrays(spans))


def moments(found):
    return {moment for start, end in found.tolist() for moment in range(start, end)}


def named(spans):
    return {moment for start, length in spans for moment in range(start, start + length)}


def is_sound(found):
    flat = found.ravel()
    return bool((np.diff(flat) > 0).all())


@given(any_intervals)
def test_union_covers_what_any_interval_covers(spans):
    found = made(spans)
    assert moments(found) == named(spans)
    assert is_sound(found)


@given(any_intervals, any_intervals)
def test_intersection_and_difference_are_those_of_sets(one, other):
    both = intervals.intersect(made(one), made(other))
    assert moments(both) == named(one) & named(other)
    assert is_sound(both)
    left = intervals.subtract(made(one), made(other))
    assert moments(left) == named(one) - named(other)
    assert is_sound(left)


@given(any_intervals, st.lists(st.tuples(st.integers(-30, 50), st.integers(0, 40)), max_size=6))
def test_within_counts_the_moments_of_each_window(spans, windows):
    start, end = arrays(windows)
    expected = [
        len(named(spans) & set(range(low, high))) for low, high in zip(start, end, strict=True)
    ]
    assert intervals.within(made(spans), start, end).tolist() == expected


def test_touching_intervals_are_one():
    assert made([(0, 5), (5, 5)]).tolist() == [[0, 10]]


def test_an_hour_in_picoseconds_is_exact():
    hour = 3600 * 10**12
    found = made([(hour, 1), (2 * hour, hour - 1)])
    assert intervals.before(found, np.array([3 * hour], np.int64)).tolist() == [hour]
