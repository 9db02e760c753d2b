"""Reading and writing lists, dicts and what is like them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dropout_lint.semantics import texts
from dropout_lint.semantics.arguments import Arguments
from dropout_lint.semantics.joining import join
from dropout_lint.semantics.run import TAGS_PER_STEP
from dropout_lint.semantics.tagging import collect, derived, with_tags, without_draws
from dropout_lint.semantics.tags import tags_of
from dropout_lint.semantics.values import (
    UNKNOWN,
    Argument,
    Bound,
    Const,
    FunctionValue,
    Instance,
    Items,
    Mapping,
    OneOf,
    Opaque,
    Tags,
    Value,
    alternatives,
)
from dropout_lint.semantics.words import kind_of_data
from dropout_lint.syntax.lazy import cst

if TYPE_CHECKING:
    from dropout_lint.semantics.run import Run


SMALL = (bool, int, float, str, type(None))
"""Types of constants that may be keys."""


def merge_mapping(run: Run, into: Mapping, value: Value) -> None:
    """``into.update(value)``."""
    for each in alternatives(value):
        if isinstance(each, Mapping):
            run.step(len(each.entries) // TAGS_PER_STEP)
            for key, entry in each.entries.items():
                run.store.write(into.entries, key, entry)
        else:
            run.store.write(into.entries, None, Opaque(tags_of(each)))


def set_item(run: Run, container: Value, key: Value, value: Value) -> None:
    """``container[key] = value``."""
    if isinstance(container, (Mapping, Items)) and run.loops:
        value = collect(run, value, container.loops)
    if isinstance(container, Mapping):
        if isinstance(key, Const) and isinstance(key.value, SMALL) and key.value is not None:
            run.store.write(container.entries, key.value, value)
        else:
            run.store.write(container.entries, None, join((container.entries.get(None, value), value)))
    elif isinstance(container, Items):
        items = container.items
        if (
            isinstance(key, Const)
            and isinstance(key.value, int)
            and -len(items) <= key.value < len(items)
            and container.exact
        ):
            changed = list(items)
            changed[key.value] = value
            run.store.write(container.cells, "items", tuple(changed))
        else:
            run.store.write(container.cells, "items", (*items[:63], value))
            run.store.write(container.cells, "exact", False)


def get_item(run: Run, container: Value, key: Value) -> Value:
    """``container[key]``."""
    written = texts.item_of(container, key)
    if written is not None:
        return written
    if isinstance(container, OneOf):
        return join(get_item(run, each, key) for each in container.values)
    if isinstance(container, Mapping):
        if isinstance(key, Const) and isinstance(key.value, SMALL):
            found = container.entries.get(key.value) if key.value is not None else None
            if found is not None:
                return found
            return container.entries.get(None, UNKNOWN)
        return with_tags(join(container.entries.values(), 64), _turns(key)) if container.entries else UNKNOWN
    if isinstance(container, Items):
        if isinstance(key, Const) and key.value == 0 and "first" in container.cells:
            return container.cells["first"]  # type: ignore[no-any-return]
        if container.exact and isinstance(key, Const) and isinstance(key.value, int):
            items = container.items
            return (
                without_draws(items[key.value], container.loops) if -len(items) <= key.value < len(items) else UNKNOWN
            )
        return with_tags(_any_of(container), _turns(key))
    if isinstance(container, Instance):
        method = container.cls.find("__getitem__") if not isinstance(container.cls, str) else None
        if isinstance(method, FunctionValue):
            from dropout_lint.semantics.calls import call_value

            return call_value(run, None, Bound(method, container), Arguments((Argument(key),)), container.node)
        return UNKNOWN
    if isinstance(container, Opaque):
        key_part = container.key
        if key_part is not None and isinstance(key, Const) and isinstance(key.value, (int, str)):
            return Opaque(container.tags | tags_of(key), (*key_part, "[]", key.value))
        return Opaque(container.tags | tags_of(key), (*key_part, "[]") if key_part is not None else None)
    return derived(container, key)


def _turns(key: Value) -> Tags:
    """The loops whose turns tell which item is meant."""
    return frozenset(tag for tag in tags_of(key) if tag[0] == "loop")


def slice_of(run: Run, container: Items, bounds: list[Value], node: Any) -> Value:
    tags = frozenset().union(*(tags_of(bound) for bound in bounds)) if bounds else frozenset()
    if container.exact and all(isinstance(bound, Const) and isinstance(bound.value, int) for bound in bounds):
        numbers = iter([bound.value for bound in bounds if isinstance(bound, Const)])
        lower, upper, step = (
            next(numbers) if each is not None else None for each in (node.lower, node.upper, node.step)
        )
        if step != 0:
            return run.items(container.kind, container.items[lower:upper:step])
    return run.items(container.kind, tuple(with_tags(each, tags) for each in container.items), exact=False)


def elements_of(run: Run, value: Value) -> tuple[Value, ...] | None:
    """The elements that iterating over ``value`` yields, in order, or None where they are not all known."""
    if isinstance(value, Items) and value.exact:
        return value.items
    if isinstance(value, Mapping) and value.exact:
        return tuple(Const(key) for key in value.entries)
    if isinstance(value, Const) and isinstance(value.value, str) and len(value.value) <= 16:
        return tuple(Const(letter) for letter in value.value)
    return None


def element_of(run: Run, value: Value) -> Value:
    """Any one element that iterating over ``value`` yields."""
    if isinstance(value, OneOf):
        # going over an empty one (`schedule.get(epoch, ())`) nothing happens
        full = [each for each in value.values if not may_be_empty(each)]
        return join((element_of(run, each) for each in full or value.values), 64)
    if isinstance(value, Items):
        return _any_of(value)
    if isinstance(value, Mapping):
        return (
            join((Const(key) if key is not None else UNKNOWN for key in value.entries), 64)
            if value.entries
            else UNKNOWN
        )
    if isinstance(value, Opaque) and value.key is not None:
        return Opaque(value.tags, (*value.key, "[]"))
    return Opaque(tags_of(value))


def _any_of(items: Items) -> Value:
    return join((without_draws(each, items.loops) for each in items.items), 64) if items.items else UNKNOWN


def may_be_empty(value: Value) -> bool:
    """Whether one of the things that a value may be is a container with nothing in it."""
    if isinstance(value, OneOf):
        return any(may_be_empty(each) for each in value.values)
    if isinstance(value, Items):
        return value.exact and not value.items
    return isinstance(value, Mapping) and value.exact and not value.entries


def loop_element(run: Run, source: Value, node: cst.BaseExpression, serial: int) -> Value:
    """What a loop's variable is bound to: any element, varying with the loop."""
    element = element_of(run, source)
    name = _source_name(node)
    kind = kind_of_data(name) if name else None
    extra: set[tuple[Any, ...]] = {("loop", serial)}
    if kind is not None:
        extra.add(("data", kind, name))
    return with_tags(element, frozenset(extra))


def _source_name(node: cst.BaseExpression) -> str:
    """The name by which the data of ``for … in <node>`` go: of ``val_ds.take(5)``, ``zip(x_test, y_test)``."""
    while True:
        if isinstance(node, cst.Call):
            if isinstance(node.func, cst.Name):
                if not node.args:
                    return node.func.value
                name = kind_of_data(node.func.value)
                if name is not None:
                    return node.func.value
                node = node.args[0].value
            else:
                node = node.func
        elif isinstance(node, cst.Attribute):
            if kind_of_data(node.attr.value) is not None:
                return node.attr.value
            node = node.value
        elif isinstance(node, cst.Subscript):
            node = node.value
        elif isinstance(node, cst.Name):
            return node.value
        elif isinstance(node, cst.SimpleString):
            return ""
        else:
            return ""
