"""Verdicts from observations, without running anything."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dropout_lint.findings import Confidence, Finding, Position, Probe, Severity, Span
from dropout_lint.verify.experiment import Experiment
from dropout_lint.verify.judgement import judge_experiment
from dropout_lint.verify.replay import Printed
from dropout_lint.verify.replayed import with_replay
from dropout_lint.verify.runner import Run

SPAN = Span(Position(3, 1), Position(3, 9))


def experiment(kind="call"):
    finding = Finding(
        "KTM101", "n", Severity.ERROR, Confidence.HIGH, "m", "p.py", SPAN, probe=Probe(kind, "p.py", SPAN, False)
    )
    return Experiment(0, finding)


def run(*events, rows=None, status=0, timed_out=False, end=True):
    ending = ({"event": "end", "exit": status, "seconds": 1.0, "exception": None},) if end else ()
    return Run((*events, *ending), "", "", status, 1.0, timed_out, rows or {})


def summary(reached=1, **others):
    return {"event": "summary", "probe": 0, "reached": reached, "eligible": reached, "measured": 0, **others}


def measurement(as_written, fixed, batches, *, coupled=False, in_fit=False, metric="accuracy", arrays="a"):
    return {
        "event": "measurement",
        "probe": 0,
        "boundary": {"kind": "evaluate", "in_fit": in_fit, "where": ["p.py", 9]},
        "execution": 1,
        "passes": len(as_written),
        "rows": sum(batches),
        "batches": batches,
        "batch_coupled": coupled,
        "metrics": [{"name": metric, "as_written": as_written, "fixed": fixed}],
        "outputs": None,
        "arrays": arrays,
        "state": [],
        "ran_in_training": {"dropout": 1},
        "seconds": 0.5,
    }


def toggle(largest, *, repeatable=True):
    return {
        "event": "toggle",
        "probe": 0,
        "boundary": {"kind": "predict", "where": ["p.py", 9]},
        "max_abs_difference": largest,
        "repeatable": repeatable,
        "metrics": [],
        "rows": 5,
        "ran_in_training": {},
        "layers": ["dropout"],
        "values": [True],
        "seconds": 0.1,
    }


def outputs(reference, flips=None):
    """Two passes that are off by 0.3 in every row, for these fixed outputs."""
    reference = np.asarray(reference, dtype="float64")
    classes = {} if flips is None else {"changed_by_pass": [flips, flips], "changed_between_calls": 0.0}
    return {
        "rows": len(reference),
        "shape": list(reference.shape),
        "max_abs_difference": 0.3,
        "values": reference.size,
        "mean": float(reference.mean()),
        "deviation": float(reference.std()),
        "distance_by_pass": [0.3, 0.3],
        "classes": None if flips is None else "threshold",
        "changed_between_calls": None,
        "digest": str(reference),
        **classes,
    }


def judged(observed, kind="call"):
    return judge_experiment(experiment(kind), observed, None, 0)


def test_a_clear_loss_of_accuracy_is_confirmed_with_its_interval():
    differences = np.where(np.arange(400) % 10 == 0, -1.0, 0.0)
    event = measurement([0.86, 0.84], [0.95], [400])

    result = judged(run(event, summary(), rows={"a": {"metric:accuracy": differences}}))

    assert (result.verdict, result.direction) == ("confirmed", "worse")
    assert result.metrics[0].interval.low < -0.1 < result.metrics[0].interval.high < -0.005


def test_a_difference_within_the_margin_is_none():
    event = measurement([0.95, 0.95], [0.95], [400])

    result = judged(run(event, summary(), rows={"a": {"metric:accuracy": np.zeros(400)}}))

    assert result.verdict == "no-material-difference"


def test_an_interval_across_the_margin_names_what_is_scarce():
    differences = np.where(np.arange(100) % 50 == 0, -1.0, 0.0)

    result = judged(run(measurement([0.93], [0.95], [100]), summary(), rows={"a": {"metric:accuracy": differences}}))

    assert (result.verdict, result.reason) == ("inconclusive", "more rows would decide")


def test_evaluation_after_fit_counts_more_than_validation_inside_it():
    during = measurement([0.5], [0.5], [50], in_fit=True)
    after = measurement([0.2, 0.21], [0.9], [10])

    result = judged(run(after, during, summary()))

    assert [metric.as_written for metric in result.metrics] == [(0.2, 0.21)]
    assert result.seconds == 1.0, "time spent on what does not count was spent all the same"
    assert (result.verdict, result.metrics[0].interval.low) == ("confirmed", None)


@pytest.mark.parametrize(
    ("observed", "verdict", "reason"),
    [
        (run(summary(0)), "not-reached", "the program ended without executing the line"),
        (run(summary(2, reasons={"traced": 2})), "not-reached", "traced"),
        (run(summary(1, errors=["ValueError: x"])), "inconclusive", "measuring it failed: ValueError: x"),
        (run(summary(0), status=3), "failed", "the program ended with status 3"),
        (run(end=False, status=-11), "failed", "the interpreter died (signal 11)"),
        (run(end=False, status=-15, timed_out=True), "not-reached", "the time limit came first"),
    ],
)
def test_why_there_is_no_measurement(observed, verdict, reason):
    result = judged(observed)

    assert (result.verdict, result.reason) == (verdict, reason)


@pytest.mark.parametrize(
    ("events", "verdict"),
    [
        ([toggle(0.0), toggle(0.0)], "confirmed-no-effect"),
        ([toggle(0.0), toggle(1e-7)], "inconclusive"),
        ([toggle(0.5, repeatable=False)], "inconclusive"),
        ([], "inconclusive"),  # executed, and nothing it could have changed came after it
    ],
)
def test_a_toggle_has_no_effect_only_if_every_comparison_agrees_to_the_last_bit(events, verdict):
    assert judged(run(*events, summary()), kind="toggle").verdict == verdict


@pytest.mark.parametrize(
    ("verdict", "deterministic", "expected"),
    [
        ("not-reached", True, ("confirmed", "worse")),
        ("not-reached", False, ("not-reached", "none")),
        ("failed", True, ("failed", "none")),
    ],
)
def test_a_replay_confirms_what_the_site_could_not_if_the_program_repeats_itself(verdict, deterministic, expected):
    result = replace(judged(run(summary(0))), verdict=verdict)

    replayed = with_replay(result, (Printed("test accuracy", (0.8,), (0.9,)),), deterministic=deterministic)

    assert (replayed.verdict, replayed.direction) == expected


def made(total, weights=(), apart=None, listed=False):
    seen = {"kind": "Dense", "total": total, "owner": "Net", "weights": list(weights), "apart": apart or {}}
    return {"event": "made", "probe": 0, "listed": listed, **seen}


def unread(called=1, taken=0, ran=0):
    return {"event": "unread", "probe": 0, "kind": "Dropout", "layers": 1, "called": called, "taken": taken, "ran": ran}


@pytest.mark.parametrize(
    ("kind", "event", "verdict", "reason"),
    [
        (
            "made",
            made(3, ["kernel"], {"kernel": 2.5}),
            "confirmed",
            "Dense was made 3 times; the first two differ: ‖Δ kernel‖ = 2.5; their weights are not among those of Net",
        ),
        ("made", made(2), "confirmed", "Dense was made 2 times; each with a random state of its own"),
        ("made", made(1), "inconclusive", "Dense was made once; a second call would tell"),
        ("made", made(2, ["kernel"], listed=True), "no-material-difference", "Net keeps what is made there"),
        (
            "unread",
            unread(),
            "confirmed-no-effect",
            "no layer takes the output of the Dropout; it ran in no model of the program",
        ),
        (
            "unread",
            unread(called=0),
            "confirmed-no-effect",
            "the Dropout is never called; it ran in no model of the program",
        ),
        (
            "unread",
            unread(taken=1, ran=4),
            "no-material-difference",
            "the Dropout ran 4 times; 1 layers take its output",
        ),
    ],
)
def test_what_became_of_a_layer_is_the_verdict(kind, event, verdict, reason):
    result = judged(run(event, summary()), kind=kind)

    assert (result.verdict, result.reason) == (verdict, reason)


def test_a_loss_that_is_no_number_is_worse_than_any():
    event = measurement([float("nan"), float("inf")], [1.2], [64], metric="loss")

    result = judged(run(event, summary()))

    assert (result.verdict, result.direction) == ("confirmed", "worse")


@pytest.mark.parametrize(
    ("references", "divergence", "scaled_by"),
    [
        pytest.param([[1.0, 3.0]], 0.3, "spread", id="one call"),
        # each call hands on a single number: only all of them together have a spread
        pytest.param([[1.0], [3.0]], 0.3, "spread", id="one number each"),
        pytest.param([[5.0], [5.0, 5.0]], 0.06, "size", id="all the same"),
        pytest.param([[0.0, 0.0]], 0.3, None, id="all zero"),
    ],
)
def test_distances_of_outputs_are_told_by_what_the_outputs_are_like(references, divergence, scaled_by):
    events, rows = [], {}
    for number, reference in enumerate(references):
        arrays = str(number)
        event = measurement([], [], [len(reference)], arrays=arrays)
        events.append({**event, "metrics": [], "passes": 2, "outputs": outputs(reference)})
        rows[arrays] = {"divergence": np.full(len(reference), 0.3)}

    found = judged(run(*events, summary(len(events)), rows=rows)).outputs

    assert found.classes is None
    assert (round(found.divergence, 9), found.scaled_by) == (divergence, scaled_by)
    assert np.allclose(found.by_pass, divergence)


def test_a_number_between_0_and_1_is_no_probability_if_the_next_one_is_not():
    events = [
        {**measurement([], [], [2], arrays="a"), "metrics": [], "outputs": outputs([0.2, 0.8], flips=0.5)},
        {**measurement([], [], [2], arrays="b"), "metrics": [], "outputs": outputs([-4.0, 7.0])},
    ]
    rows = {"a": {"divergence": np.full(2, 0.3), "flips": np.array([0.0, 1.0])}, "b": {"divergence": np.full(2, 0.3)}}

    found = judged(run(*events, summary(2), rows=rows)).outputs

    assert (found.classes, found.changed_by_fix, found.changed_between_calls) == (None, None, None)
    assert max(found.by_pass) < 0.1
