"""Findings about suppressions themselves: unused, invalid, without a reason (KTM900, KTM901, KTM902)."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from dropout_lint.findings import Applicability, Confidence, Edit, Finding, Fix, Position, Severity, Span
from dropout_lint.selection import INVALID_SUPPRESSION, NO_REASON, UNUSED_SUPPRESSION, known_rules
from dropout_lint.sources.text import split_lines
from dropout_lint.suppressions import directives

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from dropout_lint.selection import Selection
    from dropout_lint.suppressions import Comment

KINDS = ("ignore", "file-ignore")


def about_suppressions(
    path: str,
    text: str,
    used: Collection[tuple[Comment, str]],
    selection: Selection,
    *,
    complete: bool,
) -> Iterator[Finding]:
    """The findings about the suppressions in ``text``.

    ``used`` are those that silence something, each with the word by which it does. ``complete`` says that all
    was seen that they could silence; where it was not, none is called unused.
    """
    lines = split_lines(text)
    rules = known_rules()
    names = {*rules, *rules.values()}
    for comment in directives(text):
        wrong = _what_is_wrong(comment, names)
        if wrong:
            yield _finding(INVALID_SUPPRESSION, path, comment, *wrong, _correction(comment, names, lines))
            continue
        if not comment.reason:
            message = "the suppression says no reason"
            yield _finding(NO_REASON, path, comment, message, "write behind the bracket why it is meant", None)
        if not complete:
            continue
        unused = [rule for rule in comment.rules if (comment, rule) not in used and _is_on(rule, rules, selection)]
        if unused:
            what = "suppresses nothing" if len(unused) == len(comment.rules) else f"suppresses no {', '.join(unused)}"
            kept = [rule for rule in comment.rules if rule not in unused]
            message = f"`{_shown(comment)}` {what}"
            yield _finding(UNUSED_SUPPRESSION, path, comment, message, "remove it", _without(comment, kept, lines))


def _is_on(rule: str, rules: dict[str, str], selection: Selection) -> bool:
    """Whether the rule runs here: of one that is off, nothing is known."""
    return any(selection.enables(code) for code, name in rules.items() if rule in (code, name))


def _shown(comment: Comment) -> str:
    return f"{comment.kind}[{', '.join(comment.rules)}]"


def _what_is_wrong(comment: Comment, names: Collection[str]) -> tuple[str, str] | None:
    """Message and help, or None."""
    form = "write # dropout-lint: ignore[rule] reason"
    if comment.kind not in KINDS:
        return f"`dropout-lint: {comment.kind}` is no suppression", form
    if not comment.listed or not comment.rules:
        return "the suppression names no rule: there is no blanket form", form
    if comment.kind == "file-ignore" and not comment.alone:
        return "file-ignore counts on a line of its own only", "put it on a line of its own"
    unknown = [rule for rule in comment.rules if rule not in names]
    if unknown:
        near = get_close_matches(unknown[0].lower(), [name.lower() for name in names], n=1)
        nearest = next((name for name in names if near and name.lower() == near[0]), None)
        helped = f'did you mean "{nearest}"?' if nearest else "`dropout-lint rule --all` lists the rules"
        return f'there is no rule "{unknown[0]}"', helped
    return None


def _correction(comment: Comment, names: Collection[str], lines: tuple[str, ...]) -> Fix | None:
    if comment.kind not in KINDS or (comment.kind == "file-ignore" and not comment.alone):
        return None
    return _without(comment, [rule for rule in comment.rules if rule in names], lines)


def _without(comment: Comment, kept: list[str], lines: tuple[str, ...]) -> Fix:
    """Leave only the rules ``kept``; without any, the comment goes, and its line if nothing else is on it."""
    if kept:
        listed = f"# dropout-lint: {comment.kind}[{', '.join(kept)}]"
        text = f"{listed} {comment.reason}" if comment.reason else listed
        return Fix("leave only what counts", Applicability.SAFE, (Edit(comment.span, text),))
    row = comment.span.start.line
    line = lines[row - 1]
    if comment.alone and comment.span == comment.whole:
        end = Position(row + 1, 1) if row < len(lines) else Position(row, len(line) + 1)
        return Fix("remove it", Applicability.SAFE, (Edit(Span(Position(row, 1), end), ""),))
    # what stands before it on the line stays, without the space between
    start = len(line[: comment.span.start.column - 1].rstrip()) + 1
    span = Span(Position(row, start), comment.span.end)
    return Fix("remove it", Applicability.SAFE, (Edit(span, ""),))


def _finding(rule: tuple[str, str], path: str, comment: Comment, message: str, helped: str, fix: Fix | None) -> Finding:
    code, name = rule
    return Finding(code, name, Severity.WARNING, Confidence.HIGH, message, path, comment.span, help=helped, fix=fix)
