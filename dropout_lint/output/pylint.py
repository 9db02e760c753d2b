"""Format ``pylint``: ``path:line: [code] message``, which many CI systems already read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dropout_lint.output.display import printable, printed_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dropout_lint.report import Report


def pylint(report: Report) -> Iterator[str]:
    """The report as lines."""
    for finding in report.findings:
        line = finding.region.start.line
        yield f"{printed_path(finding.path)}:{line}: [{finding.code}({finding.name})] {printable(finding.message)}"
