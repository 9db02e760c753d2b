"""A program with its tree, the places in it, and the edits that make a mutant of it."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

Edit = tuple[int, int, str]
"""From one offset to another, this text instead."""

ON_PURPOSE = re.compile(
    r"monte.?carlo|\bmc|bayes|uncertain|stochastic|posterior|permanent|always.?on|test.time|mean.?teacher|on purpose",
    re.IGNORECASE,
)
"""What a program says that means to be random in inference: a flag of True is no mutant there."""


@dataclass(frozen=True)
class Mutant:
    """One changed program: the edits, and the rules that may catch it; it is made for the first of them."""

    kind: str
    codes: tuple[str, ...]
    line: int
    edits: tuple[Edit, ...]


class Program:
    """A program with its tree, and offsets for the nodes of it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tree = ast.parse(text)
        self._lines = text.splitlines(keepends=True)
        self._starts = [0]
        for line in self._lines:
            self._starts.append(self._starts[-1] + len(line))
        self.parents = {child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)}
        self.nodes = tuple(ast.walk(self.tree))
        self.calls = tuple(node for node in self.nodes if isinstance(node, ast.Call))
        self.keras2 = re.search(r"tf_keras|TF_USE_LEGACY_KERAS", text) is not None
        self.torch = re.search(r"KERAS_BACKEND.*torch|import torch", text) is not None
        self.on_purpose = ON_PURPOSE.search(text) is not None

    def _offset(self, line: int, column: int) -> int:
        """The offset of a position of ``ast``, whose columns count bytes."""
        return self._starts[line - 1] + len(self._lines[line - 1].encode()[:column].decode())

    def span(self, node: ast.AST) -> tuple[int, int]:
        """Where a node stands."""
        return (
            self._offset(node.lineno, node.col_offset),  # type: ignore[attr-defined]
            self._offset(node.end_lineno, node.end_col_offset),  # type: ignore[attr-defined]
        )

    def source(self, node: ast.AST) -> str:
        """The text of a node."""
        start, end = self.span(node)
        return self.text[start:end]

    def enclosing(self, node: ast.AST, *kinds: type) -> Iterator[ast.AST]:
        """What is round a node, innermost first."""
        while node in self.parents:
            node = self.parents[node]
            if isinstance(node, kinds):
                yield node

    def function(self, node: ast.AST) -> ast.FunctionDef | None:
        """The innermost function round a node."""
        found = next(self.enclosing(node, ast.FunctionDef), None)
        return found if isinstance(found, ast.FunctionDef) else None

    def owner(self, node: ast.AST) -> ast.ClassDef | None:
        """The innermost class round a node."""
        found = next(self.enclosing(node, ast.ClassDef), None)
        return found if isinstance(found, ast.ClassDef) else None

    def statement(self, node: ast.AST) -> ast.stmt | None:
        """The simple statement that a node is part of, if it has its lines for itself."""
        while not isinstance(node, ast.stmt):
            if node not in self.parents:
                return None
            node = self.parents[node]
        return node if self.alone(node) else None

    def alone(self, statement: ast.stmt) -> bool:
        """Whether a statement is a simple one that shares its lines with nothing but a comment."""
        start, end = self.span(statement)
        first, last = self.lines(statement)
        return not hasattr(statement, "body") and not (
            self.text[first:start].strip() or self.text[end:last].split("#")[0].strip()
        )

    def lines(self, statement: ast.stmt) -> tuple[int, int]:
        """The whole lines of a statement."""
        assert statement.end_lineno is not None
        return self._starts[statement.lineno - 1], self._starts[statement.end_lineno]

    def block(self, statement: ast.AST) -> list[ast.stmt]:
        """The statements beside this one."""
        parent = self.parents[statement]
        fields = (getattr(parent, name, None) for name in ("body", "orelse", "finalbody"))
        return next((field for field in fields if isinstance(field, list) and statement in field), [])

    def following(self, statement: ast.stmt) -> list[ast.stmt]:
        """The statements behind this one in its block."""
        block = self.block(statement)
        return block[block.index(statement) + 1 :] if statement in block else []

    # Edits

    def instead(self, node: ast.AST, text: str) -> Edit:
        """Another text for a node."""
        return (*self.span(node), text)

    def before(self, statement: ast.stmt, *lines: str) -> Edit:
        """New lines in front of a statement."""
        start = self.lines(statement)[0]
        return start, start, self._indented(statement, lines)

    def behind(self, statement: ast.stmt, *lines: str) -> Edit:
        """New lines behind a statement."""
        end = self.lines(statement)[1]
        newline = "" if self.text[:end].endswith("\n") else "\n"
        return end, end, newline + self._indented(statement, lines)

    def _indented(self, statement: ast.stmt, lines: tuple[str, ...]) -> str:
        return "".join(f"{' ' * statement.col_offset}{line}\n" for text in lines for line in text.split("\n"))

    def without(self, keyword: ast.keyword) -> Edit:
        """A call without one of its keywords."""
        start, end = self.span(keyword)
        before = self.text[:start].rstrip()
        if before.endswith(","):
            return len(before) - 1, end, ""
        after = self.text[end:]
        return start, end + len(after) - len(after.lstrip(", ")), ""

    def with_keyword(self, call: ast.Call, text: str) -> Edit | None:
        """A call with one keyword more; None where that takes more than an insertion."""
        end = self.span(call)[1] - 1
        if self.text[:end].rstrip().endswith(",") or not (call.args or call.keywords):
            return None
        if any(keyword.arg is None for keyword in call.keywords) or isinstance(
            call.args[-1] if call.args else None, ast.GeneratorExp
        ):
            return None
        return end, end, f", {text}"

    def imported(self, name: str) -> tuple[Edit, ...]:
        """What it takes that ``keras`` or ``tf`` is a name in the program."""
        for node in self.nodes:
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                for alias in node.names:
                    if (alias.asname or alias.name) == name:
                        return ()
        library = {"tf": "tensorflow"}.get(name, "tf_keras" if self.keras2 else "keras")
        first = next((node for node in self.tree.body if isinstance(node, (ast.Import, ast.ImportFrom))), None)
        start = self.lines(first)[0] if first is not None else 0
        if isinstance(first, ast.ImportFrom) and first.module == "__future__":
            start = self.lines(first)[1]
        return ((start, start, f"import {library} as {name}\n" if library != name else f"import {name}\n"),)

    def apply(self, mutant: Mutant) -> str:
        """The text of a mutant."""
        text = self.text
        for start, end, replacement in sorted(mutant.edits, reverse=True):
            text = text[:start] + replacement + text[end:]
        return text


def keyword(call: ast.Call, name: str) -> ast.keyword | None:
    """The keyword with this name."""
    return next((each for each in call.keywords if each.arg == name), None)


def constant(node: ast.AST | None, value: object) -> bool:
    """Whether a node is this constant (True is not 1 here)."""
    return isinstance(node, ast.Constant) and node.value is value
