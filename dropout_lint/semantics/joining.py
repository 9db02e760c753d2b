"""One value out of several: what a name may hold where paths meet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dropout_lint.semantics.tags import tags_of
from dropout_lint.semantics.values import (
    UNKNOWN,
    Bound,
    ClassValue,
    Const,
    External,
    FunctionValue,
    Instance,
    Items,
    Mapping,
    Method,
    ModuleValue,
    OneOf,
    Opaque,
    Symbolic,
    Transformed,
    Value,
    alternatives,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


MOST_ALTERNATIVES = 8
MOST_IN_A_ZOO = 24
"""Models, and what makes them, one of which is chosen by name."""
_OF_A_ZOO = (FunctionValue, ClassValue, Instance)


def fingerprint(value: Value) -> tuple[Any, ...]:
    """What makes two abstract values the same."""
    # asked more often than anything else of a value
    take = _FINGERPRINTS.get(type(value))
    return take(value) if take is not None else ("object", id(value))


def _of_const(value: Const) -> tuple[Any, ...]:
    try:
        hash(value.value)
    except TypeError:
        return ("object", id(value))
    return ("const", type(value.value).__name__, value.value, id(value.origin.node) if value.origin else 0)


def _of_symbolic(value: Symbolic) -> tuple[Any, ...]:
    return ("symbolic", tuple(fingerprint(layer) for layer in value.layers[:8]), len(value.layers), value.tags)


def _by_serial(value: Instance | Items | Mapping) -> tuple[Any, ...]:
    return ("object", value.serial)


_FINGERPRINTS: dict[type, Callable[[Any], tuple[Any, ...]]] = {
    Const: _of_const,
    Opaque: lambda value: ("opaque", value.tags, value.key),
    External: lambda value: ("external", value.name),
    Instance: _by_serial,
    Items: _by_serial,
    Mapping: _by_serial,
    Symbolic: _of_symbolic,
    OneOf: lambda value: ("one-of", frozenset(map(fingerprint, value.values))),
    FunctionValue: lambda value: ("function", id(value.node), id(value.scope)),
    ClassValue: lambda value: ("class", id(value.node)),
    Bound: lambda value: ("bound", id(value.function.node), fingerprint(value.receiver)),
    Method: lambda value: ("method", value.name, fingerprint(value.receiver)),
    Transformed: lambda value: ("transformed", value.kind, fingerprint(value.function)),
    ModuleValue: lambda value: ("module", str(value.path)),
}


def _is_among_layers(value: Opaque) -> bool:
    """Whether a value is known by its place in a model that the program makes: what is done to it is done there."""
    return value.key is not None and value.key[0] == "instance" and value.key[2:3] == ("layers",)


def join(values: Iterable[Value], limit: int = MOST_ALTERNATIVES) -> Value:
    """The value that is one of ``values``; opaque where there are more than ``limit`` of them.

    Of a zoo of models, there may be more.
    """
    distinct: dict[tuple[Any, ...], Value] = {}
    opaque: list[Opaque] = []
    for value in values:
        for each in alternatives(value):
            if isinstance(each, Opaque) and _is_among_layers(each):
                distinct.setdefault(fingerprint(each), each)
            elif isinstance(each, Opaque):
                opaque.append(each)
            else:
                distinct.setdefault(fingerprint(each), each)
    known = list(distinct.values())
    if opaque:
        keys = {each.key for each in opaque}
        known.append(Opaque(frozenset().union(*(each.tags for each in opaque)), keys.pop() if len(keys) == 1 else None))
    if not known:
        return UNKNOWN
    if len(known) == 1:
        return known[0]
    if len(known) > limit and (len(known) > MOST_IN_A_ZOO or not all(isinstance(each, _OF_A_ZOO) for each in known)):
        return Opaque(frozenset().union(*(tags_of(each) for each in known)))
    return OneOf(tuple(known))
