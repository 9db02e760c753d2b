"""Format ``grouped``: findings under the name of their file, for reading one file after the other."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from dropout_lint.output.display import printable, printed_path
from dropout_lint.output.place import place_of
from dropout_lint.output.summary import summaries

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dropout_lint.output.excerpt import Line
    from dropout_lint.report import Report


def grouped(report: Report, *, quiet: bool = False) -> Iterator[Line]:
    """The report as styled lines."""
    for path, findings in groupby(report.findings, key=lambda finding: finding.path):
        listed = [(place_of(finding), finding) for finding in findings]
        width = max(len(place) for place, _ in listed)
        yield ((printed_path(path), "path"), (":", "gutter"))
        for place, finding in listed:
            yield (
                (f"  {place:<{width}}  ", "gutter"),
                (f"{finding.code} {finding.name}", finding.severity.value),
                (f"  {printable(finding.message)}", "message"),
            )
        yield ()
    if not quiet:
        yield from (((text, "summary"),) for text in summaries(report))
