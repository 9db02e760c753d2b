"""Fixes as text edits: applied to a string, touching nothing else of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dropout_lint.sources.text import NEWLINE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dropout_lint.findings import Edit, Position


def apply_edits(text: str, edits: Iterable[Edit]) -> str:
    """``text`` with ``edits`` applied, first in the source first; an edit that overlaps an earlier one is dropped.

    Newlines in replacements become those of the text's first line. Equal edits count once, and insertions at
    the same place are applied in the order of their text.

    Raises:
        ValueError: An edit lies outside the text.
    """
    starts = [0, *(match.end() for match in NEWLINE.finditer(text))]
    first_newline = NEWLINE.search(text)
    newline = first_newline[0] if first_newline else "\n"
    pieces: list[str] = []
    done = 0
    for edit in sorted(set(edits)):
        start, end = (_offset(position, starts, text) for position in (edit.span.start, edit.span.end))
        if end < start:
            raise ValueError(f"the edit at line {edit.span.start.line} ends before it starts")
        if start < done:
            continue
        pieces += (text[done:start], NEWLINE.sub(lambda _: newline, edit.replacement))
        done = end
    return "".join((*pieces, text[done:]))


def _offset(position: Position, starts: list[int], text: str) -> int:
    if not 1 <= position.line <= len(starts):
        raise ValueError(f"the text has no line {position.line}")
    offset = starts[position.line - 1] + position.column - 1
    limit = starts[position.line] if position.line < len(starts) else len(text)
    if not starts[position.line - 1] <= offset <= limit:
        raise ValueError(f"line {position.line} has no column {position.column}")
    return offset
