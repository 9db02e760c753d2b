"""Bytes of any kind of source to text, and findings to where their readers look for them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dropout_lint.findings import Edit, Finding, Fix, Position, Span, Step
from dropout_lint.sources.notebook import Notebook, decode_notebook, line_end
from dropout_lint.sources.text import Text, decode

if TYPE_CHECKING:
    from pathlib import Path


def decode_source(data: bytes, path: Path) -> Text:
    """The text of a file by its kind.

    Raises:
        SourceError: It is not what its name says.
    """
    return decode_notebook(data, path) if is_notebook(path) else decode(data, path)


def is_notebook(path: Path) -> bool:
    """Whether a file is a notebook, by its name."""
    return path.suffix.lower() == ".ipynb"


def in_cells(finding: Finding, texts: dict[str, Text]) -> Finding:
    """A finding with its places in cells, where it or its chain is in a notebook."""
    chain = tuple(_step(step, texts.get(step.path)) for step in finding.chain)
    book = texts.get(finding.path)
    if not isinstance(book, Notebook):
        return finding if chain == finding.chain else replace(finding, chain=chain)
    cell, _ = book.place(finding.span.start.line)
    span = _moved(finding.span, book, cell)
    first, last = (book.file_line(cell, position.line) for position in (span.start, span.end))
    end = Position(last, line_end(book.raw, last) + 1)
    return replace(
        finding,
        cell=cell,
        span=span,
        file_span=Span(Position(first, 1), end),
        chain=chain,
        fix=_fix(finding.fix, book, cell),
        # its probe stays in the text of all cells, which is what the verifier instruments
    )


def in_text(finding: Finding, text: Text) -> Finding:
    """The finding with its places in the text that is analysed: what ``in_cells`` did, undone."""
    if finding.cell is None or not isinstance(text, Notebook):
        return finding
    shift = text.line_of(finding.cell, 1) - 1
    fix = finding.fix
    if fix is not None:
        fix = replace(fix, edits=tuple(Edit(_shifted(e.span, shift), e.replacement) for e in fix.edits))
    return replace(finding, cell=None, span=_shifted(finding.span, shift), fix=fix)


def _fix(fix: Fix | None, book: Notebook, cell: int) -> Fix | None:
    """The fix in the cell's lines; None where it reaches into another cell."""
    if fix is None:
        return None
    places = {book.place(position.line)[0] for edit in fix.edits for position in (edit.span.start, edit.span.end)}
    if places != {cell}:
        return None
    return replace(fix, edits=tuple(Edit(_moved(edit.span, book, cell), edit.replacement) for edit in fix.edits))


def _moved(span: Span, book: Notebook, cell: int) -> Span:
    return _shifted(span, 1 - book.line_of(cell, 1))


def _shifted(span: Span, lines: int) -> Span:
    start, end = (Position(max(each.line + lines, 1), each.column) for each in (span.start, span.end))
    return Span(start, end)


def _step(step: Step, text: Text | None) -> Step:
    if not isinstance(text, Notebook):
        return step
    cell, line = text.place(step.line)
    return replace(step, line=line, cell=cell)
