"""Format ``github``: workflow commands that GitHub Actions shows as annotations.

The syntax and its escapes: https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands and
``@actions/core`` (packages/core/src/command.ts, ``escapeData`` and ``escapeProperty``). GitHub shows ten annotations
of a level per step, so the totals are printed, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dropout_lint.findings import Severity
from dropout_lint.output.checkout import in_checkout
from dropout_lint.output.display import defused, printable
from dropout_lint.output.summary import summaries

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dropout_lint.findings import Finding
    from dropout_lint.report import Report

_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}


def github(report: Report) -> Iterator[str]:
    """The report as lines; the last ones are the summary."""
    for finding in report.findings:
        yield f"::{_LEVELS[finding.severity]} {_properties(finding)}::{_data(_message(finding))}"
    for problem in report.errors:
        yield f"::error title=dropout-lint::{_data(f'{problem.path}: {problem.message}')}"
    yield from summaries(report)


def _properties(finding: Finding) -> str:
    start, end = finding.region.start, finding.region.end
    title = f"dropout-lint ({finding.code} {finding.name})"
    values: dict[str, str | int] = {"title": title, "file": in_checkout(finding.path), "line": start.line}
    if end.line == start.line:
        # Columns only mean something within one line; GitHub's end is inclusive.
        values.update(col=start.column, endLine=end.line, endColumn=max(end.column - 1, start.column))
    else:
        values.update(endLine=end.line)
    return ",".join(f"{key}={_property(str(value))}" for key, value in values.items())


def _message(finding: Finding) -> str:
    parts = [f"{finding.code} {finding.message}"]
    if finding.cell is not None:
        parts[0] += f" (cell {finding.cell})"
    if finding.help:
        parts.append(f"help: {finding.help}")
    return "\n".join(parts)


def _data(text: str) -> str:
    text = defused("".join(character if character in "\t\r\n" else printable(character) for character in text))
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
