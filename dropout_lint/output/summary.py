"""The last line for people: how many findings of which severity, in how many files."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from dropout_lint.findings import Applicability, Severity

if TYPE_CHECKING:
    from dropout_lint.findings import Finding
    from dropout_lint.report import Report


def summaries(report: Report) -> tuple[str, ...]:
    """What is found, and what of it can be fixed: one or two sentences."""
    safe = sum(_fixable(finding, Applicability.SAFE) for finding in report.findings)
    unsafe = sum(_fixable(finding, Applicability.UNSAFE) for finding in report.findings)
    parts = [f"{safe:,} fixable with --fix"] if safe else []
    if unsafe:
        parts.append(f"{unsafe:,} {'more ' if safe else 'fixable '}with --fix --unsafe-fixes")
    return (summary(report), f"[*] {', '.join(parts)}.") if parts else (summary(report),)


def _fixable(finding: Finding, applicability: Applicability) -> bool:
    return finding.fix is not None and finding.fix.applicability is applicability


def summary(report: Report) -> str:
    """One sentence on the whole report."""
    fixed = f"Fixed {_count(len(report.fixed), 'finding')}. " if report.fixed else ""
    return fixed + _found(report)


def _found(report: Report) -> str:
    files = _count(len(report.files), "file")
    silenced = f", {report.suppressed} suppressed" if report.suppressed else ""
    silenced += f", {report.known} in the baseline" if report.known else ""
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
