"""The only door to LibCST.

CPython's own parser looks at the source first: it rejects the nesting that would take LibCST down, and its syntax
messages are the better ones. Where it refuses what a newer Python would accept, LibCST has the last word.
"""

from __future__ import annotations

import ast
import io
import tokenize
import warnings
from contextlib import contextmanager, nullcontext
from threading import Lock
from typing import TYPE_CHECKING

from dropout_lint.sources.text import split_lines
from dropout_lint.syntax.failures import NotAnalysed, SyntaxFailure
from dropout_lint.syntax.scan import too_complex
from dropout_lint.syntax.stack import on_deep_stack

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import libcst as cst

__all__ = ["NotAnalysed", "SyntaxFailure", "parse"]

_PARSING = Lock()
"""One source at a time: the check of nodes is switched off for all, and LibCST holds Python's own lock anyway."""


def parse(source: str, path: Path | str = "<string>") -> cst.Module:
    """Parse ``source``, the decoded text of ``path`` without byte order mark.

    Raises:
        SyntaxFailure: Neither this Python nor LibCST accepts the source.
        NotAnalysed: The source is nested too deeply, or its expressions are too long, to be parsed safely.
    """
    reason = too_complex(source)
    if reason is not None:
        raise NotAnalysed(reason)
    return on_deep_stack(lambda: _parse(source, str(path)))


def _parse(source: str, filename: str) -> cst.Module:
    refusal = _gate(source, filename)

    import libcst as cst

    try:
        # what CPython refuses for what it means, as a text beside bytes, LibCST's validation refuses, too
        with _PARSING, _unvalidated() if refusal is None else nullcontext():
            return _module(source)
    except (RecursionError, MemoryError) as error:
        raise NotAnalysed(f"nested too deeply to be parsed ({type(error).__name__})") from error
    except Exception as error:
        # Besides ParserSyntaxError, LibCST raises errors of validation and of its own logic.
        if refusal is not None:
            raise refusal from None
        # Rare corners of the grammar that LibCST does not know, while CPython does.
        place = f"line {error.raw_line}" if isinstance(error, cst.ParserSyntaxError) else "the file"
        raise NotAnalysed(f"LibCST cannot parse {place}, which is valid Python") from error


@contextmanager
def _unvalidated() -> Iterator[None]:
    """Nodes are not checked as they are made, a sixth of LibCST's time: CPython has accepted the source."""
    import libcst as cst

    check = cst.CSTNode.__post_init__
    cst.CSTNode.__post_init__ = _take_as_is  # type: ignore[assignment,method-assign]
    try:
        yield
    finally:
        cst.CSTNode.__post_init__ = check  # type: ignore[method-assign]


def _take_as_is(_: cst.CSTNode) -> None:
    """Instead of a check."""


def _module(source: str) -> cst.Module:
    import libcst as cst

    try:
        return cst.parse_module(source)
    except cst.ParserSyntaxError:
        spaced = _untabbed(source)
        if spaced == source:
            raise
        return cst.parse_module(spaced)


def _untabbed(source: str) -> str:
    """``source`` with one space for each tab that lines are indented with: no place in it moves.

    LibCST loses its way where a block that begins with a tab ends inside one that begins with spaces. CPython only
    accepts indentation that means the same whatever the width of a tab, so a width of one changes nothing.
    """
    lines = list(io.StringIO(source, newline=""))
    try:
        starts = {token.start[0] for token in _logical_starts(source)}
    except (tokenize.TokenError, SyntaxError):
        return source
    for number in starts:
        line = lines[number - 1]
        indentation = line[: len(line) - len(line.lstrip(" \t"))]
        lines[number - 1] = indentation.replace("\t", " ") + line[len(indentation) :]
    return "".join(lines)


def _logical_starts(source: str) -> Iterator[tokenize.TokenInfo]:
    """The first token of each logical line, and each comment that has a line to itself."""
    between = True
    for token in tokenize.generate_tokens(io.StringIO(source, newline="").readline):
        if token.type in {tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}:
            continue
        if between:
            yield token
        between = token.type == tokenize.NEWLINE or (between and token.type in {tokenize.NL, tokenize.COMMENT})


def _gate(source: str, filename: str) -> SyntaxFailure | None:
    """What CPython says against ``source``, or None if it accepts it."""
    try:
        with warnings.catch_warnings():
            # Invalid escapes and `is` with a literal are none of our business.
            warnings.simplefilter("ignore")
            # CPython 3.11 counts the depth of trees for all threads together: SystemError where two build one
            with _PARSING:
                ast.parse(source, filename)
    except (RecursionError, MemoryError) as error:
        raise NotAnalysed(f"nested too deeply to be parsed ({type(error).__name__})") from error
    except SyntaxError as error:
        message = error.msg or "invalid syntax"
        if "too many nested" in message or "too many levels of indentation" in message:
            raise NotAnalysed(f"nested too deeply to be parsed ({message})") from error
        return _failure(source, message, error.lineno, error.offset)
    except ValueError as error:
        # Null bytes (until Python 3.11) and lone surrogates.
        return SyntaxFailure(_sentence(str(error)), 1, 1)
    return None


def _failure(source: str, message: str, line: int | None, offset: int | None) -> SyntaxFailure:
    # The place may be missing, 0, or one line past the end: bring it into the text.
    lines = split_lines(source) or ("",)
    line = min(max(line or 1, 1), len(lines))
    column = min(max(offset or 1, 1), len(lines[line - 1]) + 1)
    return SyntaxFailure(_sentence(message), line, column)


def _sentence(message: str) -> str:
    first = message.strip().splitlines()[0] if message.strip() else "invalid syntax"
    return first.rstrip(".")
