"""From a report to a stream: which format, in which colours. A new format is its module and a line here."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from dropout_lint.report import Report

_DOCUMENTS = {
    "json": ("json_report", "json_report"),
    "sarif": ("sarif", "sarif"),
    "gitlab": ("gitlab", "gitlab"),
    "junit": ("junit", "junit"),
    "rdjson": ("rdjson", "rdjson"),
}
"""Module and function of the formats that are one text."""
_LINES = {"json-lines": ("json_lines", "json_lines"), "github": ("github", "github"), "pylint": ("pylint", "pylint")}
"""Those that are plain lines."""
_STYLED = {"concise": ("concise", "concise"), "grouped": ("grouped", "grouped")}
"""Those that are styled lines."""


_SECOND_SIGN = {False: "#\\u0023", True: "#&#35;"}
"""How JSON and XML write what a build server would take for the beginning of a command, see `display`."""


def write_report(report: Report, style: str, stream: TextIO, *, color: str = "auto", quiet: bool = False) -> None:
    """Write ``report`` in the format ``style`` (see the option ``output-format``)."""
    from dropout_lint.output.terminal import columns_of, wants_color, write

    if style in _DOCUMENTS:
        text = _function(_DOCUMENTS[style])(report)
        write((((text.replace("##", _SECOND_SIGN[style == "junit"]), "message"),),), stream, color=False)
    elif style in _LINES:
        lines = _function(_LINES[style])(report)
        if style == "json-lines":
            lines = (line.replace("##", _SECOND_SIGN[False]) for line in lines)
        write((((line, "message"),) for line in lines), stream, color=False)
    elif style in _STYLED:
        write(_function(_STYLED[style])(report, quiet=quiet), stream, color=wants_color(stream, color))
    else:
        from dropout_lint.output.full import full

        styled = full(report, columns=columns_of(stream), quiet=quiet)
        write(styled, stream, color=wants_color(stream, color))


def _function(place: tuple[str, str]):  # type: ignore[no-untyped-def]  # noqa: ANN202  # each format has its own type
    module, name = place
    return getattr(import_module(f"dropout_lint.output.{module}"), name)
