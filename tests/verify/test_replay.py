from __future__ import annotations

import pytest

from dropout_lint.verify.replay import Printed, changed_numbers, same_output


@pytest.mark.parametrize(
    ("as_written", "fixed", "expected"),
    [
        ("test accuracy: 0.9400\n", "test accuracy: 0.9550\n", [("test accuracy", 0.94, 0.955)]),
        ("epochs 3\nloss=1.5e-3\n", "epochs 3\nloss=2e-4\n", [("loss", 0.0015, 0.0002)]),
        ('{"loss": 0.7, "acc": 0.6}\n', '{"loss": 0.5, "acc": 0.6}\n', [("loss", 0.7, 0.5)]),
        ("two: [0.1, 0.9] [0.2, 0.9]\n", "two: [0.1, 0.9] [0.1, 0.8]\n", [("two", 0.2, 0.1), ("two", 0.9, 0.8)]),
        ("mse: nan\n", "mse: nan\n", []),
        (
            "recall at 1% false alarms: 0.3\n",
            "recall at 1% false alarms: 0.9\n",
            [("recall at 1% false alarms", 0.3, 0.9)],
        ),
        ("epoch 2: loss 0.7, accuracy 0.5\n", "epoch 2: loss 0.7, accuracy 0.6\n", [("accuracy", 0.5, 0.6)]),
        ("mse: nan\n", "mse: 0.5\n", [("mse", pytest.approx(float("nan"), nan_ok=True), 0.5)]),
        ("changed: 79 of 400\n", "changed: 0 of 400\n", [("changed", 79, 0)]),
        ("start\nextra line 7\naccuracy 0.5\n", "start\naccuracy 0.6\n", [("accuracy", 0.5, 0.6)]),
        ("10/10 - 3s 20ms/step - loss: 0.5\n", "10/10 - 4s 31ms/step - loss: 0.5\n", []),
        ("1/2 loss: 9\r2/2 loss: 0.5\n", "1/2 loss: 8\r2/2 loss: 0.4\n", [("loss", 0.5, 0.4)]),
    ],
)
def test_numbers_that_changed_with_what_the_line_calls_them(as_written, fixed, expected):
    changed = changed_numbers([as_written], [fixed])

    assert [(p.label, p.as_written[0], p.fixed[0]) for p in changed] == expected


def test_several_pairs_of_runs_give_several_values():
    assert changed_numbers(["mse 1.0\n", "mse 1.5\n"], ["mse 0.5\n", "mse 0.25\n"]) == (
        Printed("mse", (1.0, 1.5), (0.5, 0.25)),
    )


def test_timings_are_no_difference():
    assert same_output("8/8 - 1s 12ms/step\ndone 3\n", "8/8 - 0s 5ms/step\ndone 3\n")
    assert not same_output("done 3\n", "done 4\n")
    assert not same_output("done 3\n", "done 3\nmore\n")
