"""Wrap flagged expressions in a text without moving a line.

``model(x, training=True)`` becomes ``__dropout_lint__.site(3, model)(x, training=True)`` and
``layer.trainable = True`` becomes ``__dropout_lint__.toggle(5, layer).trainable = True``: only the callee, or
the base of the assignment's target, is wrapped, so that line numbers (tracebacks, AutoGraph's source map,
``inspect.getsource``) stay true. The ``ast`` of the user's own interpreter finds the expression: whatever
that interpreter can run, it can parse.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .job import Probe, Span

NAME = "__dropout_lint__"

# (start offset, end offset, rank among replacements that start at the same place, text)
Replacement = tuple[int, int, int, str]


class Lines:
    """Offsets of lines and columns in a text whose newlines are line feeds."""

    def __init__(self, text: str) -> None:
        self.lines = text.split("\n")
        self.starts = [0]
        for line in self.lines:
            self.starts.append(self.starts[-1] + len(line) + 1)

    def offset(self, line: int, column: int) -> int:
        """Offset of a 1-based line and a 1-based column in code points."""
        return self.starts[line - 1] + column - 1

    def byte_offset(self, line: int, column: int) -> int:
        """Offset of a 1-based line and a 0-based column in UTF-8 bytes, as ``ast`` counts."""
        text = self.lines[line - 1]
        if not text.isascii():
            column = len(text.encode()[:column].decode(errors="ignore"))
        return self.starts[line - 1] + column

    def bounds(self, node: ast.expr) -> tuple[int, int]:
        """Start and end offset of a node."""
        end_line, end_column = node.end_lineno or node.lineno, node.end_col_offset or 0
        return self.byte_offset(node.lineno, node.col_offset), self.byte_offset(end_line, end_column)


def rewrite(text: str, probes: Sequence[Probe], edits: Sequence[Sequence[object]] = ()) -> tuple[str, dict[int, str]]:
    """Return the text with ``edits`` applied and ``probes`` wrapped, and why a probe could not be.

    A probe inside an edited span is dropped silently: the edit replaces what it would have watched.
    Raises ``SyntaxError`` when the text itself does not parse.
    """
    lines = Lines(text)
    tree = ast.parse(text)
    replacements = [_edit(lines, edit) for edit in edits]
    edited = [(start, end) for start, end, _, _ in replacements]
    failures: dict[int, str] = {}
    for probe in probes:
        wrapped = _wrap(tree, lines, probe)
        if wrapped is None:
            failures[probe.id] = "no such expression at its position"
        elif not any(start < end_ and start_ < end for start, end, _, _ in wrapped for start_, end_ in edited):
            replacements.extend(wrapped)
    result = _apply(text, replacements)
    try:
        ast.parse(result)
    except SyntaxError:
        # An interpreter before 3.12 gives expressions inside f-strings false positions.
        return _rewrite_one_by_one(text, probes, edits)
    return result, failures


def _rewrite_one_by_one(
    text: str, probes: Sequence[Probe], edits: Sequence[Sequence[object]]
) -> tuple[str, dict[int, str]]:
    """Keep the probes that leave valid Python."""
    lines, tree = Lines(text), ast.parse(text)
    kept: list[Replacement] = [_edit(lines, edit) for edit in edits]
    failures: dict[int, str] = {}
    for probe in probes:
        wrapped = _wrap(tree, lines, probe) or ()
        try:
            ast.parse(_apply(text, [*kept, *wrapped]))
        except SyntaxError:
            failures[probe.id] = "its expression cannot be wrapped"
        else:
            kept.extend(wrapped)
    return _apply(text, kept), failures


def enclosing_call_lines(text: str, span: Span) -> tuple[int, int] | None:
    """First and last line of the smallest call that contains a span, or None."""
    lines = Lines(text)
    start, end = lines.offset(span[0], span[1]), lines.offset(span[2], span[3])
    best: tuple[int, int, int] | None = None
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call):
            left, right = lines.bounds(node)
            if left <= start and end <= right and (best is None or right - left < best[0]):
                best = (right - left, node.lineno, node.end_lineno or node.lineno)
    return best[1:] if best else None


def _edit(lines: Lines, edit: Sequence[object]) -> Replacement:
    line, column, end_line, end_column, replacement = edit
    start = lines.offset(int(str(line)), int(str(column)))
    return start, lines.offset(int(str(end_line)), int(str(end_column))), 0, str(replacement)


def _wrap(tree: ast.AST, lines: Lines, probe: Probe) -> list[Replacement] | None:
    """The two insertions around the callee or the assignment's base."""
    wanted = (lines.offset(*probe.span[:2]), lines.offset(*probe.span[2:]))
    if probe.kind == "toggle":
        found = _best(lines, wanted, (n for n in ast.walk(tree) if isinstance(n, ast.Attribute)))
        inner, word = (found.value, "toggle") if isinstance(found, ast.Attribute) else (None, "")
    else:
        found = _best(lines, wanted, (n for n in ast.walk(tree) if isinstance(n, ast.Call)))
        inner, word = (found.func, "site") if isinstance(found, ast.Call) else (None, "")
    if inner is None:
        return None
    start, end = lines.bounds(inner)
    # Of two callees that start at one place, as in `f(x)(y)`, the longer is the outer one and comes first.
    return [(start, start, -(end - start), f"{NAME}.{word}({probe.id}, "), (end, end, 0, ")")]


def _best(lines: Lines, wanted: tuple[int, int], nodes: Iterable[ast.expr]) -> ast.expr | None:
    """The node with exactly that span, else the one that overlaps it most closely (parentheses differ)."""
    best: ast.expr | None = None
    distance = 1 << 60
    for node in nodes:
        start, end = lines.bounds(node)
        if start < wanted[1] and wanted[0] < end:
            apart = abs(start - wanted[0]) + abs(end - wanted[1])
            if apart < distance:
                best, distance = node, apart
    return best


def _apply(text: str, replacements: Iterable[Replacement]) -> str:
    pieces, at = [], 0
    for start, end, _, replacement in sorted(replacements, key=lambda r: r[:3]):
        if start >= at:
            pieces.append(text[at:start])
            pieces.append(replacement)
            at = end
    pieces.append(text[at:])
    return "".join(pieces)
