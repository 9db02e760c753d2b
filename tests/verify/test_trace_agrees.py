"""What the interpreter says of modes is what happens: predicted mode events against observed ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.trace_agreement import compare

ROOT = Path(__file__).parents[2]
FIXTURES = ROOT / "fixtures"
PROGRAMS = sorted(
    path.relative_to(FIXTURES).as_posix()
    for pattern in ("*/flagged_*.py", "*/clean_*.py", "article/*.py")
    for path in FIXTURES.glob(pattern)
    if not path.name.endswith(".fixed.py")
)
A_FEW = [
    "training-hardcoded-in-call/flagged_layer_list.py",
    "training-true-in-inference/flagged_validation_loop.py",
    "training-true-in-inference/flagged_keras2_decoder.py",
    "training-hardcoded-in-graph/flagged_keras2_nested_base.py",
]


@pytest.mark.slow
@pytest.mark.parametrize("name", A_FEW)
def test_modes_are_as_predicted(name):
    outcome = compare(FIXTURES / name)

    assert outcome.failed == ""
    assert outcome.details == []
    assert outcome.counts["agreed"] > 0


@pytest.mark.cases
@pytest.mark.parametrize("name", PROGRAMS)
def test_no_fixture_contradicts_the_interpreter(name):
    outcome = compare(FIXTURES / name)

    assert [detail for detail in outcome.details if detail.startswith("contradicted")] == []
