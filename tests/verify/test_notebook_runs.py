"""Notebooks under the verifier: in a kernel through nbclient, and without one."""

from __future__ import annotations

import json
import sys

import pytest

from dropout_lint.engine import run
from dropout_lint.settings import Resolver
from dropout_lint.verify import runner
from dropout_lint.verify.campaign import verify_program
from dropout_lint.verify.experiment import Options, plan
from dropout_lint.verify.report import lines_of

CELLS = [
    ("markdown", "# Title"),
    ("code", "%time\nvalues = [1, 2]\nprint('sum:', sum(values))"),
    ("code", "len(values)"),
    ("code", "!true\nrate = 0.5\nprint('loss:', rate)"),
    ("code", "import keras\n\nkeras.backend.set_learning_phase(1)"),
]


NET = """import tensorflow as tf


class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.drop = keras.layers.Dropout(0.5)
        self.out = keras.layers.Dense(2)

    def call(self, x):
        return self.out(self.drop(x))"""


def notebook(path, cells):
    made = [
        {"cell_type": kind, "id": str(n), "metadata": {}, "source": text}
        | ({"outputs": [], "execution_count": None} if kind == "code" else {})
        for n, (kind, text) in enumerate(cells)
    ]
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    path.write_text(json.dumps({"cells": made, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}))
    return path


@pytest.fixture
def book(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "keras.py").write_text("class backend:\n    pass\n")
    return notebook(tmp_path / "book.ipynb", CELLS)


@pytest.fixture(params=["kernel", "here"])
def way(request, monkeypatch):
    if request.param == "here":
        monkeypatch.setattr(runner, "has_kernel", lambda _: False)
    else:
        pytest.importorskip("nbclient")
        pytest.importorskip("ipykernel")
    return request.param


def verified(path):
    findings = run([path], Resolver(isolated=True, overrides={"keras-version": "3.15"})).findings
    report = verify_program(path, (), plan(findings), sys.executable, Options(replays=0))
    return findings, report


def test_a_finding_in_a_cell(book, way):
    before = book.read_bytes()

    findings, report = verified(book)

    assert [(finding.code, finding.cell, finding.span.start.line) for finding in findings] == [("KTM302", 5, 3)]
    result = report.results[0]
    assert (result.verdict, result.exception["type"]) == ("confirmed-raises", "AttributeError")
    printed = [line for line in report.stdout.splitlines() if not line.startswith(("CPU", "Wall"))]
    assert printed == ["sum: 3", "2", "loss: 0.5"]
    assert "book.ipynb:cell 5:3: keras.backend.set_learning_phase(1)" in list(lines_of(result, report))
    assert book.read_bytes() == before


def test_a_cell_that_fails(tmp_path, monkeypatch, way):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "keras.py").write_text("class backend:\n    pass\n")
    path = notebook(tmp_path / "book.ipynb", [("code", "1 / 0"), *CELLS[2:]])

    _, report = verified(path)

    assert report.results[0].verdict == "failed"
    assert report.results[0].exception["type"] == "ZeroDivisionError"
    assert report.results[0].exception["frames"][0]["text"] == "1 / 0"


@pytest.mark.slow
def test_a_model_in_cells(tmp_path, monkeypatch, way):
    """A traced step, a layer that is always on, a definition in one cell and its training in another."""
    monkeypatch.chdir(tmp_path)
    path = notebook(
        tmp_path / "model.ipynb",
        [
            (
                "code",
                "import os\n\nos.environ['KERAS_BACKEND'] = 'tensorflow'\n%time\nimport keras\nimport numpy as np",
            ),
            ("code", NET),
            (
                "code",
                "rng = np.random.default_rng(0)\nx = rng.normal(size=(64, 8)).astype('float32')\ny = x[:, :2] * 2",
            ),
            ("code", "net = Net()\nnet.compile('adam', 'mse')\nhistory = net.fit(x, y, verbose=0)"),
            ("code", "@tf.function\ndef served(batch):\n    return net(batch, training=True)"),
            ("code", "predictions = served(tf.constant(x)).numpy().argmax(axis=1)\npredictions.shape"),
        ],
    )

    findings, report = verified(path)

    assert [(finding.code, finding.cell) for finding in findings] == [("KTM403", 2), ("KTM101", 5)]
    never, served = report.results
    assert (never.verdict, never.observed["modes"][0]["training"]) == ("confirmed", 0)
    assert (served.verdict, served.boundary, served.outputs.rows) == ("confirmed", "function", 64)
    assert any(
        "model.ipynb:cell 6:1: predictions = served(tf.constant(x)).numpy()" in line
        for line in lines_of(served, report)
    )
    assert report.stdout.splitlines()[-1] == "(64,)"
