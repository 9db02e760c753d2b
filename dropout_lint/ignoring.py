"""``--add-ignore``: suppressions written for what is found now."""

from __future__ import annotations

import tokenize
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dropout_lint.findings import Edit, Finding, Position, Span
from dropout_lint.fixes import apply_edits
from dropout_lint.repair import Changed
from dropout_lint.selection import ALWAYS_ON
from dropout_lint.sources.reading import decode_source, in_text
from dropout_lint.sources.text import read_bytes, split_lines
from dropout_lint.suppressions import directives, suppressed, suppressions, tokens

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dropout_lint.report import Report


@dataclass(frozen=True, slots=True)
class Ignoring:
    """The files to change, and what could not be silenced by a comment."""

    changed: tuple[Changed, ...]
    silenced: int
    left: tuple[Finding, ...]


def add_ignores(report: Report, reason: str) -> Ignoring:
    """The files of ``report`` with a comment for each finding; nothing is written yet.

    Raises:
        SourceError: A file cannot be read again.
    """
    changed: list[Changed] = []
    left: list[Finding] = []
    silenced = 0
    for path in dict.fromkeys(finding.path for finding in report.findings):
        before = decode_source(read_bytes(Path(path)), Path(path))
        found = [in_text(each, before) for each in report.findings if each.path == path]
        wanted = [each for each in found if silenceable(each)]
        edits, inserted = ignore_edits(before.text, wanted, reason)
        after = apply_edits(before.text, edits)
        covered = suppressions(after)
        for each in found:
            line = each.span.start.line + sum(1 for number in inserted if number <= each.span.start.line)
            if each in wanted and suppressed(covered, range(line, line + 1), each.code, each.name):
                silenced += 1
            else:
                left.append(each)
        if after != before.text:
            changed.append(Changed(Path(path).absolute(), before, before.edited(after)))
    return Ignoring(tuple(changed), silenced, tuple(left))


def silenceable(finding: Finding) -> bool:
    """Whether a comment may silence it: not what is said of the tool's own comments, or of what it cannot read."""
    return finding.code not in ALWAYS_ON and not finding.code.startswith("KTM9")


def ignore_edits(text: str, findings: Iterable[Finding], reason: str) -> tuple[list[Edit], list[int]]:
    """The edits that put comments into ``text``, and the lines before which they put a line in."""
    lines = split_lines(text)
    by_line: dict[int, list[str]] = {}
    for finding in findings:
        by_line.setdefault(finding.span.start.line, []).append(finding.name)
    present = {comment.span.start.line: comment for comment in directives(text) if comment.kind == "ignore"}
    no_room = _lines_without_room(text)
    edits: list[Edit] = []
    inserted: list[int] = []
    for number, names in by_line.items():
        listed = list(dict.fromkeys(names))
        known = present.get(number)
        if known is not None:
            listed = [*known.rules, *(name for name in listed if name not in known.rules)]
            told = f"# dropout-lint: ignore[{', '.join(listed)}] {known.reason or reason}".rstrip()
            edits.append(Edit(known.span, told))
            continue
        told = f"# dropout-lint: ignore[{', '.join(listed)}] {reason}".rstrip()
        line = lines[number - 1]
        if number in no_room:
            # the line goes on in a string or behind a backslash: the comment stands before the statement
            first = no_room[number]
            indent = lines[first - 1][: len(lines[first - 1]) - len(lines[first - 1].lstrip())]
            at = Position(first, 1)
            edits.append(Edit(Span(at, at), f"{indent}{told}\n"))
            inserted.append(first)
        else:
            at = Position(number, len(line.rstrip()) + 1)
            edits.append(Edit(Span(at, Position(number, len(line) + 1)), f"  {told}"))
    return edits, inserted


def _lines_without_room(text: str) -> dict[int, int]:
    """Lines at whose end no comment can stand, each with the first line of its statement."""
    found: dict[int, int] = {}
    first: int | None = None
    inside: list[int] = []
    for token in tokens(text):
        if token.type in {tokenize.NL, tokenize.COMMENT, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}:
            continue
        first = token.start[0] if first is None else first
        if token.end[0] > token.start[0]:
            inside += range(token.start[0], token.end[0])
        if token.line.rstrip("\r\n").endswith("\\") and token.type != tokenize.NEWLINE:
            inside.append(token.end[0])
        if token.type == tokenize.NEWLINE:
            found.update(dict.fromkeys(inside, first))
            first, inside = None, []
    return found
