"""The table of what becomes of a rate, against the installed keras and tf_keras."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from dropout_lint.keras.rates import outcome, problem_of

MEASURE = Path(__file__).with_name("measure_rates.py")


def told(measured):
    """A measured outcome in the words of the table."""
    when, _, error = measured.partition(": ")
    return {
        "at once": f"the constructor raises {error}",
        "in a call": f"the first call raises {error}",
        "in training": f"the first call in training mode raises {error}",
        "zeros": "everything is dropped in training, so the output is zero",
        "nan": "the output is nan in training",
    }.get(when)


@pytest.mark.slow
@pytest.mark.parametrize(("package", "generation"), [("keras", 3), ("tf_keras", 2)])
def test_every_outcome_is_as_measured(package, generation):
    environment = {
        **os.environ,
        "CUDA_VISIBLE_DEVICES": "-1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "KERAS_BACKEND": "tensorflow",
    }
    command = [sys.executable, "-W", "ignore", str(MEASURE), package]
    process = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert process.returncode == 0, process.stderr[-3000:]
    wrong = {}
    for name, outcomes in json.loads(process.stdout.splitlines()[-1]).items():
        for problem, measured in outcomes.items():
            claimed = outcome(f"keras.layers.{name}", problem, generation)
            if measured == "acts":
                right = claimed is None
            elif measured == "nothing":
                right = claimed is not None and "silently ignored" in claimed
            else:
                right = claimed == told(measured)
            if not right:
                wrong[name, problem] = (measured, claimed)
    assert wrong == {}


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (0, None),
        (0.5, None),
        (False, None),
        (1, "one"),
        (1.0, "one"),
        (True, "one"),
        (1.5, "above"),
        (50, "above"),
        (-0.1, "negative"),
        (float("nan"), "not-a-number"),
        (float("inf"), "above"),
        ("0.5", "text"),
        (None, "none"),
        ((1,), None),
    ],
)
def test_what_is_wrong_with_a_rate(value, problem):
    assert problem_of(value) == problem
