"""Findings as the protocol tells them: diagnostics, and documentation under the cursor."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from lsprotocol import types

from dropout_lint.findings import Finding, Position, Severity
from dropout_lint.lsp.places import Buffer, range_of
from dropout_lint.output.sarif import HOME
from dropout_lint.settings import normal
from dropout_lint.tool_rules import all_rules

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pygls.workspace import PositionCodec

    from dropout_lint.tool_rules import Documented

_SEVERITIES = {
    Severity.ERROR: types.DiagnosticSeverity.Error,
    Severity.WARNING: types.DiagnosticSeverity.Warning,
    Severity.NOTE: types.DiagnosticSeverity.Information,
}


def diagnostic(finding: Finding, buffer: Buffer, codec: PositionCodec) -> types.Diagnostic:
    """One finding in the document ``buffer``."""
    remedy = f"\nhelp: {finding.help}" if finding.help else ""
    return types.Diagnostic(
        range=range_of(finding.span, buffer.lines, codec),
        message=f"{finding.message}{remedy}",
        severity=_SEVERITIES[finding.severity],
        code=finding.code,
        code_description=types.CodeDescription(f"{HOME}#rules"),
        source="dropout-lint",
        related_information=[
            types.DiagnosticRelatedInformation(
                types.Location(normal(Path(step.path)).as_uri(), _whole_line(step.line)), step.message
            )
            for step in finding.chain
            if step.cell is None
        ],
    )


def _whole_line(line: int) -> types.Range:
    return types.Range(types.Position(line - 1, 0), types.Position(line, 0))


def hover(findings: Iterable[Finding], lines: tuple[str, ...], place: Position) -> str:
    """What is to be said at ``place``, in Markdown: of the findings there, or of a rule that a comment names."""
    rules = {rule.code: rule for rule in all_rules()}
    here = [finding for finding in findings if finding.span.start <= place < finding.span.end]
    if here:
        return "\n\n---\n\n".join(_told(finding, rules[finding.code]) for finding in here)
    line = lines[place.line - 1] if place.line <= len(lines) else ""
    if "dropout-lint:" in line or "noqa" in line:
        for word in re.finditer(r"[\w-]+", line):
            if word.start() < place.column <= word.end():
                return "\n\n".join(_documentation(rule) for rule in rules.values() if word[0] in (rule.code, rule.name))
    return ""


def _told(finding: Finding, rule: Documented) -> str:
    facts = [f"**{finding.code} {finding.name}** ({finding.severity.value}, confidence {finding.confidence.value})"]
    facts.append(finding.message)
    facts += [f"note: {note}" for note in finding.notes]
    if finding.help:
        facts.append(f"help: {finding.help}")
    return "\n\n".join((*facts, _documentation(rule)))


def _documentation(rule: Documented) -> str:
    return f"# {rule.code} {rule.name}\n\n{rule.doc.strip()}"
