"""Format ``sarif``: SARIF 2.1.0, as GitHub code scanning and editors read it.

The standard: https://docs.oasis-open.org/sarif/sarif/v2.1.0/. What GitHub makes of it:
https://docs.github.com/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from dropout_lint.findings import Applicability, Confidence, Severity
from dropout_lint.fingerprints import fingerprints
from dropout_lint.output.checkout import in_checkout
from dropout_lint.tool_rules import all_rules
from dropout_lint.version import __version__

if TYPE_CHECKING:
    from dropout_lint.findings import Edit, Finding, Span, Step
    from dropout_lint.report import Report
    from dropout_lint.tool_rules import Documented

HOME = "https://github.com/dropout-lint/dropout-lint"
SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "note"}
_PROBLEMS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "recommendation"}
_RANKS = {Confidence.HIGH: 90.0, Confidence.MEDIUM: 60.0, Confidence.LOW: 30.0}

Json = dict[str, object]


def sarif(report: Report) -> str:
    """The report as a SARIF log with one run."""
    used = {finding.code for finding in report.findings}
    rules = [rule for rule in all_rules() if rule.code in used]
    index = {rule.code: number for number, rule in enumerate(rules)}
    log = {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "dropout-lint",
                        "informationUri": HOME,
                        "version": __version__,
                        "semanticVersion": __version__,
                        "rules": [_rule(rule) for rule in rules],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "originalUriBaseIds": {
                    "%SRCROOT%": {"description": {"text": "The root of the checkout, or the working directory."}}
                },
                "invocations": [_invocation(report)],
                "results": [
                    _result(finding, index[finding.code], fingerprint)
                    for finding, fingerprint in zip(report.findings, fingerprints(report), strict=True)
                ],
            }
        ],
    }
    return json.dumps(log, indent=2)


def _rule(rule: Documented) -> Json:
    first, _, rest = rule.doc.strip().partition("\n")
    return {
        "id": rule.code,
        "name": "".join(word.capitalize() for word in rule.name.split("-")),
        "shortDescription": {"text": first},
        "fullDescription": {"text": first},
        "help": {"text": rule.doc.strip(), "markdown": f"**{first}**\n{rest}"},
        "helpUri": f"{HOME}#rules",
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
        "properties": {
            "precision": rule.confidence.value,
            "problem.severity": _PROBLEMS[rule.severity],
            "tags": ["keras", rule.name],
        },
    }


def _invocation(report: Report) -> Json:
    notifications = [
        {"level": "error", "message": {"text": f"{problem.path}: {problem.message}"}} for problem in report.errors
    ]
    return {"executionSuccessful": not notifications, "toolExecutionNotifications": notifications}


def _result(finding: Finding, rule: int, fingerprint: str) -> Json:
    text = finding.message if not finding.help else f"{finding.message}. {finding.help[:1].upper()}{finding.help[1:]}."
    result: Json = {
        "ruleId": finding.code,
        "ruleIndex": rule,
        "level": _LEVELS[finding.severity],
        "rank": _RANKS[finding.confidence],
        "message": {"text": text},
        "locations": [{"physicalLocation": _physical(finding.path, finding.region)}],
        # GitHub's upload computes `primaryLocationLineHash` itself where it is missing.
        "partialFingerprints": {"dropoutLint/v1": fingerprint},
        "properties": {"confidence": finding.confidence.value, "keras": list(finding.keras)},
    }
    if finding.cell is not None:
        result["properties"] = {**result["properties"], "cell": finding.cell}  # type: ignore[dict-item]
    if finding.chain:
        steps = [*map(_step, finding.chain), _last_step(finding)]
        result["relatedLocations"] = [{**step, "id": number} for number, step in enumerate(steps[:-1], 1)]
        result["codeFlows"] = [{"threadFlows": [{"locations": [{"location": step} for step in steps]}]}]
    fix = finding.fix if finding.cell is None else None
    if fix is not None and fix.applicability is not Applicability.DISPLAY:
        result["fixes"] = [
            {
                "description": {"text": f"{fix.title} ({fix.applicability.value})"},
                "artifactChanges": [
                    {
                        "artifactLocation": _artifact(finding.path),
                        "replacements": [_replacement(edit) for edit in fix.edits],
                    }
                ],
            }
        ]
    return result


def _step(step: Step) -> Json:
    place: Json = {"artifactLocation": _artifact(step.path)}
    if step.cell is not None:
        # Its line is known in the cell, not in the file.
        return {"message": {"text": f"{step.message} (cell {step.cell}, line {step.line})"}, "physicalLocation": place}
    return {"message": {"text": step.message}, "physicalLocation": {**place, "region": {"startLine": step.line}}}


def _last_step(finding: Finding) -> Json:
    region = {"startLine": finding.region.start.line}
    return {
        "message": {"text": finding.message},
        "physicalLocation": {"artifactLocation": _artifact(finding.path), "region": region},
    }


def _physical(path: str, span: Span) -> Json:
    return {"artifactLocation": _artifact(path), "region": _region(span)}


def _region(span: Span) -> Json:
    return {
        "startLine": span.start.line,
        "startColumn": span.start.column,
        "endLine": span.end.line,
        "endColumn": span.end.column,
    }


def _artifact(path: str) -> Json:
    path = in_checkout(path)
    if Path(path).is_absolute():
        return {"uri": Path(path).as_uri()}
    return {"uri": quote(path.encode("utf-8", "surrogateescape")), "uriBaseId": "%SRCROOT%"}


def _replacement(edit: Edit) -> Json:
    return {"deletedRegion": _region(edit.span), "insertedContent": {"text": edit.replacement}}
