"""What only Keras 2 takes, tried on the installed Keras 3; and what the table makes of a program."""

from __future__ import annotations

import subprocess
import sys

import pytest

from dropout_lint.keras.syntax import (
    KERAS_2_METHOD_ARGUMENTS,
    KERAS_2_METHODS,
    KERAS_2_METRIC_METHODS,
    is_keras_2_argument,
)

TRIED = """
import keras
made = keras.Input((2,))
model = keras.Model(made, keras.layers.Dense(1)(made))
def raises(run, kinds):
    try:
        run()
    except kinds:
        return
    raise SystemExit("accepted")
arguments = (ValueError, TypeError)
raises(lambda: keras.optimizers.Adam(lr=0.1), arguments)
raises(lambda: keras.layers.LSTM(3, batch_input_shape=(1, 2, 3)), arguments)
raises(lambda: keras.layers.Dense(3, init="x"), arguments)
raises(lambda: keras.Model(input=made, output=made), arguments)
raises(lambda: keras.callbacks.ModelCheckpoint("a.keras", period=2), arguments)
raises(lambda: model.compile("adam", "mse", sample_weight_mode="temporal"), arguments)
model.compile("adam", "mse")
raises(lambda: model.fit(nb_epoch=1), arguments)
for name in METHODS:
    raises(lambda: getattr(model, name), AttributeError)
for name in METRIC_METHODS:
    raises(lambda: getattr(keras.metrics.Mean(), name), AttributeError)
"""


@pytest.mark.slow
def test_keras_3_takes_none_of_it():
    program = f"METHODS, METRIC_METHODS = {set(KERAS_2_METHODS)}, {set(KERAS_2_METRIC_METHODS)}\n{TRIED}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr[-500:]
    assert all(f"{word}=" in TRIED for word in KERAS_2_METHOD_ARGUMENTS)


@pytest.mark.parametrize(
    ("name", "keyword", "expected"),
    [
        ("keras.optimizers.Adam", "lr", True),
        ("keras.optimizers.Adam", "learning_rate", False),
        ("keras.Model", "output", True),
        ("keras.Model", "outputs", False),
        ("keras.layers.Dense", "init", True),
        ("torch.optim.Adam", "lr", False),
    ],
)
def test_arguments_by_class(name, keyword, expected):
    assert is_keras_2_argument(name, keyword) is expected
