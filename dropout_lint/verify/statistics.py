"""Intervals for a mean difference over rows, and what they mean against a margin.

The estimand is the mean over masks of metric(as written) − metric(fixed), on the same weights and rows. Per row, the
difference is averaged over passes first; the interval is over rows, or over whole batches where batch
normalisation couples the rows of a batch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

FEWEST_CLUSTERS = 20
"""Below, no interval: BCa covers 78 % at n = 4 where it says 95 % (measured, SciPy 1.17)."""

MANY_ROWS = 5_000
"""From here the normal interval is as good and costs nothing."""

RESAMPLES = 4_000
BATCH_OF_RESAMPLES = 64
"""SciPy draws this many resamples at once: memory is resamples times rows otherwise."""

RATE_MARGIN = 0.005
RELATIVE_MARGIN = 0.05

HIGHER_IS_BETTER = (
    "accuracy", "acc", "auc", "precision", "recall", "f1", "fbeta", "iou", "r2", "dice", "sensitivity", "specificity",
    "top_k", "hit", "ndcg", "map", "bleu", "score", "agree", "overlap",
)  # fmt: skip
LOWER_IS_BETTER = (
    "loss", "mse", "mae", "rmse", "mape", "msle", "error", "entropy", "perplexity", "divergence", "nll", "hinge",
    "poisson", "deviance", "wer", "difference", "spread", "gap",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Interval:
    """A 95 % interval over ``clusters`` of a kind: ``rows``, ``batches``, or ``none`` where rows are unknown.

    Without bounds there were too few clusters.
    """

    low: float | None
    high: float | None
    over: str
    clusters: int = 0


def sign_of(name: str) -> int:
    """1 if higher is better, −1 if lower is better, 0 if the name does not tell.

    Words of the name decide, and losses win: "accuracy loss" is a loss.
    """
    words = name.lower().replace("-", "_").replace(" ", "_")
    parts = words.split("_")
    if any(word in parts or (len(word) > 3 and word in words) for word in LOWER_IS_BETTER):
        return -1
    if any(word in parts or (len(word) > 3 and word in words) for word in HIGHER_IS_BETTER):
        return 1
    return 0


def margin_of(name: str, fixed: float, wanted: float | None = None) -> float:
    """How large a difference must be to matter: 0.005 for a rate, 5 % of the fixed value for anything else."""
    if sign_of(name) > 0 and 0 <= fixed <= 1:
        return RATE_MARGIN if wanted is None else wanted
    return RELATIVE_MARGIN * abs(fixed)


def interval(differences: Any, batches: Sequence[int], *, coupled: bool, seed: int = 0) -> Interval:
    """The 95 % interval of the mean of per-row ``differences``.

    ``batches`` are the sizes of consecutive batches; with ``coupled`` they are the clusters. A constant difference
    makes BCa divide zero by zero (not only the constant zero), so it is its own interval.
    """
    import numpy as np

    values = np.asarray(differences, "float64")
    over = "rows"
    weights = None
    if coupled and batches and sum(batches) == len(values):
        bounds = np.cumsum(batches)[:-1]
        groups = np.split(values, bounds)
        values = np.array([group.mean() for group in groups if len(group)])
        weights = np.array([len(group) for group in groups if len(group)], "float64")
        over = "batches"
    if len(values) < FEWEST_CLUSTERS:
        return Interval(None, None, over, len(values))
    if np.ptp(values) <= 1e-12 * max(1.0, float(np.abs(values).max())):
        mean = float(values.mean())
        return Interval(mean, mean, over, len(values))
    if weights is not None and np.ptp(weights) > 0:
        return _weighted_interval(values, weights, over, seed)
    if len(values) >= MANY_ROWS:
        mean, error = float(values.mean()), float(values.std(ddof=1)) / math.sqrt(len(values))
        return Interval(mean - 1.959964 * error, mean + 1.959964 * error, over, len(values))
    return _bca(values, over, seed)


def _bca(values: Any, over: str, seed: int) -> Interval:
    import warnings

    import numpy as np
    from scipy import stats

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for method in ("BCa", "percentile"):
            result = stats.bootstrap(
                (values,),
                np.mean,
                n_resamples=RESAMPLES,
                batch=BATCH_OF_RESAMPLES,
                method=method,
                rng=np.random.default_rng(seed),
            )
            low, high = (float(bound) for bound in result.confidence_interval)
            if math.isfinite(low) and math.isfinite(high):
                return Interval(low, high, over, len(values))
    return Interval(None, None, over, len(values))


def _weighted_interval(values: Any, weights: Any, over: str, seed: int) -> Interval:
    """Percentile interval of a mean over batches of unequal size (the last one is usually short)."""
    import numpy as np

    generator = np.random.default_rng(seed)
    drawn = generator.integers(0, len(values), (RESAMPLES, len(values)))
    means = (values[drawn] * weights[drawn]).sum(axis=1) / weights[drawn].sum(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    return Interval(float(low), float(high), over, len(values))


def judge(difference: float, bounds: Interval, margin: float, per_pass: Sequence[float], sign: int) -> tuple[str, str]:
    """Verdict and direction of one difference (as written − fixed).

    With an interval, it must be clear of the margin. Without one (too few rows), every single pass must be: that is a
    statement about these rows only, and the report says so.
    """
    low, high = bounds.low, bounds.high
    if low is None or high is None:
        if per_pass and all(abs(value) > margin and value * difference > 0 for value in per_pass):
            return "confirmed", _direction(difference, sign)
        if per_pass and all(abs(value) <= margin for value in per_pass):
            return "no-material-difference", "none"
        return "inconclusive", "none"
    if low > margin or high < -margin:
        return "confirmed", _direction(difference, sign)
    if -margin <= low and high <= margin:
        return "no-material-difference", "none"
    return "inconclusive", "none"


def _direction(difference: float, sign: int) -> str:
    if sign == 0:
        return "changed"
    return "worse" if difference * sign < 0 else "better"


def mean(values: Sequence[float]) -> float:
    """The arithmetic mean."""
    return sum(values) / len(values) if values else float("nan")


def deviation(values: Sequence[float]) -> float:
    """The sample standard deviation; 0 for a single value."""
    if len(values) < 2:
        return 0.0
    centre = mean(values)
    return math.sqrt(sum((value - centre) ** 2 for value in values) / (len(values) - 1))
