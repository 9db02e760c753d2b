"""A program that is verified prints what it prints alone: every flagged fixture."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from benchmarks.verifier import compare

FIXTURES = Path(__file__).parents[2] / "fixtures"
PROGRAMS = sorted(
    path.relative_to(FIXTURES).as_posix()
    for pattern in ("*/flagged_*.py", "article/*.py")
    for path in FIXTURES.glob(pattern)
    if not path.name.endswith(".fixed.py")
)


@pytest.mark.cases
@pytest.mark.parametrize("name", PROGRAMS)
def test_it_prints_what_it_prints_alone(name):
    outcome = compare(FIXTURES / name, passes=3)

    assert outcome.same or outcome.random


@pytest.mark.cases
@pytest.mark.skipif(find_spec("torch") is None, reason="needs torch")
def test_generators_of_torch_go_on_as_without_us():
    outcome = compare(FIXTURES / "verify" / "torch_loop.py", passes=3)

    assert outcome.same
    assert outcome.verdicts == ("KTM101:20 confirmed",)
