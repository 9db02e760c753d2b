"""Findings as JSON and back; what comes back is checked as what a stranger has written."""

from __future__ import annotations

import re
from enum import Enum
from typing import Any, TypeVar

from dropout_lint.findings import (
    Applicability,
    Confidence,
    Edit,
    Finding,
    Fix,
    Position,
    Probe,
    Severity,
    Span,
    Step,
)

Json = Any

_LARGEST_NUMBER = 10**8
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_Choice = TypeVar("_Choice", bound=Enum)


class Damaged(ValueError):
    """It is not what we write."""


def pack(finding: Finding) -> Json:
    """The finding as JSON has it: places are four numbers, the rest stands in the order of the fields."""
    fix, probe = finding.fix, finding.probe
    return [
        finding.code,
        finding.name,
        finding.severity.value,
        finding.confidence.value,
        finding.message,
        finding.path,
        _numbers(finding.span),
        finding.help,
        finding.label,
        list(finding.notes),
        [[step.path, step.line, step.message] for step in finding.chain],
        None
        if fix is None
        else [fix.title, fix.applicability.value, [[_numbers(each.span), each.replacement] for each in fix.edits]],
        None if probe is None else [probe.kind, probe.path, _numbers(probe.span), probe.counterfactual],
        list(finding.keras),
        finding.keras_known_by,
    ]


def unpack(packed: Json) -> Finding:
    """The finding that `pack` was given.

    Raises:
        Damaged: It was given none.
    """
    code, name, severity, confidence, message, path, span, helped, label, notes, chain, fix, probe, keras, by = items(
        packed, 15
    )
    return Finding(
        code=line(code),
        name=line(name),
        severity=_choice(Severity, severity),
        confidence=_choice(Confidence, confidence),
        message=line(message),
        path=line(path),
        span=_span(span),
        help=line(helped),
        label=line(label),
        notes=tuple(line(each) for each in items(notes)),
        chain=tuple(_step(each) for each in items(chain)),
        fix=None if fix is None else _fix(fix),
        probe=None if probe is None else _probe(probe),
        keras=tuple(line(each) for each in items(keras)),
        keras_known_by=line(by),
    )


def items(value: Json, length: int | None = None) -> list[Json]:
    """``value``, if it is a list (of this length)."""
    if type(value) is not list or (length is not None and len(value) != length):
        raise Damaged("no such list")
    return value


def line(value: Json) -> str:
    """``value``, if it is a text without control characters, which could be meant for a terminal."""
    if type(value) is not str or (not value.isprintable() and _CONTROL.search(value)):
        raise Damaged("no line of text")
    return value


def number(value: Json) -> int:
    """``value``, if it could be a line or a column."""
    if type(value) is not int or not 1 <= value <= _LARGEST_NUMBER:
        raise Damaged("no place")
    return value


def _numbers(span: Span) -> list[int]:
    return [span.start.line, span.start.column, span.end.line, span.end.column]


def _span(value: Json) -> Span:
    first, second, third, fourth = (number(each) for each in items(value, 4))
    span = Span(Position(first, second), Position(third, fourth))
    if span.end < span.start:
        raise Damaged("ends before it starts")
    return span


def _choice(kind: type[_Choice], value: Json) -> _Choice:
    try:
        return kind(line(value))
    except ValueError as error:
        raise Damaged("no such word") from error


def _step(value: Json) -> Step:
    path, at, message = items(value, 3)
    return Step(line(path), number(at), line(message))


def _fix(value: Json) -> Fix:
    title, applicability, edits = items(value, 3)
    return Fix(line(title), _choice(Applicability, applicability), tuple(_edit(each) for each in items(edits)))


def _edit(value: Json) -> Edit:
    span, replacement = items(value, 2)
    if type(replacement) is not str:
        raise Damaged("no text")
    return Edit(_span(span), replacement)


def _probe(value: Json) -> Probe:
    kind, path, span, counterfactual = items(value, 4)
    if counterfactual is not None and type(counterfactual) is not bool:
        counterfactual = line(counterfactual)
    return Probe(line(kind), line(path), _span(span), counterfactual)
