"""The names a value goes by on its way: the variables, parameters and attributes it was handed through.

A name proves nothing, but where a value is called ``keep_prob`` all the way down, whoever wrote it says what it means.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from dropout_lint.semantics.choices import closure_of
from dropout_lint.semantics.conditions import guard_words, lookups
from dropout_lint.semantics.values import Instance
from dropout_lint.semantics.words import CONVERSIONS, READERS, keeps
from dropout_lint.syntax.lazy import cst
from dropout_lint.syntax.literals import value_of
from dropout_lint.syntax.walk import last_name

if TYPE_CHECKING:
    from dropout_lint.semantics.events import Frame
    from dropout_lint.semantics.run import Run

LONGEST_WAY = 24
MOST_CONDITIONS = 16
"""Conditions behind the names in one, and bindings of one name, the last ones, that are looked at."""

Assigned = dict[tuple[int, str], dict[int, tuple["Frame", cst.BaseExpression]]]
"""What names and attributes were bound to, by owner (function, module or object) and name; each by its own id."""


@dataclass(frozen=True, slots=True)
class GoesBy:
    """One name on the way, and whether the value that arrives is 1 minus what goes by it."""

    name: str
    complement: bool


def note_assignment(run: Run, frame: Frame, target: cst.BaseExpression, value: cst.BaseExpression) -> None:
    """Remember that ``target`` was bound to the expression ``value``."""
    key = _owned(frame, target, binding=True)
    if key is not None:
        run.assigned.setdefault(key, {}).setdefault(id(value), (frame, value))


def names_of(assigned: Assigned, frame: Frame, node: cst.CSTNode | None) -> tuple[GoesBy, ...]:
    """The names of the value that the expression ``node`` has in ``frame``, nearest first, as far as they are known."""
    found: list[GoesBy] = []
    complement = False
    here: Frame = frame
    while node is not None and len(found) < LONGEST_WAY:
        inner = _unwrapped(node)
        if inner is not None:
            node, turned = inner
            complement ^= turned
            continue
        name = _label(node)
        if name is None or (found and found[-1] == GoesBy(name, complement) and isinstance(node, cst.Attribute)):
            break
        found.append(GoesBy(name, complement))
        if isinstance(node, cst.Name):
            here = closure_of(here, name) if name not in here.arguments and name not in here.defaulted else here
            if name in here.arguments:
                given = here.arguments[name]
                if given.node is None or here.caller is None:
                    break
                node, here = given.node, here.caller
                continue
        bound = assigned.get(_owned(here, node) or (0, ""), {})
        if len(bound) != 1 or id(node) in bound:
            break
        here, node = next(iter(bound.values()))
    return tuple(found)


def names_behind(assigned: Assigned, frame: Frame, test: cst.BaseExpression) -> frozenset[str]:
    """The names a condition reads, and those of the conditions that its names were bound to before.

    ``drops = training and rate > 0`` makes ``if drops:`` a condition on the mode.
    """
    found = guard_words(test)
    seen: set[int] = set()
    waiting = [test]
    while waiting and len(seen) < MOST_CONDITIONS:
        for each in lookups(waiting.pop()):
            key = _owned(frame, each)
            bound = assigned.get(key, {}) if key is not None else {}
            for identity, (_, value) in islice(reversed(bound.items()), MOST_CONDITIONS):
                if identity not in seen and _is_condition(value):
                    seen.add(identity)
                    found |= guard_words(value)
                    waiting.append(value)
    return found


def _is_condition(node: cst.BaseExpression) -> bool:
    """Whether an expression is written as a condition, or as another name of one."""
    if isinstance(node, cst.Call):
        return isinstance(node.func, cst.Name) and node.func.value == "bool"
    if isinstance(node, cst.UnaryOperation):
        return isinstance(node.operator, cst.Not)
    return isinstance(node, (cst.Name, cst.Attribute, cst.BooleanOperation, cst.Comparison))


def _owned(frame: Frame, node: cst.CSTNode, binding: bool = False) -> tuple[int, str] | None:
    """What a name or an attribute of ``self`` belongs to."""
    if isinstance(node, cst.Name):
        function = frame.function
        if function is not None and (binding or _binds(frame, node.value)):
            return id(function.node), node.value
        return id(frame.module), node.value
    if isinstance(node, cst.Attribute) and isinstance(node.value, cst.Name) and isinstance(frame.receiver, Instance):
        parameters = frame.function.node.params.params if frame.function is not None else ()
        if parameters and parameters[0].name.value == node.value.value:
            return -frame.receiver.serial, node.attr.value
    return None


def _binds(frame: Frame, name: str) -> bool:
    """Whether ``name`` is one of the function's own, not its module's."""
    scope = frame.function.scope if frame.function is not None else None
    return not (scope is not None and name in scope.module_scope().names)


def _unwrapped(node: cst.CSTNode) -> tuple[cst.CSTNode, bool] | None:
    """What is inside ``1 - x`` (True) or a conversion (False); None where the expression is no such thing."""
    if isinstance(node, cst.Arg):
        return node.value, False
    if isinstance(node, cst.BinaryOperation) and isinstance(node.operator, cst.Subtract):
        one = node.left
        if isinstance(one, (cst.Integer, cst.Float)) and float(one.value.replace("_", "")) == 1:
            return node.right, True
    if isinstance(node, cst.Call) and node.args:
        name = last_name(node.func)
        if name in CONVERSIONS:
            return node.args[0].value, False
    return None


def _label(node: cst.CSTNode) -> str | None:
    """The last name of an expression that only looks something up."""
    if isinstance(node, cst.Name):
        return node.value
    if isinstance(node, cst.Attribute):
        return node.attr.value
    if isinstance(node, cst.Subscript) and len(node.slice) == 1 and isinstance(node.slice[0].slice, cst.Index):
        return _text(node.slice[0].slice.value)
    if isinstance(node, cst.Call) and last_name(node.func) in READERS:
        return next((text for each in node.args if (text := _text(each.value)) is not None), None)
    if isinstance(node, cst.Call):
        # `survival_probability = linear(drop_rate, block)`: who makes it of a rate to drop may give back another one
        names = (each.value.value for each in node.args if isinstance(each.value, cst.Name))
        return next((name for name in names if keeps(name) is False), None)
    return None


def _text(node: cst.CSTNode) -> str | None:
    if not isinstance(node, cst.SimpleString):
        return None
    value = value_of(node)
    return value if isinstance(value, str) else None
