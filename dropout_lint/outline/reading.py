"""From the text of a file to its outline: one walk over the tree of Python's own parser."""

from __future__ import annotations

import ast
import warnings
from typing import TYPE_CHECKING

from dropout_lint.collecting import not_collecting
from dropout_lint.outline.model import Outline
from dropout_lint.outline.notes import Notes
from dropout_lint.outline.summary import summary
from dropout_lint.outline.visits import VISITS

if TYPE_CHECKING:
    from dropout_lint.outline.model import Unit

__all__ = ["ANYTHING", "outline_of", "parsed"]

ANYTHING = Outline(frozenset({"anything"}))
"""The outline of what this Python cannot parse: the analysis says what is wrong with it."""

_LEAVES = frozenset({ast.Name, ast.Constant, ast.Import, ast.ImportFrom, ast.Pass, ast.Global, ast.Nonlocal})
_FUNCTIONS = frozenset({ast.FunctionDef, ast.AsyncFunctionDef})
_SAYS_NOTHING = frozenset(
    {ast.Load, ast.Store, ast.Del, ast.And, ast.Or, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pass, ast.Eq, ast.NotEq}
)


def parsed(data: bytes) -> ast.Module | None:
    """The tree of a source file, or None where this Python cannot parse it."""
    try:
        with not_collecting(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = compile(data, "<file>", "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return tree if isinstance(tree, ast.Module) else None


def outline_of(data: bytes) -> Outline:
    """The outline of a Python file with the content ``data``."""
    tree = parsed(data)
    if tree is None:
        return ANYTHING
    notes = Notes()
    _walk(tree, notes)
    return summary(notes)


def _part(node: ast.stmt, module: Unit, notes: Notes) -> Unit:
    """A variable of the module is a part of its own: what it holds counts for those who mention it."""
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    if len(targets) == 1 and isinstance(targets[0], ast.Name):
        return notes.unit(targets[0].id, "", "variable", None)
    return module


def _walk(tree: ast.Module, notes: Notes) -> None:
    module = notes.unit("", "", "module", None)
    waiting: list[tuple[ast.AST, Unit]] = [(each, _part(each, module, notes)) for each in tree.body]
    waiting.reverse()  # the last is looked at first: what is imported is known to what follows
    push = waiting.append
    while waiting:
        node, unit = waiting.pop()
        kind = type(node)
        visit = VISITS.get(kind)
        if visit is not None:
            visit(notes, node, unit)
        if kind in _LEAVES or (kind is ast.Expr and type(node.value) is ast.Constant):  # type: ignore[attr-defined]
            continue
        if kind in _FUNCTIONS:
            unit = notes.function(node, unit)  # type: ignore[arg-type]
        elif kind is ast.ClassDef:
            unit = notes.class_body(node, unit)  # type: ignore[arg-type]
        for name in node._fields:
            value = getattr(node, name, None)
            if type(value) is list:
                for each in value:
                    if isinstance(each, ast.AST):
                        push((each, unit))
            elif isinstance(value, ast.AST) and type(value) not in _SAYS_NOTHING:
                push((value, unit))
