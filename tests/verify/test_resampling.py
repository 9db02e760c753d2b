"""Metrics that are no mean over rows, recomputed on resampled rows; those here need no Keras."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from dropout_lint.engine import run
from dropout_lint.settings import Resolver
from dropout_lint.verify.campaign import verify_program
from dropout_lint.verify.child.observation import Observation
from dropout_lint.verify.child.resampling import resampled
from dropout_lint.verify.experiment import Options, plan
from dropout_lint.verify.statistics import interval


class Hits:
    """The share of rows that are right: a mean over rows, so that the interval is known otherwise."""

    name = "hits"

    def __init__(self, wrong=0.0):
        self.wrong = wrong
        self.reset_state()

    def reset_state(self):
        self.right = self.seen = 0

    def update_state(self, y_true, y_pred):
        self.right += int((y_true == y_pred).sum())
        self.seen += len(y_true)

    def result(self):
        return self.right / self.seen + self.wrong


class Undefined(Hits):
    def result(self):
        return float("nan") if self.right < self.seen * 0.7 else super().result()


class Refusing(Hits):
    def result(self):
        raise RuntimeError("only once")


def passes(rows, shares, batch=50):
    """Predictions with so many rows right, drawn at random in each pass."""
    generator = np.random.default_rng(5)
    truth = np.ones(rows)
    found = []
    for share in shares:
        predicted = (generator.random(rows) < share).astype("float64")
        given = {"hits": {"y_true": truth, "y_pred": predicted}}
        found.append(Observation({"hits": predicted.mean()}, batches=(batch,) * (rows // batch), given=given))
    return found


def differences(as_written, fixed):
    rows = [np.mean([o.given["hits"]["y_pred"] for o in arm], axis=0) for arm in (as_written, fixed)]
    return rows[0] - rows[1]


@pytest.mark.parametrize("coupled", [False, True])
def test_the_interval_is_that_of_the_rows_or_batches(coupled):
    as_written, fixed = passes(1200, [0.7] * 4), passes(1200, [0.9])

    found = resampled([Hits()], as_written, fixed, coupled=coupled, seed=0)["hits"]

    expected = interval(differences(as_written, fixed), as_written[0].batches, coupled=coupled)
    width = expected.high - expected.low
    assert found["interval"] == pytest.approx([expected.low, expected.high], abs=width / 8)
    assert (found["over"], found["clusters"]) == (expected.over, expected.clusters)


@pytest.mark.parametrize(
    ("metric", "rows", "coupled", "why"),
    [
        (Hits(), 10, False, "10 rows only"),
        (Hits(), 600, True, "12 batches only"),
        (Hits(wrong=0.2), 100, False, "recomputed from rows it is another number"),
        (Undefined(), 100, False, "it is undefined on resampled rows"),
        (Refusing(), 100, False, "recomputing it raises RuntimeError"),
    ],
)
def test_why_there_is_no_interval(metric, rows, coupled, why):
    as_written, fixed = passes(rows, [0.78], batch=min(rows, 50)), passes(rows, [0.9], batch=min(rows, 50))

    assert resampled([metric], as_written, fixed, coupled=coupled, seed=0) == {"hits": {"why": why}}


@pytest.mark.cases
def test_every_metric_of_a_program_gets_an_interval(programs):
    script = programs / "verify" / "ranking.py"
    findings = run([script], Resolver(isolated=True, overrides={"keras-version": "3.15"})).findings

    report = verify_program(script, (), plan(findings), sys.executable, Options(replays=0, passes=8))

    metrics = {metric.name: metric for metric in report.results[0].metrics}
    assert set(metrics) == {"loss", "accuracy", "auc", "precision", "f1", "iou", "balance"}
    assert all(m.interval.low < m.difference < m.interval.high for m in metrics.values())
    assert metrics["auc"].interval.high < -0.005
