"""Models measured without training: built by a function or saved, on data given or made up."""

from __future__ import annotations

import subprocess
import sys

import pytest
from click.testing import CliRunner

from dropout_lint.cli import verify as command
from dropout_lint.verify.campaign import verify_program
from dropout_lint.verify.experiment import Options, plan
from dropout_lint.verify.programs import named_model

pytestmark = pytest.mark.slow

MODULE = """
import os

os.environ["KERAS_BACKEND"] = "tensorflow"

import keras
import numpy as np


class Head(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.drop = keras.layers.Dropout(0.5)

    def call(self, x):
        return self.drop(x, training=True)


def build_model():
    keras.utils.set_random_seed(1)
    inputs = keras.Input((6,))
    outputs = keras.layers.Dense(1, activation="sigmoid")(Head()(keras.layers.Dense(16, "relu")(inputs)))
    model = keras.Model(inputs, outputs)
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


def load():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 6)).astype("float32")
    return x, (x[:, 0] > 0).astype("float32")
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "building.py"
    path.write_text(MODULE)
    return path


def verified(program, findings, **options):
    return verify_program(program, (), plan(findings), sys.executable, Options(passes=5, **options))


def test_a_model_on_its_data(module, finding):
    flagged = finding(module, "self.drop(x, training=True)", "layer-call", "inherit", "KTM103")

    report = verified(named_model("building:build_model", "building:load"), [flagged], most_rows=64)

    assert report.data == {"event": "data", "synthetic": False, "rows": 64, "evaluated": True}
    assert report.results[0].boundary == "evaluate"
    assert {metric.name for metric in report.results[0].metrics} == {"accuracy", "loss"}
    assert report.results[0].metrics[0].rows == 64


def test_a_model_without_data_is_called_on_made_up_inputs(module, finding):
    flagged = finding(module, "self.drop(x, training=True)", "layer-call", "inherit", "KTM103")

    report = verified(named_model("building:build_model", None), [flagged])

    assert report.data["synthetic"] is True
    assert report.results[0].metrics == ()
    assert report.results[0].outputs.rows >= 256
    assert report.results[0].verdict in ("confirmed", "inconclusive")


def test_a_saved_model_with_its_flag_inside(tmp_path, monkeypatch, finding):
    monkeypatch.chdir(tmp_path)
    code = (
        "import keras\ni = keras.Input((4,))\n"
        "o = keras.layers.Dense(3)(keras.layers.Dropout(0.5)(i, training=True))\n"
        "keras.Model(i, o).save('saved.keras')\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    (tmp_path / "x.py").write_text("saved\n")
    from dataclasses import replace

    from dropout_lint.findings import Probe

    by_hand = finding(tmp_path / "x.py", "saved", "graph-call", "inherit", "KTM102")
    path = str(tmp_path / "saved.keras")
    flagged = replace(by_hand, path=path, probe=Probe("graph-call", path, by_hand.span, "inherit"))

    result = verified(named_model("saved.keras", None), [flagged]).results[0]

    # Keras 3.3 to 3.15 ignores it in predict(); a direct call obeys it.
    assert (result.verdict, result.boundary) == ("confirmed", "layer")


@pytest.mark.cases
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--model", "building:build_model", "--data", "building:narrow"], "does not fit the model's inputs"),
        (["--model", "building:unbuilt"], "the model has no input shapes yet"),
        (["--model", "building:load"], "building:load returned no model but tuple"),
        (["--model", "building:absent"], "has no attribute 'absent'"),
    ],
)
def test_what_cannot_be_called_is_told_once(module, arguments, told):
    module.write_text(
        MODULE
        + "\n\ndef narrow():\n    return np.ones((9, 5)), np.ones(9)\n"
        + "\n\nclass Net(keras.Model):\n    def call(self, x):\n        return x\n"
        + "\n\ndef unbuilt():\n    return Net()\n"
    )

    outcome = CliRunner().invoke(command.verify, arguments, standalone_mode=False)

    assert outcome.return_value == 2
    assert told in outcome.output
    assert outcome.output.count("error:") == 1
