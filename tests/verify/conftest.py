from __future__ import annotations

from pathlib import Path

import pytest

from dropout_lint.findings import Applicability, Confidence, Edit, Finding, Fix, Position, Probe, Severity, Span

PROGRAMS = Path(__file__).parents[2] / "fixtures"


def span_of(path, text, occurrence=0):
    places = [
        (number, line.index(text) + 1)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if text in line
    ]
    line, column = places[occurrence]
    return Span(Position(line, column), Position(line, column + len(text)))


@pytest.fixture
def finding():
    """Builds a finding by hand: the text of the flagged expression, the kind of its probe, its counterfactual."""

    def build(
        path,
        text,
        kind="call",
        counterfactual=False,
        code="KTM101",
        fix=None,
        occurrence=0,
    ):
        span = span_of(path, text, occurrence)
        repair = None
        if fix is not None:
            old, new = fix
            repair = Fix("repair it", Applicability.UNSAFE, (Edit(span_of(path, old), new),))
        return Finding(
            code=code,
            name="by-hand",
            severity=Severity.ERROR,
            confidence=Confidence.HIGH,
            message="found by hand",
            path=str(path),
            span=span,
            fix=repair,
            probe=Probe(kind, str(path), span, counterfactual),
        )

    return build


@pytest.fixture
def programs():
    return PROGRAMS


@pytest.fixture(autouse=True)
def quiet_tensorflow(monkeypatch):
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
