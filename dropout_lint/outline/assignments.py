"""What assignments, loops and ``with`` add to an outline."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from dropout_lint.outline.calls import discard
from dropout_lint.outline.names import dotted, is_mode_layer, is_self, last_name
from dropout_lint.outline.values import give, give_attribute

if TYPE_CHECKING:
    from dropout_lint.outline.model import Unit
    from dropout_lint.outline.notes import Notes

__all__ = ["visit_annotated", "visit_assign", "visit_augmented", "visit_for", "visit_named", "visit_with"]


def visit_assign(notes: Notes, node: ast.Assign, unit: Unit) -> None:
    """``x = y``."""
    for target in node.targets:
        _binds(notes, target, node.value, unit)
        _bound(notes, target, node.value, unit)
    if len(node.targets) == 1 and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "_":
        discard(notes, node.value, unit)


def visit_annotated(notes: Notes, node: ast.AnnAssign, unit: Unit) -> None:
    """``x: T = y``."""
    if node.value is not None:
        _binds(notes, node.target, node.value, unit)
        _bound(notes, node.target, node.value, unit)


def visit_augmented(notes: Notes, node: ast.AugAssign, unit: Unit) -> None:
    """``x += y``."""
    _binds(notes, node.target, node.value, unit)
    _bound(notes, node.target, node, unit)


def visit_named(notes: Notes, node: ast.NamedExpr, unit: Unit) -> None:
    """``x := y``."""
    _binds(notes, node.target, node.value, unit)
    _bound(notes, node.target, node.value, unit)


def visit_for(notes: Notes, node: ast.For | ast.AsyncFor | ast.comprehension, unit: Unit) -> None:
    """``for x in y``, also in a comprehension."""
    for each in node.iter.elts if isinstance(node.iter, (ast.Tuple, ast.List)) else (node.iter,):
        _binds(notes, node.target, each, unit)
    _bound(notes, node.target, node, unit)
    notes.loop_names.update(each.id for each in ast.walk(node.target) if isinstance(each, ast.Name))


def visit_with(notes: Notes, node: ast.With | ast.AsyncWith, unit: Unit) -> None:
    """``with y as x``."""
    for item in node.items:
        if item.optional_vars is not None:
            _binds(notes, item.optional_vars, item.context_expr, unit)
            _bound(notes, item.optional_vars, node, unit)


def _binds(notes: Notes, target: ast.expr, value: ast.expr, unit: Unit) -> None:
    """What every part of ``target`` comes from."""
    if not isinstance(target, (ast.Tuple, ast.List)):
        notes.bindings.append((unit, target, value))
        return
    parts = value.elts if isinstance(value, (ast.Tuple, ast.List)) else []
    if any(isinstance(each, ast.Starred) for each in (*target.elts, *parts)):
        parts = [value] * len(target.elts)
    elif len(parts) != len(target.elts):
        parts = [ast.Subscript(value, ast.Constant(position), ast.Load()) for position, _ in enumerate(target.elts)]
    for each, part in zip(target.elts, parts, strict=True):
        _binds(notes, each, part, unit)


def _bound(notes: Notes, target: ast.expr, value: ast.AST, unit: Unit) -> None:
    """``target`` is bound to ``value``, or to a part of it where that is no expression."""
    name = last_name(target)
    if not name:
        _bound_in(notes, target, value, unit)
        return
    if isinstance(target, ast.Attribute):
        own = is_self(target.value)
        if own:
            notes.stored_on_self.add(name)
        give_attribute(notes, name, unit, function=unit.within if own else "")
    give(notes, name, value, unit)
    if isinstance(value, ast.Call) and is_mode_layer(last_name(value.func)):
        notes.kept.add(dotted(target))
        if isinstance(target, ast.Name):
            notes.unread.append((unit, name))
    elif isinstance(value, ast.Call) and isinstance(target, ast.Name):
        made = value.func.func if isinstance(value.func, ast.Call) else None
        if made is not None and is_mode_layer(last_name(made)):
            notes.unread.append((unit, name))
        notes.applied.append((unit, name, dotted(value.func)))


def _bound_in(notes: Notes, target: ast.expr, value: ast.AST, unit: Unit) -> None:
    """The same for what has no name of its own."""
    if isinstance(target, (ast.Tuple, ast.List)):
        values = value.elts if isinstance(value, (ast.Tuple, ast.List)) else []
        paired = len(values) == len(target.elts)
        for position, each in enumerate(target.elts):
            _bound(notes, each, values[position] if paired else target, unit)
    elif isinstance(target, ast.Starred):
        _bound(notes, target.value, target, unit)
    elif isinstance(target, ast.Subscript):
        key = target.slice
        unit.keeps.add(last_name(target.value))
        if isinstance(key, ast.Constant) and isinstance(key.value, str) and isinstance(value, ast.expr):
            give(notes, key.value, value, unit)
            if key.value == "keep_prob":
                notes.add(unit, "keep-prob-given")
