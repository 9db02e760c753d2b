"""From the text of a file to its outline: one walk over the tree of Python's own parser."""

from __future__ import annotations

import ast
import symtable
import warnings
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from dropout_lint.collecting import not_collecting
from dropout_lint.outline.model import Outline
from dropout_lint.outline.notes import Notes
from dropout_lint.outline.summary import summary
from dropout_lint.outline.visits import VISITS, visit_attribute
from dropout_lint.syntax.scan import too_complex

if TYPE_CHECKING:
    from collections.abc import Callable

    from dropout_lint.outline.model import Unit
    from dropout_lint.outline.visits import Visit

__all__ = ["ANYTHING", "is_python", "outline_of"]

ANYTHING = Outline(frozenset({"anything"}), uses_keras=True)
"""The outline of what this Python cannot parse: the analysis says what is wrong with it."""

_FUNCTIONS = frozenset({ast.FunctionDef, ast.AsyncFunctionDef})
_LEAVES: dict[type, Visit | None] = {
    kind: VISITS.get(kind)
    for kind in (ast.Name, ast.Constant, ast.Import, ast.ImportFrom, ast.Pass, ast.Global, ast.Nonlocal)
}
"""What is done about nodes that hold no others: most nodes are such."""
_NO_NODES = frozenset(
    {
        "arg", "attr", "conversion", "ctx", "id", "is_async", "kind", "level", "module", "name", "names", "op", "ops",
        "simple", "type_comment",
    }
)  # fmt: skip
"""Fields that hold no node, or one that says nothing."""


def _parts_of(kind: type[ast.AST]) -> Callable[[Any], tuple[Any, ...]]:
    """What takes the fields out of a node of a kind, all at once."""
    names = [name for name in kind._fields if name not in _NO_NODES] if kind not in _LEAVES else []
    if not names:
        return lambda _: ()
    take = attrgetter(*names)
    return take if len(names) > 1 else lambda node: (take(node),)


_ACTIONS = {
    kind: (VISITS.get(kind), _parts_of(kind))
    for kind in vars(ast).values()
    if isinstance(kind, type) and issubclass(kind, ast.AST)
}
"""For each kind of node what is done about it, and what takes the nodes out that it holds."""


_LONG_LINE = 2_000
_MANY_CONTINUED = 10


def _is_too_complex(data: bytes) -> bool:
    """Whether CPython's own parser had better not be given a source; see `dropout_lint.syntax.scan`.

    What brings it down stands in a long line, or in many that are continued: most sources take no look at their tokens.
    """
    at = 0
    while len(data) - at > _LONG_LINE:
        at = data.rfind(b"\n", at, at + _LONG_LINE) + 1
        if not at:
            break
    else:
        if data.count(b"\\\n") + data.count(b"\\\r") <= _MANY_CONTINUED:
            return False
    return too_complex(data.decode("utf-8", "replace")) is not None


def parsed(data: bytes) -> ast.Module | None:
    """The tree of a source file, or None where this Python cannot parse it, or had better not."""
    if _is_too_complex(data):
        return None
    try:
        with not_collecting(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = compile(data, "<file>", "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return tree if isinstance(tree, ast.Module) else None


def is_python(data: bytes) -> bool:
    """Whether this Python can parse a source file: without a tree for it, which takes a third of the time."""
    if _is_too_complex(data):
        return False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            symtable.symtable(data, "<file>", "exec")  # type: ignore[arg-type]  # typeshed knows of no bytes
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        # names are looked at as well: ``nonlocal`` outside of functions can be parsed
        return parsed(data) is not None
    return True


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
        visit, parts_of = _ACTIONS[kind]
        if visit is not None:
            visit(notes, node, unit)
        if kind is ast.Expr and type(node.value) is ast.Constant:  # type: ignore[attr-defined]
            continue
        if kind in _FUNCTIONS:
            unit = notes.function(node, unit)  # type: ignore[arg-type]
        elif kind is ast.ClassDef:
            unit = notes.class_body(node, unit)  # type: ignore[arg-type]
        for value in parts_of(node):
            if not value:
                continue
            for part in value if type(value) is list else (value,):
                each = part.value if type(part) is ast.keyword else part
                while type(each) is ast.Attribute:
                    visit_attribute(notes, each, unit)
                    each = each.value
                visit = _LEAVES.get(type(each), _no_leaf)
                if visit is _no_leaf:
                    if type(each) in _ACTIONS:
                        push((each, unit))
                elif visit is not None:
                    visit(notes, each, unit)


def _no_leaf(_: Notes, __: Any, ___: Unit) -> None:
    """Stands for a kind that is no leaf: the node waits for its turn."""
