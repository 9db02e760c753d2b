"""``--statistics``: how many findings each rule has."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from dropout_lint.findings import Applicability

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dropout_lint.output.excerpt import Line
    from dropout_lint.report import Report

_MARKS = {Applicability.SAFE: "[*]", Applicability.UNSAFE: "[-]"}


def statistics(report: Report) -> Iterator[Line]:
    """One line per rule, the most frequent first: count, code, whether it can be fixed, name."""
    counts = Counter(finding.code for finding in report.findings)
    fixes = {finding.code: finding.fix for finding in reversed(report.findings)}
    names = {finding.code: (finding.name, finding.severity.value) for finding in report.findings}
    width = max((len(str(count)) for count in counts.values()), default=0)
    for code, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        name, severity = names[code]
        fix = fixes[code]
        mark = _MARKS.get(fix.applicability, "[ ]") if fix is not None else "[ ]"
        yield ((f"{count:>{width}}  ", "message"), (code, severity), (f"  {mark}  {name}", "message"))
    if any(fix is not None for fix in fixes.values()):
        yield (("[*] fixable with --fix, [-] with --fix --unsafe-fixes", "summary"),)
