"""Format ``rdjson``: what reviewdog reads.

The fields: https://github.com/reviewdog/reviewdog/tree/master/proto/rdf (``DiagnosticResult``). Its columns count
UTF-8 bytes, so they are computed from the source.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from dropout_lint.findings import Applicability, Edit, Position, Severity, Span
from dropout_lint.fixes import apply_edits

if TYPE_CHECKING:
    from dropout_lint.findings import Finding
    from dropout_lint.report import Report

_SEVERITIES = {Severity.ERROR: "ERROR", Severity.WARNING: "WARNING", Severity.NOTE: "INFO"}

Json = dict[str, object]


def rdjson(report: Report) -> str:
    """The report as one object."""
    sources = dict(report.sources)
    document = {
        "source": {"name": "dropout-lint", "url": "https://github.com/dropout-lint/dropout-lint"},
        "severity": "WARNING",
        "diagnostics": [_diagnostic(finding, sources.get(finding.source, ())) for finding in report.findings],
    }
    return json.dumps(document, indent=2)


def _diagnostic(finding: Finding, lines: tuple[str, ...]) -> Json:
    diagnostic: Json = {
        "message": "\n".join(text for text in (finding.message, finding.help) if text),
        "location": {"path": finding.path, "range": _range(finding.region, () if finding.cell is not None else lines)},
        "severity": _SEVERITIES[finding.severity],
        "code": {"value": finding.code},
    }
    if finding.cell is None and finding.fix is not None and finding.fix.applicability is not Applicability.DISPLAY:
        edit = _together(finding.fix.edits, lines)
        if edit is not None:
            diagnostic["suggestions"] = [{"range": _range(edit.span, lines), "text": edit.replacement}]
    return diagnostic


def _together(edits: tuple[Edit, ...], lines: tuple[str, ...]) -> Edit | None:
    """All edits as one: reviewdog takes suggestions one by one, and half a fix is none."""
    if len(edits) == 1:
        return edits[0]
    span = Span(min(edit.span.start for edit in edits), max(edit.span.end for edit in edits))
    if span.end.line > len(lines):
        return None
    inside = "\n".join(lines[span.start.line - 1 : span.end.line])
    moved = [Edit(_from(edit.span, span.start.line), edit.replacement) for edit in edits]
    head, tail = lines[span.start.line - 1][: span.start.column - 1], lines[span.end.line - 1][span.end.column - 1 :]
    whole = apply_edits(inside, moved)
    return Edit(span, whole[len(head) : len(whole) - len(tail)])


def _from(span: Span, line: int) -> Span:
    start, end = (Position(place.line - line + 1, place.column) for place in (span.start, span.end))
    return Span(start, end)


def _range(span: Span, lines: tuple[str, ...]) -> Json:
    return {"start": _position(span.start, lines), "end": _position(span.end, lines)}


def _position(position: Position, lines: tuple[str, ...]) -> Json:
    line = lines[position.line - 1] if position.line <= len(lines) else ""
    before = line[: position.column - 1]
    column = len(before.encode("utf-8", "surrogatepass")) + 1 + max(position.column - 1 - len(line), 0)
    return {"line": position.line, "column": column}
