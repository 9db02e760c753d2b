"""Suppressions in comments: ``# dropout-lint: ignore[NAME] reason`` and ``# noqa: KTM101``.

They count on any physical line of a statement (of its header, if it has a body), or on lines of their own
directly before it.
"""

from __future__ import annotations

import re
import tokenize
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dropout_lint.sources.text import split_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

_IGNORE = re.compile(r"#\s*dropout-lint:\s*ignore\[([^\]]*)\]")
_NOQA = re.compile(r"#\s*noqa\s*:\s*([A-Z][A-Z0-9]+(?:[\s,]+[A-Z]+[0-9]+)*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Suppression:
    """Rules, as codes and names, that are silenced on the lines ``first`` to ``last``."""

    first: int
    last: int
    rules: frozenset[str]


def suppressions(text: str) -> tuple[Suppression, ...]:
    """All suppressions in the comments of ``text``."""
    if "dropout-lint" not in text and "noqa" not in text.lower():
        return ()
    found: list[Suppression] = []
    pending: list[frozenset[str]] = []
    own: list[frozenset[str]] = []
    first: int | None = None
    for token in tokens(text):
        if token.type == tokenize.COMMENT:
            rules = _named_rules(token.string)
            if first is None:
                pending.append(rules)
            else:
                own.append(rules)
        elif token.type == tokenize.NL and first is None and not token.line.strip():
            # An empty line ends the reach of the comments before it.
            pending.clear()
        elif token.type == tokenize.NEWLINE:
            if first is not None:
                rules = frozenset[str]().union(*pending, *own)
                if rules:
                    found.append(Suppression(first, token.start[0], rules))
            pending, own, first = [], [], None
        elif first is None and token.type not in _LAYOUT:
            first = token.start[0]
    return tuple(found)


def suppressed(found: tuple[Suppression, ...], lines: range, code: str, name: str) -> bool:
    """Whether any of ``found`` silences the rule on any of ``lines``."""
    return any(
        item.first <= lines.stop - 1 and lines.start <= item.last and not item.rules.isdisjoint((code, name))
        for item in found
    )


_LAYOUT = frozenset({tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING, tokenize.ENDMARKER})


def tokens(text: str) -> Iterator[tokenize.TokenInfo]:
    """Python's tokens of ``text``, as far as Python can read it."""
    # What comes before a line that Python's tokenizer refuses is still good.
    lines = (f"{line}\n" for line in split_lines(text))
    try:
        yield from tokenize.generate_tokens(lambda: next(lines, ""))
    except (tokenize.TokenError, SyntaxError):
        return


def _named_rules(comment: str) -> frozenset[str]:
    names: set[str] = set()
    for match in _IGNORE.finditer(comment):
        names.update(name.strip() for name in match[1].split(","))
    for match in _NOQA.finditer(comment):
        names.update(code.upper() for code in re.split(r"[\s,]+", match[1]))
    return frozenset(names - {""})
