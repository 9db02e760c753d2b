"""Format ``gitlab``: a Code Quality report.

The fields: https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format. Fingerprints must be unique
in a report, and stay when lines move, or merge requests show old findings as new ones.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from dropout_lint.findings import Severity
from dropout_lint.fingerprints import fingerprints
from dropout_lint.output.checkout import in_checkout

if TYPE_CHECKING:
    from dropout_lint.report import Report

_SEVERITIES = {Severity.ERROR: "major", Severity.WARNING: "minor", Severity.NOTE: "info"}


def gitlab(report: Report) -> str:
    """The report as a JSON array."""
    issues = [
        {
            "description": f"{finding.code} {finding.message}",
            "check_name": finding.name,
            "fingerprint": fingerprint,
            "severity": _SEVERITIES[finding.severity],
            "location": {
                "path": in_checkout(finding.path),
                "positions": {
                    "begin": {"line": finding.region.start.line, "column": finding.region.start.column},
                    "end": {"line": finding.region.end.line, "column": finding.region.end.column},
                },
                "lines": {"begin": finding.region.start.line, "end": finding.region.end.line},
            },
        }
        for finding, fingerprint in zip(report.findings, fingerprints(report), strict=True)
    ]
    return json.dumps(issues, indent=2)
