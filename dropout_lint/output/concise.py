"""Format ``concise``: one line per finding, as editors and problem matchers read it (``%f:%l:%c: %m``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dropout_lint.output.display import printable, printed_path
from dropout_lint.output.place import place_of
from dropout_lint.output.summary import summaries

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dropout_lint.output.excerpt import Line
    from dropout_lint.report import Report


def concise(report: Report, *, quiet: bool = False) -> Iterator[Line]:
    """The report as styled lines."""
    for finding in report.findings:
        yield (
            (printed_path(finding.path), "path"),
            (f":{place_of(finding)}: ", "gutter"),
            (finding.code, finding.severity.value),
            (f" {printable(finding.message)}", "message"),
        )
    if not quiet:
        yield from (((text, "summary"),) for text in summaries(report))
