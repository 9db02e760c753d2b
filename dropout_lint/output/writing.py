"""From a report to a stream: which format, in which colours."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from dropout_lint.engine import Report


def write_report(report: Report, style: str, stream: TextIO, *, color: str = "auto", quiet: bool = False) -> None:
    """Write ``report`` in the format ``style`` (see the option ``output-format``)."""
    from dropout_lint.output.terminal import columns_of, wants_color, write

    if style == "json":
        from dropout_lint.output.json_report import json_report

        stream.write(json_report(report) + "\n")
    elif style == "concise":
        from dropout_lint.output.concise import concise

        write(concise(report, quiet=quiet), stream, color=wants_color(stream, color))
    else:
        from dropout_lint.output.full import full

        lines = full(report, columns=columns_of(stream), quiet=quiet)
        write(lines, stream, color=wants_color(stream, color))
