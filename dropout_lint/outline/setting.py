"""``setattr(layer, name, value)`` in a loop: which attributes it may set, where the file tells."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from dropout_lint.outline.names import is_self, last_name
from dropout_lint.outline.values import give_attribute

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dropout_lint.outline.model import Unit
    from dropout_lint.outline.notes import Notes

__all__ = ["set_by_name"]

_KEEP_TEXTS = frozenset({"frozenset", "list", "reversed", "set", "sorted", "tuple"})


class _Unknown(Exception):
    """It may be any text."""


def set_by_name(notes: Notes) -> None:
    """Add what is set under names that are computed; it may be anything where they come from elsewhere."""
    for unit, node in notes.set_by_name:
        given = node.args[1] if len(node.args) > 1 else node
        try:
            names = frozenset(_Texts(notes, unit).of(given))
        except _Unknown:
            if not (node.args and is_self(node.args[0])):
                notes.add(unit, "trainable-set", "mode-attribute", "late")
            continue
        for name in sorted(names):
            give_attribute(notes, name, unit)


class _Texts:
    """The texts that an expression in one part of a file may be, or may be made of."""

    def __init__(self, notes: Notes, unit: Unit) -> None:
        self._notes = notes
        self._unit = unit
        self._open: set[tuple[Unit, str]] = set()

    def of(self, value: ast.expr) -> Iterator[str]:
        """They themselves.

        Raises:
            _Unknown: There may be others.
        """
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            yield value.value
        elif isinstance(value, (ast.Tuple, ast.List, ast.Set)):
            yield from self._of_all(value.elts)
        elif isinstance(value, ast.Dict):
            yield from self._of_all(value.keys)
        elif isinstance(value, ast.DictComp):
            yield from self.of(value.key)
        elif isinstance(value, (ast.ListComp, ast.SetComp, ast.GeneratorExp)):
            yield from self.of(value.elt)
        elif isinstance(value, ast.Name):
            yield from self._of_name(value.id)
        elif isinstance(value, ast.Subscript):
            yield from self.of(_whole_of_first(value))
        elif isinstance(value, ast.Call):
            yield from self.of(_kept_by(value))
        else:
            raise _Unknown

    def _of_all(self, values: Iterable[ast.expr | None]) -> Iterator[str]:
        for each in values:
            if each is None:
                raise _Unknown
            yield from self.of(each)

    def _of_name(self, name: str) -> Iterator[str]:
        if any(name in unit.keeps for unit in self._notes.units) or name in self._notes.imports:
            raise _Unknown
        bound = [(unit, value) for unit, target, value in self._notes.bindings if last_name(target) == name]
        here = [(unit, value) for unit, value in bound if unit is self._unit]
        if name in _parameters(self._notes, self._unit) or not bound:
            raise _Unknown
        if (self._unit, name) in self._open:
            return
        self._open.add((self._unit, name))
        outer = self._unit
        for unit, value in here or bound:
            self._unit = unit
            yield from self.of(value)
            self._unit = outer


def _whole_of_first(value: ast.Subscript) -> ast.expr:
    """The dictionary of which this is a key: ``name`` in ``for name, value in whole.items()``."""
    whole, position = value.value, value.slice
    is_first = isinstance(position, ast.Constant) and position.value == 0
    if not (is_first and isinstance(whole, ast.Call) and isinstance(whole.func, ast.Attribute)):
        raise _Unknown
    if whole.func.attr != "items" or whole.args:
        raise _Unknown
    return whole.func.value


def _kept_by(call: ast.Call) -> ast.expr:
    """What a call gives the elements of, or the keys."""
    callee = call.func
    if isinstance(callee, ast.Name) and callee.id in _KEEP_TEXTS and len(call.args) == 1:
        return call.args[0]
    if isinstance(callee, ast.Attribute) and callee.attr in {"copy", "keys"} and not call.args:
        return callee.value
    raise _Unknown


def _parameters(notes: Notes, unit: Unit) -> Iterator[str]:
    """The parameters of a function, and of those that it stands in."""
    for node, each in notes.by_node.items():
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and _is_in(unit, each):
            yield from (parameter.arg for parameter in ast.walk(node.args) if isinstance(parameter, ast.arg))


def _is_in(unit: Unit | None, outer: Unit) -> bool:
    while unit is not None and unit is not outer:
        unit = unit.parent
    return unit is not None
