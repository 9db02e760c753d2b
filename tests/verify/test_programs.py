"""Programs of this repository, run for real: every one starts TensorFlow, so they are few."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from dropout_lint.cli import verify as command
from dropout_lint.verify.campaign import verify_program
from dropout_lint.verify.experiment import Options, plan

pytestmark = pytest.mark.slow


def plainly(script):
    finished = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True)
    return finished.stdout


def verified(script, findings, **options):
    return verify_program(script, (), plan(findings), sys.executable, Options(**{"replays": 0, **options}))


def test_the_article(programs):
    """The toggles of the article do nothing, bit for bit; what it meant costs accuracy."""
    script = programs / "article" / "article.py"

    outcome = CliRunner().invoke(command.verify, [str(script), "--output-format", "json"], standalone_mode=False)

    report = json.loads(outcome.stdout)
    results = {(r["finding"]["code"], r["finding"]["start"]["line"]): r for r in report["results"]}
    toggles = [result for (code, _), result in sorted(results.items()) if code == "KTM201"]
    assert [t["verdict"] for t in toggles] == ["confirmed-no-effect"] * 2
    assert [t["toggle"]["kinds"] for t in toggles] == [["evaluate"], ["predict"]]
    assert all(t["toggle"]["max_abs_difference"] == 0 for t in toggles)
    assert all(t["toggle"]["ran_in_training"] == 0 for t in toggles)
    (real,) = [result for (code, _), result in results.items() if code == "KTM101"]
    assert (real["verdict"], real["direction"]) == ("confirmed", "worse")
    assert real["outputs"]["changed_interval"][0] > 0.005
    (printed,) = real["replay"]
    assert printed["label"] == "test accuracy with dropout really on"
    assert printed["as_written"][0] < printed["fixed"][0]
    assert outcome.return_value == 1


def test_a_layer_that_never_leaves_training_mode(programs, finding):
    """Compiled metrics per arm over rows; shuffled data, later training and NumPy's generator go on as without us."""
    script = programs / "verify" / "forced_block.py"
    flagged = finding(script, "self.drop(self.dense(x), training=True)", "layer-call", "inherit", "KTM103")

    report = verified(script, [flagged], trace=True)

    assert report.stdout == plainly(script)
    result = report.results[0]
    assert (result.verdict, result.direction, result.boundary) == ("confirmed", "worse", "evaluate")
    metrics = {metric.name: metric for metric in result.metrics}
    assert metrics["accuracy"].interval.high < -0.005
    assert metrics["loss"].interval.low > 0
    assert {metric.interval.over for metric in result.metrics} == {"rows"}
    events = {(event["phase"], event["training"], event["why"], event["line"]) for event in report.modes}
    assert {("fit", True, "explicit", 16), ("evaluate", True, "explicit", 16)} <= events


def test_a_traced_step_is_edited_although_autograph_reads_the_source_again(programs, finding):
    script = programs / "verify" / "graph_step.py"
    flagged = finding(script, "model(x, training=True)", fix=("training=True", "training=False"))

    report = verified(script, [flagged], replays=1)

    assert report.stdout == plainly(script)
    result = report.results[0]
    assert (result.verdict, result.direction, result.boundary) == ("confirmed", "worse", "function")
    assert result.measured == 6
    assert result.outputs.rows == 300
    assert [(p.label, p.as_written[0] < p.fixed[0]) for p in result.replay] == [("test accuracy", True)]


def test_keras_2(programs, finding):
    """A flag in a graph, a toggle, and a bare call; masks come from counters in Python, which go on as without us."""
    script = programs / "verify" / "recurrent_keras2.py"
    graph = finding(
        script, "keras.layers.LSTM(12, dropout=0.4)(inputs, training=True)", "graph-call", "inherit", "KTM102"
    )
    toggle = finding(script, "model.layers[2].trainable", "toggle", None, "KTM201")
    bare = finding(script, "model(x[300:301], training=True)")

    report = verified(script, [graph, toggle, bare])

    assert report.stdout == plainly(script)
    assert report.environment["package"] == "tf_keras"
    assert [result.verdict for result in report.results] == ["confirmed", "confirmed-no-effect", "confirmed"]
    assert {metric.name: metric.direction for metric in report.results[0].metrics} == {"loss": "worse", "mae": "worse"}


