from __future__ import annotations

import numpy as np
import pytest

from dropout_lint.verify.statistics import Interval, interval, judge, margin_of, sign_of


@pytest.mark.parametrize("constant", [0.0, -0.25, 3e-9])
def test_a_constant_difference_is_its_own_interval_where_bca_would_be_nan(constant):
    bounds = interval(np.full(50, constant), [], coupled=False)

    assert (bounds.low, bounds.high) == pytest.approx((constant, constant))


def test_fewer_than_twenty_clusters_have_no_interval():
    assert interval(np.arange(19.0), [], coupled=False) == Interval(None, None, "rows", 19)
    assert interval(np.arange(200.0), [50, 50, 50, 50], coupled=True) == Interval(None, None, "batches", 4)


def test_rows_give_a_bca_interval_around_the_mean():
    values = np.random.default_rng(0).exponential(1.0, 300)

    bounds = interval(values, [300], coupled=False)

    assert bounds.over == "rows"
    assert bounds.low < values.mean() < bounds.high
    # Skewed data: BCa reaches further on the long side.
    assert bounds.high - values.mean() > values.mean() - bounds.low


def test_coupled_rows_are_resampled_in_whole_batches():
    generator = np.random.default_rng(0)
    per_batch = generator.normal(0.0, 1.0, 30)
    values = np.repeat(per_batch, 10)

    coupled = interval(values, [10] * 30, coupled=True)
    loose = interval(values, [10] * 30, coupled=False)

    assert coupled.over == "batches"
    assert coupled.high - coupled.low > 2 * (loose.high - loose.low)


def test_a_short_last_batch_weighs_less():
    values = np.concatenate([np.zeros(250), np.linspace(-1, 1, 250), np.full(1, 1000.0)])

    bounds = interval(values, [20] * 25 + [1], coupled=True)

    assert bounds.high < 10


def test_many_rows_give_the_normal_interval():
    values = np.random.default_rng(1).normal(0.5, 1.0, 6000)

    bounds = interval(values, [], coupled=False)

    assert bounds.high - bounds.low == pytest.approx(2 * 1.96 * values.std(ddof=1) / np.sqrt(6000), rel=1e-3)


@pytest.mark.parametrize(
    ("name", "sign"),
    [
        ("accuracy", 1), ("val_acc", 1), ("sparse_categorical_accuracy", 1), ("test auc", 1), ("f1", 1),
        ("loss", -1), ("mse", -1), ("root_mean_squared_error", -1), ("KL divergence", -1), ("accuracy loss", -1),
        ("temperature", 0), ("stretch", 0), ("", 0),
    ],
)  # fmt: skip
def test_the_name_of_a_metric_tells_which_way_is_better(name, sign):
    assert sign_of(name) == sign


@pytest.mark.parametrize(
    ("name", "fixed", "wanted", "margin"),
    [
        ("accuracy", 0.9, None, 0.005),
        ("accuracy", 0.9, 0.02, 0.02),
        ("loss", 0.2, None, 0.01),
        ("mse", -4.0, None, 0.2),
    ],
)
def test_margins(name, fixed, wanted, margin):
    assert margin_of(name, fixed, wanted) == pytest.approx(margin)


@pytest.mark.parametrize(
    ("difference", "low", "high", "per_pass", "sign", "expected"),
    [
        (-0.05, -0.06, -0.04, (), 1, ("confirmed", "worse")),
        (0.05, 0.04, 0.06, (), 1, ("confirmed", "better")),
        (0.05, 0.04, 0.06, (), -1, ("confirmed", "worse")),
        (0.05, 0.04, 0.06, (), 0, ("confirmed", "changed")),
        (0.001, -0.002, 0.004, (), 1, ("no-material-difference", "none")),
        (-0.006, -0.012, 0.001, (), 1, ("inconclusive", "none")),
        (-0.05, None, None, (-0.04, -0.06, -0.05), 1, ("confirmed", "worse")),
        (-0.05, None, None, (-0.04, -0.06, 0.001), 1, ("inconclusive", "none")),
        (0.001, None, None, (0.001, 0.002), 1, ("no-material-difference", "none")),
    ],
)
def test_verdict_of_a_difference_against_a_margin_of_half_a_point(difference, low, high, per_pass, sign, expected):
    assert judge(difference, Interval(low, high, "rows"), 0.005, per_pass, sign) == expected
