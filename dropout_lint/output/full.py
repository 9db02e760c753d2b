"""Format ``full``: what, where, why, how it is reached, and what to do, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dropout_lint.findings import Applicability
from dropout_lint.output.display import printable, printed_path
from dropout_lint.output.excerpt import Line, excerpt
from dropout_lint.output.place import place_of
from dropout_lint.output.summary import summaries

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dropout_lint.findings import Finding, Step
    from dropout_lint.report import Report


def full(report: Report, *, columns: int, quiet: bool = False) -> Iterator[Line]:
    """The report as styled lines, at most ``columns`` wide where source is shown."""
    sources = dict(report.sources)
    for finding in report.findings:
        yield from _finding(finding, sources.get(finding.source, ()), columns)
        yield ()
    if not quiet:
        yield from (((text, "summary"),) for text in summaries(report))


def _finding(finding: Finding, lines: tuple[str, ...], columns: int) -> Iterator[Line]:
    yield (
        (printed_path(finding.path), "path"),
        (f":{place_of(finding)}: ", "gutter"),
        (f"{finding.code} {finding.name}", finding.severity.value),
        (f": {printable(finding.message)}", "message"),
    )
    source, digits = excerpt(lines, finding.span, finding.label, columns=columns)
    yield from source
    margin = " " * (digits + 1)
    for key, text in _facts(finding):
        yield ((f"{margin}= ", "gutter"), (f"{key}: ", "key"), (printable(text), "message"))


def _facts(finding: Finding) -> Iterator[tuple[str, str]]:
    if finding.chain:
        yield "reached by", " → ".join(f"{step.message} {_place(step)}" for step in finding.chain)
    for note in finding.notes:
        yield "note", note
    if finding.help:
        has_fix = finding.fix is not None and finding.fix.applicability is not Applicability.DISPLAY
        yield "help", finding.help + (f"  [*] {finding.fix.applicability.value} fix" if has_fix and finding.fix else "")
    if finding.keras and finding.keras_known_by:
        yield "keras", f"{', '.join(finding.keras)} ({finding.keras_known_by})"
    if finding.measured is not None:
        yield "measured", finding.measured.text
    elif finding.probe is not None:
        entry = finding.chain[0].path if finding.chain else finding.path
        yield "measure it", f"dropout-lint verify {_quoted(entry)}"


def _place(step: Step) -> str:
    return f"{step.path}:{step.line}" if step.cell is None else f"{step.path}:cell {step.cell}:{step.line}"


def _quoted(path: str) -> str:
    from shlex import quote

    return quote(f"./{path}" if path.startswith("-") else path)