def test_a_program_that_fails_first_is_said_to_have_failed(programs, finding):
    script = programs / "verify" / "failing.py"

    report = verified(script, [finding(script, "model(x_test, training=True)")])

    result = report.results[0]
    assert result.verdict == "failed"
    assert result.exception["message"] == "no measurements in measurements.npz"
    assert [frame["line"] for frame in result.exception["frames"]] == [12, 9]


def test_a_bug_across_two_modules(programs):
    script = programs / "two_modules" / "train.py"

    outcome = CliRunner().invoke(command.verify, [str(script), "--replay", "0", "--passes", "5"], standalone_mode=False)

    assert outcome.return_value == 1
    heading, details = outcome.stdout.splitlines()[:2]
    assert heading.split()[0] == "KTM101"
    assert heading.endswith("CONFIRMED: CHANGED")
    assert "evaluation.py:9" in details
    assert "800 rows" in details


def test_what_happened_is_evidence(programs, finding):
    """Modes below a definition and below a call, weights that move, statistics overwritten, an op in every mode."""
    script = programs / "verify" / "training_observed.py"
    findings = [
        finding(script, "call(self, inputs)", "mode", "phase", "KTM403"),
        finding(script, "normed(x)", "mode", True, "KTM105"),
        finding(script, "model.layers[0].trainable", "weights", None, "KTM203"),
        finding(script, "normed(x[:8], training=True)", "state", None, "KTM111"),
        finding(script, "tf.nn.dropout(inputs, rate=0.5)", "op", "identity", "KTM404"),
        finding(script, "model.eval()", "raises", "AttributeError", "KTM303"),
    ]

    report = verified(script, findings)

    assert report.stdout == plainly(script)
    definition, call, weights, state, op, raises = report.results
    assert [result.verdict for result in report.results] == ["confirmed"] * 5 + ["confirmed-raises"]
    assert "drop, norm ran in training mode in 0 of" in definition.reason or "norm, drop ran" in definition.reason
    assert definition.observed["statistics"] == {"norm/moving_mean": 0.0, "norm/moving_variance": 0.0}
    assert call.reached == 2
    assert call.observed["modes"][0]["training"] == 0
    assert weights.observed["weights"]["trainable"] is False
    assert weights.observed["weights"]["distances"]["base/kernel"] > 0
    assert {name for name, _ in state.state} == {"bn/moving_mean", "bn/moving_variance"}
    assert op.boundary == "evaluate"
    assert [metric.name for metric in op.metrics] == ["loss"]
    assert raises.reached == 1


def test_jax(programs, finding):
    """Rows out of a jitted evaluate, a user's jitted function with other seeds, a loss without the flag."""
    script = programs / "verify" / "jax_modes.py"
    findings = [
        finding(script, "self.drop(self.dense(inputs), training=True)", "layer-call", "inherit", "KTM103"),
        finding(script, "plain.stateless_call(trainable, others, batch, training=True)"),
        finding(script, "plain.stateless_call(trainable, others, batch)", "mode", True, "KTM105"),
    ]

    report = verified(script, findings, passes=5)

    assert report.stdout == plainly(script)
    assert report.environment["backend"] == "jax"
    block, served, loss = report.results
    assert [result.verdict for result in report.results] == ["confirmed"] * 3
    metrics = {metric.name: metric for metric in block.metrics}
    assert metrics["accuracy"].rows == 320
    assert metrics["accuracy"].interval.high < 0
    assert (served.boundary, served.measured, served.outputs.rows) == ("function", 5, 320)
    assert loss.observed["modes"][0]["training"] == 0
