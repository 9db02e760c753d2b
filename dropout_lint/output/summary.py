"""The last line for people: how many findings of which severity, in how many files."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from dropout_lint.findings import Severity

if TYPE_CHECKING:
    from dropout_lint.engine import Report


def summary(report: Report) -> str:
    """One sentence on the whole report."""
    files = _count(len(report.files), "file")
    silenced = f", {report.suppressed} suppressed" if report.suppressed else ""
    if not report.findings:
        return f"No findings in {files}{silenced}."
    counts = Counter(finding.severity for finding in report.findings)
    parts = [
        _count(counts[severity], severity.value)
        for severity in sorted(Severity, key=lambda severity: -severity.rank)
        if counts[severity]
    ]
    return f"Found {_count(len(report.findings), 'finding')} in {files}: {', '.join(parts)}{silenced}."


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
