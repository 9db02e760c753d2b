"""Format ``json``: one object, described by check.schema.json. Fields may be added, never renamed.

It holds no times, so that equal inputs give equal bytes.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from dropout_lint.findings import Applicability
from dropout_lint.version import __version__

if TYPE_CHECKING:
    from dropout_lint.findings import Finding, Fix, Measured, Position
    from dropout_lint.report import Report

Json = dict[str, object]


def json_report(report: Report) -> str:
    """The report as JSON text. Everything beyond ASCII is escaped, whatever the stream can express."""
    return json.dumps(document(report), indent=2)


def document(report: Report) -> Json:
    """The report as JSON's types."""
    return {
        "version": __version__,
        "keras_version": report.keras_version,
        "summary": {
            "files": len(report.files),
            "findings": len(report.findings),
            "fixable": sum(_fixable(finding) for finding in report.findings),
            "suppressed": report.suppressed,
        },
        "findings": [finding_document(finding) for finding in report.findings],
        "fixed": [finding_document(finding) for finding in report.fixed],
        "errors": [{"path": problem.path, "message": problem.message} for problem in report.errors],
    }


def finding_document(finding: Finding) -> Json:
    """One finding as JSON's types."""
    return {
        "code": finding.code,
        "name": finding.name,
        "severity": finding.severity.value,
        "confidence": finding.confidence.value,
        "message": finding.message,
        "path": finding.path,
        "cell": finding.cell,
        "start": _position(finding.span.start),
        "end": _position(finding.span.end),
        "help": finding.help,
        "chain": [
            {"path": step.path, "cell": step.cell, "line": step.line, "message": step.message} for step in finding.chain
        ],
        "fix": None if finding.fix is None else _fix(finding.fix),
        "keras": list(finding.keras),
        "measured": None if finding.measured is None else _measured(finding.measured),
    }


def _measured(measured: Measured) -> Json:
    return {"verdict": measured.verdict, "direction": measured.direction, "text": measured.text}


def _fixable(finding: Finding) -> bool:
    return finding.fix is not None and finding.fix.applicability is not Applicability.DISPLAY


def _position(position: Position) -> Json:
    return {"line": position.line, "column": position.column}


def _fix(fix: Fix) -> Json:
    return {
        "title": fix.title,
        "applicability": fix.applicability.value,
        "edits": [
            {
                "start": _position(edit.span.start),
                "end": _position(edit.span.end),
                "replacement": edit.replacement,
            }
            for edit in fix.edits
        ],
    }
