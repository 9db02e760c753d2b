"""The names that a module binds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dropout_lint.syntax.lazy import cst
from dropout_lint.syntax.walk import walk

if TYPE_CHECKING:
    from collections.abc import Iterator


def bound_names(tree: cst.Module) -> frozenset[str]:
    """Whatever is assigned, imported, defined or a parameter anywhere in a module, and what is read next to it."""
    return frozenset(name for node in walk(tree) for name in _bound_by(node))


def _bound_by(node: cst.CSTNode) -> Iterator[str]:
    if isinstance(node, (cst.FunctionDef, cst.ClassDef, cst.Param, cst.ImportAlias, cst.AsName)):
        yield from _names(node.name)
    elif isinstance(node, (cst.AssignTarget, cst.AnnAssign, cst.AugAssign, cst.For, cst.CompFor, cst.NamedExpr)):
        yield from _names(node.target)
    elif isinstance(node, (cst.MatchAs, cst.MatchStar)) and node.name is not None:
        yield node.name.value


def _names(target: cst.CSTNode) -> Iterator[str]:
    return (node.value for node in walk(target) if isinstance(node, cst.Name))
