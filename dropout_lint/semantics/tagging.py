"""Values that carry tags: what is computed from others, what loops collect, and what is taken out again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dropout_lint.semantics.joining import fingerprint
from dropout_lint.semantics.tags import MOST_CONTAINERS, limited, tags_of
from dropout_lint.semantics.values import Items, OneOf, Opaque, Symbolic, Tags, Value

if TYPE_CHECKING:
    from dropout_lint.semantics.run import Run


def derived(*values: Value, extra: Tags = frozenset()) -> Value:
    """An opaque value computed from ``values``; symbolic where one of them is."""
    tags = limited(frozenset().union(extra, *(tags_of(value) for value in values)))
    symbolic = [each for value in values for each in _graphs(value)]
    if symbolic:
        layers: dict[Any, Value] = {}
        for each in symbolic:
            for layer in each.layers:
                layers.setdefault(fingerprint(layer), layer)
        # what came out need not be a tensor: it may be a model that an unknown function made of one
        return Symbolic(tuple(layers.values()), tags | {("derived",)})
    return Opaque(tags)


def _graphs(value: Value) -> tuple[Symbolic, ...]:
    """The symbolic tensors a value is, whatever happens: what a loop of layers gave after some of its turns."""
    if isinstance(value, Symbolic):
        return (value,)
    found = [each for each in value.values if isinstance(each, Symbolic)] if isinstance(value, OneOf) else []
    return tuple(found) if isinstance(value, OneOf) and len(found) == len(value.values) else ()


_DEEPEST_TAGGED = 4
"""Containers inside one another down to which all elements are marked; nobody looks deeper (see `tags_of`)."""


def without_draws(value: Value, outside: tuple[int, ...] = ()) -> Value:
    """One element of what a loop collected: no longer the collection, until it is collected again.

    ``outside`` are the loops round the collection. An element that is a collection itself stays one of what loops
    inside it have drawn.
    """
    if isinstance(value, Items):
        taken = frozenset(value.loops) - frozenset(outside)
        return _without(value, taken, _DEEPEST_TAGGED, {}) if taken else value
    return _without(value, None, 0, {})


def _without(value: Value, loops: frozenset[int] | None, depth: int, done: dict[int, Value]) -> Value:
    """The value without the draws of these loops, or of all; ``done`` are the containers that are seen to."""
    if isinstance(value, Items) and depth:
        if id(value) not in done:
            done[id(value)] = value
            if len(done) > MOST_CONTAINERS:
                return value
            inside = tuple(_without(each, loops, depth - 1, done) for each in value.items)
            if any(one is not other for one, other in zip(inside, value.items, strict=True)):
                done[id(value)] = Items(value.serial, value.kind, inside, value.exact, value.loops)
        return done[id(value)]
    if not isinstance(value, Opaque):
        return value
    taken = [tag for tag in value.tags if tag[0] == "drawn" and (loops is None or tag[1] in loops)]
    if not taken:
        return value
    return Opaque(value.tags.difference(taken) | {("element", tag[1]) for tag in taken}, value.key)


def collect(run: Run, value: Value, outside: tuple[int, ...]) -> Value:
    """``value`` as a container keeps it that was made outside the innermost loops.

    ``outside`` are the loops round the container.
    """
    if not isinstance(value, (Opaque, Items)):
        return value
    inner = [loop.serial for loop in run.loops if loop.serial not in outside]
    tags: set[tuple[Any, ...]] = {("loop", serial) for serial in inner} | {("drawn", serial) for serial in inner}
    if inner:
        tags |= {("drawn", tag[1]) for tag in tags_of(value) if tag[0] == "element"}
    return with_tags(value, frozenset(tags))


def behind_stop(value: Value) -> Value:
    """What ``stop_gradient`` gives: the outputs in it are still seen, but no gradient gets back to their calls."""
    if not isinstance(value, (Opaque, Symbolic)):
        return value
    tags = frozenset(("behind", tag[1]) if tag[0] == "event" else tag for tag in value.tags)
    return Opaque(tags, value.key) if isinstance(value, Opaque) else Symbolic(value.layers, tags)


def with_tags(value: Value, tags: Tags) -> Value:
    """The same value, carrying ``tags`` too."""
    if not tags:
        return value
    if isinstance(value, Opaque):
        return value if tags <= value.tags else Opaque(value.tags | tags, value.key)
    if isinstance(value, Symbolic):
        return Symbolic(value.layers, value.tags | tags)
    if isinstance(value, (OneOf, Items)):
        return _tagged(value, tags, _DEEPEST_TAGGED, {})
    return value


def _tagged(value: Value, tags: Tags, depth: int, done: dict[int, Value]) -> Value:
    """`with_tags` for what may hold itself many times over; ``done`` are the containers that are seen to."""
    if not isinstance(value, (OneOf, Items)):
        return with_tags(value, tags)
    if id(value) not in done:
        done[id(value)] = value
        if len(done) > MOST_CONTAINERS:
            return value
        if isinstance(value, OneOf):
            made: Value = OneOf(tuple(_tagged(each, tags, depth, done) for each in value.values))
        elif depth:
            inside = tuple(_tagged(each, tags, depth - 1, done) for each in value.items)
            made = Items(value.serial, value.kind, inside, value.exact, value.loops)
        else:
            made = value
        done[id(value)] = made
    return done[id(value)]
