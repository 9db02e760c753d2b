"""Wrap flagged expressions in a text without moving a line.

``model(x, training=True)`` becomes ``__dropout_lint__.site(3, model)(x, training=True)`` and
``layer.trainable = True`` becomes ``__dropout_lint__.toggle(5, layer).trainable = True``: only the callee, or
the base of the assignment's target, is wrapped, so that line numbers (tracebacks, AutoGraph's source map,
``inspect.getsource``) stay true. A statement that is only watched is put on one line with a ``with`` before it:
``with __dropout_lint__.watch(7): keras.backend.set_learning_phase(1)``. The ``ast`` of the user's own interpreter
finds the expression: whatever that interpreter can run, it can parse.
"""

from __future__ import annotations

import ast
import bisect
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .job import Probe, Span

NAME = "__dropout_lint__"

STATEMENTS = frozenset({"raises", "observe", "statement"})
"""Kinds of probes that watch a whole statement."""

COMPOUND = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.If, ast.For, ast.AsyncFor, ast.While, ast.With,
            ast.AsyncWith, ast.Try)  # fmt: skip
FIRST = -(1 << 60)

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

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column of an offset: what ``offset`` does, undone."""
        line = bisect.bisect_right(self.starts, offset)
        return line, offset - self.starts[line - 1] + 1

    def byte_offset(self, line: int, column: int) -> int:
        """Offset of a 1-based line and a 0-based column in UTF-8 bytes, as ``ast`` counts."""
        text = self.lines[line - 1]
        if not text.isascii():
            column = len(text.encode()[:column].decode(errors="ignore"))
        return self.starts[line - 1] + column

    def bounds(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
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
    watched: dict[int, tuple[int, list[int]]] = {}
    for probe in probes:
        if probe.kind in STATEMENTS:
            statement = _statement(tree, lines, text, probe)
            if statement is not None:
                if not _overlaps(statement, edited):
                    watched.setdefault(statement[0], (statement[1], []))[1].append(probe.id)
                continue
        wrapped = _wrap(tree, lines, probe)
        if wrapped is None:
            failures[probe.id] = "no such expression at its position"
        elif not any(_overlaps((start, end), edited) for start, end, _, _ in wrapped):
            replacements.extend(wrapped)
    replacements.extend(_watch(start, numbers) for start, (_, numbers) in watched.items())
    result = _apply(text, replacements)
    try:
        ast.parse(result)
    except SyntaxError:
        # An interpreter before 3.12 gives expressions inside f-strings false positions.
        return _rewrite_one_by_one(text, probes, edits)
    return result, failures


def _overlaps(span: tuple[int, int], edited: Sequence[tuple[int, int]]) -> bool:
    return any(span[0] < end and start < span[1] for start, end in edited)


def _watch(start: int, numbers: Sequence[int]) -> Replacement:
    return start, start, FIRST, f"with {NAME}.watch({', '.join(map(str, numbers))}): "


def _statement(tree: ast.AST, lines: Lines, text: str, probe: Probe) -> tuple[int, int] | None:
    """Start and end of the simple statement that holds a probe; of its whole line where several share one."""
    wanted = lines.offset(*probe.span[:2])
    best: tuple[int, int] | None = None
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt) and not isinstance(node, COMPOUND):
            start, end = lines.bounds(node)
            if start <= wanted < max(end, start + 1):
                best = (start, end)
    if best is None:
        return None
    line_start = text.rfind("\n", 0, best[0]) + 1
    before = text[line_start : best[0]]
    # `a = 1; b = 2` is watched as a whole; behind a colon nothing can be put in front.
    return line_start + len(before) - len(before.lstrip()), best[1]


def statement_span(text: str, span: Span) -> list[object]:
    """The span of the simple statement that holds another: what is replaced to leave it out."""
    tree, lines = ast.parse(text), Lines(text)
    wanted = lines.offset(span[0], span[1])
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt) and not isinstance(node, COMPOUND):
            start, end = lines.bounds(node)
            if start <= wanted < end:
                return [*lines.place(start), *lines.place(end)]
    return list(span)


def _rewrite_one_by_one(
    text: str, probes: Sequence[Probe], edits: Sequence[Sequence[object]]
) -> tuple[str, dict[int, str]]:
    """Keep the probes that leave valid Python."""
    lines, tree = Lines(text), ast.parse(text)
    kept: list[Replacement] = [_edit(lines, edit) for edit in edits]
    edited = [(start, end) for start, end, _, _ in kept]
    failures: dict[int, str] = {}
    watched: dict[int, list[int]] = {}
    for probe in probes:
        attempts: list[list[Replacement]] = []
        statement = _statement(tree, lines, text, probe) if probe.kind in STATEMENTS else None
        if statement is not None and not _overlaps(statement, edited):
            attempts.append([_watch(statement[0], [*watched.get(statement[0], ()), probe.id])])
        attempts.append(_wrap(tree, lines, probe) or [])
        for attempt in attempts:
            # Two probes on one statement share its `with`.
            rest = [each for each in kept if not (attempt and each[2] == FIRST and each[0] == attempt[0][0])]
            try:
                ast.parse(_apply(text, [*rest, *attempt]))
            except SyntaxError:
                continue
            if attempt and attempt[0][2] == FIRST:
                watched.setdefault(attempt[0][0], []).append(probe.id)
                kept = rest
            kept.extend(attempt)
            break
        else:
            failures[probe.id] = "its expression cannot be wrapped"
    return _apply(text, kept), failures


def definition_lines(text: str, span: Span) -> tuple[int, int] | None:
    """First and last line of the function or class a span names (or whose header holds it), decorators included."""
    tree, lines = ast.parse(text), Lines(text)
    wanted = lines.offset(span[0], span[1]), lines.offset(span[2], span[3])
    best: tuple[int, int, int] | None = None
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
            last = node.end_lineno or node.lineno
            start, end = lines.starts[first - 1], lines.starts[last]
            if start <= wanted[0] and wanted[1] <= end and (best is None or last - first < best[0]):
                best = (last - first, first, last)
    return best[1:] if best else None


def is_call(text: str, span: Span) -> bool:
    """True when a span is that of a call expression."""
    lines = Lines(text)
    wanted = lines.offset(span[0], span[1]), lines.offset(span[2], span[3])
    return any(isinstance(node, ast.Call) and lines.bounds(node) == wanted for node in ast.walk(ast.parse(text)))


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
    inner, word = _inner(tree, lines, probe, wanted)
    if inner is None:
        return None
    start, end = lines.bounds(inner)
    # Of two callees that start at one place, as in `f(x)(y)`, the longer is the outer one and comes first.
    return [(start, start, -(end - start), f"{NAME}.{word}({probe.id}, "), (end, end, 0, ")")]


def _inner(tree: ast.AST, lines: Lines, probe: Probe, wanted: tuple[int, int]) -> tuple[ast.expr | None, str]:
    """The expression to wrap, and the method of ``__dropout_lint__`` to wrap it with."""
    if probe.kind == "nested":
        return _loop_over(tree, lines, wanted), "listed"
    if probe.kind in ("toggle", "weights"):
        found = _best(lines, wanted, (n for n in ast.walk(tree) if isinstance(n, (ast.Attribute, ast.Call, ast.Name))))
        if isinstance(found, ast.Call):
            # `setattr` with the layer as its first argument.
            return (found.args[0], "weights") if found.args and probe.kind == "weights" else (None, "")
        if isinstance(found, ast.Attribute):
            return found.value, probe.kind
        return (found, "weights") if probe.kind == "weights" else (None, "")
    found = _best(lines, wanted, (n for n in ast.walk(tree) if isinstance(n, ast.Call)))
    if not isinstance(found, ast.Call):
        return None, ""
    return found.func, "attempt" if probe.kind in STATEMENTS else "site"


def _loop_over(tree: ast.AST, lines: Lines, wanted: tuple[int, int]) -> ast.expr | None:
    """What the innermost ``for`` around a place goes over."""
    best: ast.For | None = None
    for node in ast.walk(tree):
        if isinstance(node, ast.For):
            start, end = lines.bounds(node)
            if start <= wanted[0] < end and (best is None or node.lineno >= best.lineno):
                best = node
    return best.iter if best is not None else None


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
