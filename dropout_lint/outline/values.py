"""Values for what is named like a flag or a rate."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from dropout_lint.keras.foreign import FREEZING_ATTRIBUTES, MODE_ATTRIBUTES, RATE_ATTRIBUTES
from dropout_lint.outline.names import is_mode, is_slip, last_name
from dropout_lint.outline.rates import is_rate_name, is_spread_name, rate_kind

if TYPE_CHECKING:
    from dropout_lint.outline.model import Unit
    from dropout_lint.outline.notes import Notes

__all__ = ["give", "give_attribute", "give_flag", "give_rate"]

_OWN_ATTRIBUTES = MODE_ATTRIBUTES | FREEZING_ATTRIBUTES | RATE_ATTRIBUTES
_STARTS = frozenset({"__init__", "build"})

_TOLD_BY_KERAS = frozenset({"call", "build", "compute_output_spec", "compute_output_shape", "compute_mask"})


def give(notes: Notes, name: str, value: ast.AST, unit: Unit) -> None:
    """A value for what is called ``name``: a variable, an attribute, a key of a dict."""
    if is_mode(name):
        give_flag(notes, value, unit)
    if isinstance(value, ast.expr):
        give_rate(notes, name, value, unit)


def give_attribute(notes: Notes, name: str, unit: Unit, function: str = "") -> None:
    """An attribute that is set; where an object sets one of its own, the ``function`` in which it does."""
    unit.sets.add(name)
    if name == "trainable":
        notes.add(unit, "trainable-set")
    if name in _OWN_ATTRIBUTES and function not in {*_STARTS, "call"}:
        notes.add(unit, "mode-attribute")
    if is_slip(name):
        notes.add(unit, "trainable-misspelt")
    if function not in _STARTS:
        notes.late.add(name)


def give_rate(notes: Notes, name: str, value: ast.expr, unit: Unit) -> None:
    """A value for what may be a rate."""
    if not is_rate_name(name):
        notes.assigned.append((unit, name, value))
    elif rate_kind(value) == "bad":
        notes.add(unit, "spread" if is_spread_name(name) else "rate")


def give_flag(notes: Notes, value: ast.AST, unit: Unit, default_of: str = "") -> None:
    """A value for what is called like the training flag; ``default_of`` is the function whose default it is."""
    if isinstance(value, ast.Constant) and value.value is None:
        if not default_of:
            notes.add(unit, "flag-none")
        elif default_of not in _TOLD_BY_KERAS:
            notes.left_open.append(unit)
    elif isinstance(value, ast.Constant) and (value.value is True or value.value is False or value.value == 0):
        chosen = "flag-true" if value.value is True else "flag-false"
        notes.add(unit, f"{chosen}-default" if default_of else chosen)
    elif not (isinstance(value, ast.expr) and is_mode(last_name(value))):
        notes.add(unit, "flag-other")
