"""Suppressions in comments: ``# dropout-lint: ignore[NAME] reason`` and ``# noqa: KTM101``.

They count on any physical line of a statement (of its header, if it has a body), or on lines of their own
directly before it. ``# dropout-lint: file-ignore[NAME] reason``, on a line of its own, counts for the whole file.
"""

from __future__ import annotations

import re
import tokenize
from bisect import bisect_left
from dataclasses import dataclass, field
from itertools import chain, islice, takewhile
from typing import TYPE_CHECKING

from dropout_lint.findings import Position, Span
from dropout_lint.sources.text import split_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

MARK = b"dropout-lint:"
"""A file without these bytes holds no suppression of our own."""

_DIRECTIVE = re.compile(
    r"#\s*dropout-lint:\s*(?P<kind>[\w-]*)\s*(?P<list>\[(?P<rules>[^\]#\n]*)\])?(?P<reason>[^#\n]*)"
)
_NOQA = re.compile(r"#\s*noqa\s*:\s*([A-Z][A-Z0-9]+(?:[\s,]+[A-Z]+[0-9]+)*)", re.IGNORECASE)
_LAST = 10**9


@dataclass(frozen=True, slots=True)
class Comment:
    """One suppression as it is written.

    ``kind`` is ``ignore``, ``file-ignore``, ``noqa``, or what stands there instead; ``rules`` are the names in
    the brackets, as they are written; ``listed`` is False where the brackets are missing. ``span`` is that of the
    directive, ``whole`` that of the comment it is in. ``alone`` says that nothing else stands on the line.
    """

    kind: str
    rules: tuple[str, ...]
    reason: str
    span: Span
    whole: Span
    listed: bool = True
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Suppression:
    """Rules, as codes and names, that are silenced on the lines ``first`` to ``last``, and the comments that say so."""

    first: int
    last: int
    rules: frozenset[str]
    comments: tuple[Comment, ...] = ()


@dataclass(slots=True)
class _Statement:
    """What has been read of one statement and the comments before it."""

    before: list[Comment] = field(default_factory=list)
    inside: list[Comment] = field(default_factory=list)
    first: int | None = None


def suppressions(text: str) -> tuple[Suppression, ...]:
    """All suppressions in the comments of ``text`` that are well formed and cover something.

    They are in the order of what they cover, which does not overlap; those of the whole file are last.
    """
    found: list[Suppression] = []
    for first, last, comments in _scopes(text):
        rules = frozenset(rule for comment in comments for rule in comment.rules)
        if rules:
            found.append(Suppression(first, last, rules, tuple(comments)))
    return tuple(sorted(found, key=_last))


def _last(suppression: Suppression) -> int:
    return suppression.last


def directives(text: str) -> tuple[Comment, ...]:
    """All comments that are addressed to this tool, well formed or not, in order; ``noqa`` is nobody's."""
    if "dropout-lint:" not in text:
        return ()
    found = (comment for token in tokens(text) if token.type == tokenize.COMMENT for comment in _comments(token))
    return tuple(comment for comment in found if comment.kind != "noqa")


def suppressed(found: tuple[Suppression, ...], lines: range, code: str, name: str) -> bool:
    """Whether any of ``found`` silences the rule on any of ``lines``."""
    return bool(silencing(found, lines, code, name))


def silencing(found: tuple[Suppression, ...], lines: range, code: str, name: str) -> list[tuple[Comment, str]]:
    """The comments that silence a rule on any of ``lines``, each with the word by which it does."""
    near = bisect_left(found, lines.start, key=_last)
    beyond = bisect_left(found, _LAST, key=_last)
    covering = chain(takewhile(lambda item: item.first < lines.stop, islice(found, near, beyond)), found[beyond:])
    return [
        (comment, rule)
        for item in covering
        if item.first <= lines.stop - 1 and lines.start <= item.last and not item.rules.isdisjoint((code, name))
        for comment in item.comments
        for rule in comment.rules
        if rule in (code, name)
    ]


_LAYOUT = frozenset({tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING, tokenize.ENDMARKER})


def _scopes(text: str) -> Iterator[tuple[int, int, list[Comment]]]:
    """The lines that comments cover, with those comments."""
    if "dropout-lint" not in text and "noqa" not in text.lower():
        return
    here = _Statement()
    for token in tokens(text):
        if token.type == tokenize.COMMENT:
            for comment in _comments(token):
                if comment.kind == "file-ignore":
                    if comment.alone:
                        yield 1, _LAST, [comment]
                elif comment.kind in {"ignore", "noqa"}:
                    (here.before if here.first is None else here.inside).append(comment)
        elif token.type == tokenize.NL and here.first is None and not token.line.strip():
            # An empty line ends the reach of the comments before it.
            here.before.clear()
        elif token.type == tokenize.NEWLINE:
            if here.first is not None:
                yield here.first, token.start[0], [*here.before, *here.inside]
            here = _Statement()
        elif here.first is None and token.type not in _LAYOUT:
            here.first = token.start[0]


def tokens(text: str) -> Iterator[tokenize.TokenInfo]:
    """Python's tokens of ``text``, as far as Python can read it."""
    # What comes before a line that Python's tokenizer refuses is still good.
    lines = (f"{line}\n" for line in split_lines(text))
    try:
        yield from tokenize.generate_tokens(lambda: next(lines, ""))
    except (tokenize.TokenError, SyntaxError):
        return


def _comments(token: tokenize.TokenInfo) -> Iterator[Comment]:
    row, column = token.start
    text = token.string
    whole = _span(row, column, 0, len(text))
    alone = not token.line[:column].strip()
    for match in _DIRECTIVE.finditer(text):
        listed = match["list"] is not None
        rules = tuple(name for part in (match["rules"] or "").split(",") if (name := part.strip()))
        reason = match["reason"].strip()
        span = _span(row, column, match.start(), match.start() + len(match[0].rstrip()))
        yield Comment(match["kind"], rules, reason, span, whole, listed, alone)
    for match in _NOQA.finditer(text):
        rules = tuple(code.upper() for code in re.split(r"[\s,]+", match[1]))
        yield Comment("noqa", rules, "", _span(row, column, match.start(), match.end()), whole, alone=alone)


def _span(row: int, column: int, start: int, end: int) -> Span:
    return Span(Position(row, column + start + 1), Position(row, column + end + 1))
