"""What values carry along: where data come from, and which calls an output was computed by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dropout_lint.semantics.values import (
    NO_TAGS,
    VARIABLES,
    ClassValue,
    Const,
    External,
    Instance,
    Items,
    Mapping,
    Method,
    OneOf,
    Opaque,
    Symbolic,
    Tag,
    Tags,
    Value,
)

if TYPE_CHECKING:
    from collections.abc import Iterable


OUTPUTS = frozenset({"event", "behind"})
"""The tags of what a call gave; ``behind`` where a ``stop_gradient`` lies on every way from there."""


def outputs_in(tags: Tags) -> Tags:
    """Those of the tags that name a call the value was computed by."""
    return frozenset(tag for tag in tags if tag[0] in OUTPUTS)


def serials_in(tags: Iterable[Tag]) -> set[int]:
    """The serials of the calls that a value was computed by."""
    return {tag[1] for tag in tags if tag[0] in OUTPUTS}


MOST_EVENTS = 192
"""Calls whose output a value is followed to be computed from: of more, the first and the last of them.

In a loop over a deep network every value would come from thousands, and every step would copy them.
"""


def limited(tags: Tags) -> Tags:
    """``tags`` with a bounded number of calls among them."""
    if len(tags) <= MOST_EVENTS:
        return tags
    serials = sorted(serials_in(tags))
    if len(serials) <= MOST_EVENTS:
        return tags
    gone = frozenset(serials[MOST_EVENTS // 2 : -MOST_EVENTS // 2])
    return frozenset(tag for tag in tags if tag[0] not in OUTPUTS or tag[1] not in gone)


MOST_CONTAINERS = 500
"""Containers inside a value that are looked into, and marked: one that a loop puts into itself again and again holds 64
times as many on each level.
"""
_CONTAINERS = frozenset({OneOf, Items, Mapping, Method})


def tags_of(value: Value, depth: int = 4) -> Tags:
    """The tags of a value and of what it contains."""
    kind = type(value)
    if kind is Opaque or kind is Symbolic:
        return value.tags  # type: ignore[union-attr]
    if depth == 0 or kind is Const or kind is External:
        return NO_TAGS
    if isinstance(value, Instance) and isinstance(value.cls, ClassValue) and value.keras_name is None and depth > 3:
        return frozenset().union(*(tags_of(each, depth - 3) for each in value.attributes.values()))
    # level by level, each container once: a list may hold another one many times over, and that a third
    found: set[Tag] = set()
    seen: set[int] = set()
    level: list[Value] = [value]
    for left in range(depth, -1, -1):
        inside: list[Value] = []
        for each in level:
            kind = type(each)
            if kind is Opaque or kind is Symbolic:
                found |= each.tags  # type: ignore[union-attr]
            elif kind is Instance:
                if each.cls in VARIABLES:  # type: ignore[union-attr,operator]
                    found.add(("variable", each.serial))  # type: ignore[union-attr]
            elif left and kind in _CONTAINERS and id(each) not in seen and len(seen) < MOST_CONTAINERS:
                seen.add(id(each))
                inside += _parts(each)  # type: ignore[arg-type]
        level = inside
    return frozenset(found)


def weight(value: OneOf | Items) -> int:
    """About how much there is to go through in a value of several: what stands in containers in it."""
    return sum(len(each.items) for each in _parts(value) if type(each) is Items)


def _parts(value: OneOf | Items | Mapping | Method) -> Iterable[Value]:
    if isinstance(value, OneOf):
        return value.values
    if isinstance(value, Items):
        return value.items
    return value.entries.values() if isinstance(value, Mapping) else (value.receiver,)
