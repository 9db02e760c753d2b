"""Layer classes by another name: ``norm = keras.layers.BatchNormalization``, a default, one handed over."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from dropout_lint.outline.names import is_mode, last_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dropout_lint.outline.notes import Notes

__all__ = ["classes_by_other_names"]

_ASK = frozenset({"isinstance", "issubclass", "serialize_keras_object", "print", "getattr", "hasattr", "str", "repr"})
"""Functions that call nothing of what they are given."""
_STARTS = frozenset({"__init__", "build"})


def classes_by_other_names(notes: Notes, reached: set[str]) -> None:
    """Add what calls of such names may be: a layer made in a ``call`` (which runs the functions ``reached``), a flag.

    Where a class goes on to somebody else, it may be both.
    """
    if not notes.handed_on:
        return
    names, bound = _names(notes)
    calls = [(unit, call) for unit, call in notes.calls if last_name(call.func) in names]
    lost = [value for values in notes.returns.values() for value in values]
    lost += [
        value
        for _, call in notes.calls
        if last_name(call.func) not in _ASK
        for name, value in _handed(notes, call)
        if not name
    ]
    elsewhere = any(not names.isdisjoint(_parts(value)) for value in lost)
    for unit, node in notes.handed_on:
        if elsewhere or node not in bound:
            notes.add(unit, "made-in-call", "flag-to-other")
    for unit, call in calls:
        if unit.name in reached and unit.name not in _STARTS:
            notes.add(unit, "made-in-call")
        if any(each.arg is None or is_mode(each.arg) for each in call.keywords):
            notes.add(unit, "flag-to-other")


def _names(notes: Notes) -> tuple[set[str], set[ast.AST]]:
    """The names that such a class is known by, and the references that give it one."""
    references = {node for _, node in notes.handed_on}
    names: set[str] = set()
    bound: set[ast.AST] = set()
    given = [(last_name(target), value) for _, target, value in notes.bindings]
    given += [each for _, call in notes.calls for each in _handed(notes, call)]
    again = True
    while again:
        before = len(names)
        for name, value in given:
            for each in _choices(value):
                if name and (each in references or last_name(each) in names):
                    bound.add(each)
                    names.add(name)
        again = len(names) > before
    return names, bound


def _choices(value: ast.expr) -> Iterator[ast.expr]:
    """The expressions that a value may be."""
    if isinstance(value, ast.IfExp):
        yield from _choices(value.body)
        yield from _choices(value.orelse)
    elif isinstance(value, ast.BoolOp):
        for each in value.values:
            yield from _choices(each)
    else:
        yield value


def _handed(notes: Notes, call: ast.Call) -> Iterator[tuple[str, ast.expr]]:
    """What the functions and constructors of the file are given, by parameter; empty for what goes elsewhere."""
    known = notes.parameters.get(last_name(call.func), [])
    for keyword in call.keywords:
        yield keyword.arg or "" if known else "", keyword.value
    for position, value in enumerate(call.args):
        named = [parameters[position] for parameters in known if position < len(parameters)]
        if not named or isinstance(value, ast.Starred):
            yield "", value
        for name in named:
            yield name.strip("*"), value


def _parts(value: ast.expr) -> set[str]:
    if isinstance(value, (ast.Name, ast.Attribute)):
        return {last_name(value)}
    if isinstance(value, ast.Dict):
        pairs = zip(value.keys, value.values, strict=True)
        return {name for key, each in pairs for name in _parts(each) - {getattr(key, "value", None)}}
    if isinstance(value, (ast.Tuple, ast.List, ast.IfExp, ast.BoolOp, ast.Starred)):
        return {name for each in ast.iter_child_nodes(value) if isinstance(each, ast.expr) for name in _parts(each)}
    return set()
