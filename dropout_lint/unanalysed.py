"""What is said of files that could not be checked, or not all of them: KTM990 and KTM991."""

from __future__ import annotations

import traceback
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from dropout_lint.findings import Confidence, Finding, Position, Severity, Span
from dropout_lint.selection import NOT_ANALYSED, SYNTAX_ERROR
from dropout_lint.sources.notebook import Notebook, broken_cells
from dropout_lint.syntax.failures import SyntaxFailure

if TYPE_CHECKING:
    from dropout_lint.pool import Lost
    from dropout_lint.sources.text import Text


def syntax_error(path: str, failure: SyntaxFailure) -> Finding:
    """What is said of a file that no parser takes."""
    code, name = SYNTAX_ERROR
    start = Position(failure.line, failure.column)
    return Finding(
        code=code,
        name=name,
        severity=Severity.ERROR,
        confidence=Confidence.HIGH,
        message=f"the file is not valid Python: {failure.message}",
        path=path,
        span=Span(start, replace(start, column=start.column + 1)),
        help="nothing else was checked in this file",
    )


def cells_not_python(path: str, text: Text) -> list[Finding]:
    """What is said of the cells of a notebook that are no Python; the others are checked."""
    if not isinstance(text, Notebook):
        return []
    found = []
    for cell, (line, column, message) in broken_cells(text):
        place = SyntaxFailure(message, text.line_of(cell.number, min(line, max(len(cell.lines), 1))), column)
        found.append(
            replace(
                syntax_error(path, place),
                message=f"the cell is not valid Python: {message}",
                help="nothing else was checked in this cell",
            )
        )
    return found


def not_analysed(path: str, reason: str) -> Finding:
    """What is said of a file that could not be read or interpreted."""
    code, name = NOT_ANALYSED
    start = Position(1, 1)
    return Finding(
        code=code,
        name=name,
        severity=Severity.WARNING,
        confidence=Confidence.HIGH,
        message=f"the file was not analysed: {reason}",
        path=path,
        span=Span(start, start),
    )


def lost(path: str, known: Lost) -> Finding:
    """What is said of a file over which processes have died."""
    hint = "exclude the file"
    if known.memory:
        hint = f"if that was for lack of memory, give it more; else {hint}"
    return replace(not_analysed(path, known.reason), help=hint)


def crashed(path: str, error: Exception) -> Finding:
    """What is said of a file over which this program has failed."""
    where = traceback.extract_tb(error.__traceback__, limit=-1)[0]
    if isinstance(error, (RecursionError, MemoryError)):
        reason = f"it is nested too deeply or too large ({type(error).__name__})"
        hint = "split the file, or exclude it"
    else:
        reason = f"dropout-lint failed with {type(error).__name__}: {error}"
        hint = "this is a defect of dropout-lint: report it with the file"
    note = f"raised at {Path(where.filename).name}:{where.lineno} in {where.name}()"
    return replace(not_analysed(path, reason), notes=(note,), help=hint)
