"""The verifier's numbers, reproduced by plain scripts that use none of its code and draw masks of their own."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

from dropout_lint.verify.campaign import verify_program
from dropout_lint.verify.experiment import Options, plan

pytestmark = pytest.mark.slow

SCRIPTS = Path(__file__).parent / "independent"


def independent(name, program):
    command = [sys.executable, str(SCRIPTS / name), str(program)]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[-1])


def measured(script, flagged):
    (result,) = verify_program(script, (), plan([flagged]), sys.executable, Options(replays=0)).results
    return result


def close(ours, theirs, sd, passes):
    """Two means over masks, of `passes` and of 40 draws, agree within four standard errors."""
    return abs(ours - theirs) <= 4 * sd * math.sqrt(1 / passes + 1 / 40) + 1e-6


def alike(ours, theirs):
    """Two intervals over the same rows: bounds within a fifth of the width."""
    width = theirs[1] - theirs[0]
    return abs(ours.low - theirs[0]) < width / 5 and abs(ours.high - theirs[1]) < width / 5


def test_the_article(programs, finding):
    script = programs / "article" / "article.py"
    expected = independent("article.py", script)

    result = measured(script, finding(script, "model(x_test, training=True)"))

    assert close(result.outputs.changed_by_fix, expected["changed_by_fix"], expected["sd"], result.passes)
    assert close(result.outputs.changed_between_calls, expected["changed_between_calls"], expected["sd"], result.passes)
    assert alike(result.outputs.changed_interval, expected["interval"])


def test_blocks_that_never_leave_training_mode(programs, finding):
    script = programs / "verify" / "forced_block.py"
    expected = independent("forced_block.py", script)

    result = measured(script, finding(script, "self.drop(self.dense(x), training=True)", "layer-call", "inherit"))

    for metric in result.metrics:
        theirs = expected[metric.name]
        assert close(sum(metric.as_written) / metric.passes, theirs["as_written"], theirs["sd"], metric.passes)
        assert metric.fixed[0] == pytest.approx(theirs["fixed"], abs=1e-5)
        assert alike(metric.interval, theirs["interval"])


def test_a_flag_in_a_graph_of_keras_2(programs, finding):
    script = programs / "verify" / "recurrent_keras2.py"
    expected = independent("recurrent_keras2.py", script)

    result = measured(
        script, finding(script, "keras.layers.LSTM(12, dropout=0.4)(inputs, training=True)", "graph-call", "inherit")
    )

    for metric in result.metrics:
        theirs = expected[metric.name]
        assert close(sum(metric.as_written) / metric.passes, theirs["as_written"], theirs["sd"], metric.passes)
        assert metric.fixed[0] == pytest.approx(theirs["fixed"], abs=1e-5)
