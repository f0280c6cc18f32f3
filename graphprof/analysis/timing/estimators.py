"""Means, medians and spreads of values that depend on their neighbours, and how to print them.

The building blocks of ``stats``. Sources: Yuen 1974 (trimmed mean and its standard error); Welch 1947
and Satterthwaite 1946 (degrees of freedom of a sum of variances); Schmeiser 1982 (10 to 30 batch
means for dependent observations).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

Series = NDArray[np.float64]

CONFIDENCE = 0.95
TRIM = 0.2
BATCHES = 10
# Batch means need at least two rounds a batch to see what binds neighbouring rounds together.
BATCHED_FROM = 2 * BATCHES


@dataclass(frozen=True)
class Mean:
    """A mean with its doubt.

    Attributes:
        value: the mean.
        se: its standard error, or None when fewer than two values were there.
        df: degrees of freedom of ``se`` (``math.inf`` when it is known), 0 without one.
        n: how many values it rests on.
    """

    value: float
    se: float | None
    df: float
    n: int = 0

    def interval(self, confidence: float = CONFIDENCE) -> tuple[float, float] | None:
        """The two-sided interval by Student's t, or None when there is no standard error."""
        if self.se is None:
            return None
        half = t_quantile(self.df, confidence) * self.se
        return self.value - half, self.value + half


def t_quantile(df: float, confidence: float = CONFIDENCE) -> float:
    """Two-sided quantile of Student's t; ``df`` may be fractional or infinite."""
    tail = 0.5 + confidence / 2
    if math.isinf(df) or df > 1e9:
        return float(special.ndtri(tail))
    return float(special.stdtrit(df, tail))


def total(parts: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Sum of independent variances and its degrees of freedom (Welch-Satterthwaite).

    Args:
        parts: (variance, degrees of freedom) pairs.
    """
    variance = sum(part for part, _ in parts)
    spread = sum(part**2 / df for part, df in parts if not math.isinf(df))
    return variance, (variance**2 / spread if spread > 0 else math.inf)


def trimmed_mean(values: ArrayLike, correlation: float = 0.0) -> Mean:
    """20 % trimmed mean of values in their order of measuring, with the larger of two errors.

    One is Yuen's standard error, ``s_w * sqrt((n - 1) / (h * (h - 1)))`` with the winsorised
    standard deviation ``s_w`` and the ``h`` values that the trimming leaves. The other is the same
    error from ten batches of neighbouring values, which also sees what lasts for several of them
    (drift, a neighbour who comes and goes); with batches of one value it is Yuen's. Fewer than
    five values are not trimmed.

    Args:
        values: the values.
        correlation: of neighbours, where it is known beforehand and there are too few values to
            see it: ``n`` of them then count as ``n (1 - r) / (1 + r)``, as in a first-order
            autoregression.
    """
    x = np.asarray(values, dtype=float)
    n = x.size
    if n == 0:
        raise ValueError("no values")
    cut = int(TRIM * n)
    kept = n - 2 * cut
    ordered = np.sort(x)
    mean = float(ordered[cut : n - cut].mean())
    if n < 2:
        return Mean(mean, None, 0, n)
    winsorised = np.clip(x, ordered[cut], ordered[n - cut - 1])
    scale = math.sqrt((n - 1) / (kept * (kept - 1)))
    thinned = (1 - correlation) / (1 + correlation)
    yuen = scale * float(winsorised.std(ddof=1)) / math.sqrt(thinned)
    yuen_df = max(1.0, thinned * (kept - 1))
    if n < BATCHED_FROM:
        return Mean(mean, yuen, yuen_df, n)
    means = np.array([batch.mean() for batch in np.array_split(winsorised, BATCHES)])
    batched = scale * math.sqrt(n / BATCHES) * float(means.std(ddof=1))
    if batched > yuen:
        return Mean(mean, batched, BATCHES - 1, n)
    return Mean(mean, yuen, yuen_df, n)


def batched_median(values: Series) -> Mean:
    """Median of values in their order, its error from medians of batches of neighbours."""
    median, n = float(np.median(values)), values.size
    if n < 2:
        return Mean(median, None, 0, n)
    batches = min(BATCHES, n)
    medians = [float(np.median(batch)) for batch in np.array_split(values, batches)]
    return Mean(median, float(np.std(medians, ddof=1)) / math.sqrt(batches), batches - 1, n)


def robust_spread(values: ArrayLike) -> float | None:
    """Spread relative to the median: 1.4826 times the median absolute deviation, over the median.

    It estimates the coefficient of variation of what most values do; None for fewer than five.
    """
    x = np.asarray(values, dtype=float)
    if x.size < 5 or not np.median(x) > 0:
        return None
    median = float(np.median(x))
    return 1.4826 * float(np.median(np.abs(x - median))) / median


def trend(values: ArrayLike) -> float | None:
    """Spearman's rank correlation of values with their place in time; None for fewer than ten."""
    x = np.asarray(values, dtype=float)
    if x.size < 10 or np.ptp(x) == 0:
        return None
    _, inverse, counts = np.unique(x, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return float(np.corrcoef(ranks, np.arange(x.size))[0, 1])


def figures(value: float, low: float | None, high: float | None) -> int:
    """Significant figures of ``value`` that its interval bears (2 when there is none).

    The last figure shown stands where the first figure of the interval's half-width stands, one
    further when that is a 1: ``figures(1.5934, 1.54, 1.65) == 3``, for 1.59.
    """
    if low is None or high is None or not high > low or value == 0:
        return 2 if low is None or high is None else 4
    half = (high - low) / 2
    place = math.floor(math.log10(half))
    if half / 10**place < 2:
        place -= 1
    return min(6, max(1, math.floor(math.log10(abs(value))) - place + 1))


def rounded(value: float, low: float | None, high: float | None) -> float:
    """``value`` rounded to the figures that its interval bears."""
    if value == 0 or not math.isfinite(value):
        return value
    return round(value, figures(value, low, high) - 1 - math.floor(math.log10(abs(value))))
