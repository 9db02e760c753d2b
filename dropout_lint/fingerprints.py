"""What a finding is known by when lines move: for GitLab, SARIF and baselines.

A fingerprint is made of the path, the rule, and the text of the line without white space; equal ones in one report
are told apart by their order.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dropout_lint.findings import Finding
    from dropout_lint.report import Report


def line_hash(finding: Finding, lines: tuple[str, ...]) -> str:
    """A hash of the finding's first line without white space; of nothing where the line is not known."""
    number = finding.span.start.line
    text = lines[number - 1] if number <= len(lines) else ""
    return hashlib.sha256("".join(text.split()).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def fingerprints(report: Report) -> tuple[str, ...]:
    """One fingerprint for each finding of the report, in its order, each different from the others."""
    sources = dict(report.sources)
    seen: Counter[tuple[str, str, str]] = Counter()
    found: list[str] = []
    for finding in report.findings:
        key = (finding.path, finding.code, line_hash(finding, sources.get(finding.source, ())))
        text = "\0".join((*key, str(seen[key])))
        seen[key] += 1
        found.append(hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest())
    return tuple(found)
