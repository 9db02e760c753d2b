"""Whether a file may choose the mode of a layer below a ``call``, rather than in a step of its own beside it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dropout_lint.keras.layers import LAYERS
from dropout_lint.reach import reaches

if TYPE_CHECKING:
    from dropout_lint.outline import Unit
    from dropout_lint.scans import Closure

__all__ = ["chooses_in_call"]

_CHOSEN = frozenset(
    {"any-name", "flag-by-position", "flag-false", "flag-other", "flag-true", "flag-true-default", "true-by-position"}
)
_WITHOUT_CALL = frozenset({"ABC", "Functional", "Generic", "Layer", "Model", "Module", "Sequential", "object"})
_CALLS = frozenset({"build", "call"})
_DEEPEST = 16


def chooses_in_call(around: Closure) -> bool:
    """Whether a mode may be chosen below a ``call`` of the file."""
    outline = around.entry.outline
    if not outline.has("has-call"):
        return False
    reached = _below_calls(around)
    if any(not _CHOSEN.isdisjoint(unit.features) for unit in reached):
        return True
    mentions = frozenset().union(*(unit.mentions for unit in reached))
    return reaches(replace(outline, mentions=mentions), around.parts, _CHOSEN)


def _below_calls(around: Closure) -> set[Unit]:
    """What a ``call`` may run or read of a file, told by names; what makes an object that has one is read by it."""
    units = around.entry.outline.units
    called = {name for name in around.entry.outline.classes if _may_be_called(name, around, 0)}
    found = {unit for unit in units if unit.kind != "function" or unit.name in _CALLS}
    reached: set[Unit] = set()
    while found:
        reached |= found
        names = frozenset().union(*(unit.mentions for unit in found))
        called.update(names)
        found = {unit for unit in units if unit not in reached and _is_run(unit, names, called)}
    return reached


def _is_run(unit: Unit, names: frozenset[str], called: set[str]) -> bool:
    if unit.name.startswith("__"):
        return unit.owner in called
    return unit.name in names or not unit.sets.isdisjoint(names)


def _may_be_called(name: str, around: Closure, depth: int) -> bool:
    """Whether a class has a ``call`` of its own, or may have one by a base."""
    found = next((known for each in around.near if (known := each.class_named(name)) is not None), None)
    if found is None:
        return name not in LAYERS and name not in _WITHOUT_CALL
    bases, call = found
    return bool(call) or depth > _DEEPEST or any(_may_be_called(base, around, depth + 1) for base in bases)
