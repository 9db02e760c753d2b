"""The lines of source around a finding, with carets under it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dropout_lint.output.display import cells, printable, width

if TYPE_CHECKING:
    from dropout_lint.findings import Span

Piece = tuple[str, str]
"""A text and the name of its style; see ``STYLES`` in dropout_lint/output/terminal.py."""

Line = tuple[Piece, ...]

CONTEXT = 2
"""Lines shown before the first line of a finding."""

MARKED = 5
"""Lines of one finding that are shown at most."""


def excerpt(lines: tuple[str, ...], span: Span, label: str, *, columns: int) -> tuple[list[Line], int]:
    """The excerpt, and the width of its line numbers. Empty if ``span`` lies outside the source."""
    if span.start.line > len(lines) or span.start == span.end:
        return [], 0
    last = min(span.end.line, len(lines))
    if last > span.start.line and span.end.column == 1:
        # Nothing of the last line belongs to the span.
        last -= 1
    first = max(span.start.line - CONTEXT, 1)
    while first < span.start.line and not lines[first - 1].strip():
        first += 1
    shown_last = min(last, span.start.line + MARKED - 1)
    digits = len(str(shown_last))
    room = max(columns - digits - 3, 40)
    blank = (" " * (digits + 1) + "|", "gutter")

    result: list[Line] = [(blank,)]
    for number in range(first, shown_last + 1):
        line = lines[number - 1]
        start, end = _marked(line, number, span)
        text, before, carets = _fit(line, start, end, room)
        result.append(((f"{number:>{digits}} |", "gutter"), (f" {text}" if text else "", "source")))
        if carets:
            note = f" {printable(label)}" if label and number == shown_last else ""
            result.append((blank, (" " * (before + 1), "source"), ("^" * carets, "caret"), (note, "label")))
    if shown_last < last:
        result.append((blank, (" …", "source")))
    result.append((blank,))
    return result, digits


def _marked(line: str, number: int, span: Span) -> tuple[int, int]:
    """The code points of ``line`` to underline: from, and up to; equal if none."""
    if not span.start.line <= number <= span.end.line:
        return 0, 0
    indent = len(line) - len(line.lstrip())
    start = span.start.column - 1 if number == span.start.line else indent
    end = span.end.column - 1 if number == span.end.line else len(line.rstrip())
    # A finding at the end of a line still gets a caret.
    return start, max(end, start + 1) if number == span.start.line else max(end, start)


def _fit(line: str, start: int, end: int, room: int) -> tuple[str, int, int]:
    """The printed line cut to ``room`` columns around ``start``, and where its carets begin and how many they are."""
    shown = cells(line.rstrip())
    shown += [" "] * (start + 1 - len(shown)) if end > start else []
    before = width("".join(shown[:start]))
    carets = width("".join(shown[start:end])) if end > start else 0
    if end > start:
        carets = max(carets, 1)
    if width("".join(shown)) <= room:
        return "".join(shown).rstrip(), before, carets
    skipped = 0
    if before + min(carets, room // 2) > room - 2:
        # Keep a third of the room for what stands before the finding.
        while skipped < start and width("".join(shown[skipped:start])) > room // 3:
            skipped += 1
    text = head = "…" if skipped else ""
    for cell in shown[skipped:]:
        if width(text) + width(cell) > room - 1:
            break
        text += cell
    offset = width(head) + width("".join(shown[skipped:start]))
    return f"{text}…", offset, min(carets, max(width(text) - offset, 1))
