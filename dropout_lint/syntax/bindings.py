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


def definitions(tree: cst.CSTNode) -> dict[str, cst.BaseExpression | None]:
    """For each name that is bound in a function or module: the expression it is, or None where it may be others."""
    found: dict[str, cst.BaseExpression | None] = {}
    bound: set[str] = set()
    for node in walk(tree):
        if isinstance(node, (cst.Assign, cst.AnnAssign)):
            targets = [each.target for each in node.targets] if isinstance(node, cst.Assign) else [node.target]
            if len(targets) == 1 and isinstance(targets[0], cst.Name):
                found.setdefault(targets[0].value, node.value)
        for name in _bound_by(node):
            if name in bound:
                found[name] = None
            bound.add(name)
    return {name: found.get(name) for name in bound}


def assigned_values(tree: cst.CSTNode) -> dict[int, cst.BaseExpression]:
    """What the statements in ``tree`` assign, by their targets (the ids of the nodes)."""
    found = [each for each in walk(tree) if isinstance(each, cst.Assign)]
    return {id(target.target): each.value for each in found for target in each.targets}


def _bound_by(node: cst.CSTNode) -> Iterator[str]:
    if isinstance(node, (cst.FunctionDef, cst.ClassDef, cst.Param, cst.ImportAlias, cst.AsName)):
        yield from _names(node.name)
    elif isinstance(node, (cst.AssignTarget, cst.AnnAssign, cst.AugAssign, cst.For, cst.CompFor, cst.NamedExpr)):
        yield from _names(node.target)
    elif isinstance(node, (cst.MatchAs, cst.MatchStar)) and node.name is not None:
        yield node.name.value


def _names(target: cst.CSTNode) -> Iterator[str]:
    return (node.value for node in walk(target) if isinstance(node, cst.Name))
