"""Every rule with an effect at run time, measured on its own fixtures: one verdict for each marked line."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from dropout_lint.engine import run
from dropout_lint.settings import Resolver
from dropout_lint.verify.campaign import verify_program
from dropout_lint.verify.experiment import Options, plan

FIXTURES = Path(__file__).parents[2] / "fixtures"

RAISES, NO_EFFECT, CONFIRMED, UNSURE = "confirmed-raises", "confirmed-no-effect", "confirmed", "inconclusive"
VERDICTS = {
    "frozen-call-inert/flagged_fine_tuning.py": [CONFIRMED],
    "frozen-call-inert/flagged_never_frozen.py": [CONFIRMED],
    "frozen-call-inert/flagged_single_layer.py": [CONFIRMED],
    "nested-batchnorm-missed/flagged_head_on_base.py": [CONFIRMED],
    "nested-batchnorm-missed/flagged_helper.py": [CONFIRMED],
    "nested-batchnorm-missed/flagged_keras2_class.py": [CONFIRMED],
    "call-defaults-to-training/flagged_function.py": [CONFIRMED],
    "call-defaults-to-training/flagged_inherited_layers.py": [CONFIRMED],
    "call-defaults-to-training/flagged_layer_in_a_model.py": [CONFIRMED],
    "call-defaults-to-training/flagged_model.py": [CONFIRMED],
    "call-defaults-to-training/flagged_training_loop.py": [CONFIRMED],
    "layer-created-in-call/flagged_in_a_helper.py": [CONFIRMED, CONFIRMED],
    "layer-created-in-call/flagged_inline.py": [RAISES, CONFIRMED],
    # Nothing of the first is built before the second raises.
    "layer-created-in-call/flagged_project_layer.py": [UNSURE, RAISES],
    "layer-result-discarded/flagged_called_in_a_statement.py": [NO_EFFECT],
    "layer-result-discarded/flagged_in_call.py": [NO_EFFECT],
    "layer-result-discarded/flagged_name_nobody_reads.py": [NO_EFFECT, NO_EFFECT],
    "layer-result-discarded/flagged_not_applied.py": [NO_EFFECT, NO_EFFECT],
    "dropout-on-output/flagged_added.py": [CONFIRMED],
    "dropout-on-output/flagged_functional.py": [CONFIRMED],
    "dropout-on-output/flagged_sequential.py": [CONFIRMED],
    "augmentation-in-export/flagged_functional.py": [CONFIRMED],
    "augmentation-in-export/flagged_keras2_endpoint.py": [CONFIRMED],
    "augmentation-in-export/flagged_sequential.py": [CONFIRMED],
}
REPLAYED = "layer-result-discarded/flagged_in_call.py"
"""Called in `fit` only: a whole run with its result spoilt is the proof."""


def verdicts(name):
    findings = run([FIXTURES / name], Resolver(isolated=True, overrides={"keras-version": "3.15"})).findings
    options = Options(passes=4, replays=None if name == REPLAYED else 0)
    report = verify_program(FIXTURES / name, (), plan(findings), sys.executable, options)
    return [result.verdict for result in report.results]


@pytest.mark.cases
@pytest.mark.parametrize(("name", "expected"), VERDICTS.items())
def test_what_a_rule_finds_is_measured(name, expected):
    assert verdicts(name) == expected


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["nested-batchnorm-missed/flagged_head_on_base.py", "call-defaults-to-training/flagged_layer_in_a_model.py"]
)
def test_a_few_of_them(name):
    assert verdicts(name) == VERDICTS[name]
