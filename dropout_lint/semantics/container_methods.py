"""Methods of lists, dictionaries and texts whose content is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dropout_lint.semantics.containers import element_of, elements_of, get_item, merge_mapping, set_item
from dropout_lint.semantics.joining import join
from dropout_lint.semantics.models import is_layer
from dropout_lint.semantics.run import TAGS_PER_STEP
from dropout_lint.semantics.tagging import collect, derived
from dropout_lint.semantics.values import NONE, UNKNOWN, Const, Items, Mapping, Opaque, Value, truth

if TYPE_CHECKING:
    from dropout_lint.semantics.arguments import Arguments
    from dropout_lint.semantics.run import Run


def of_items(run: Run, items: Items, name: str, arguments: Arguments) -> Value:
    """``items.name(…)`` of a list, tuple or set."""
    values = [each.value for each in arguments.positional]
    if name in {"append", "appendleft", "add", "insert"} and values:
        _extend(run, items, (values[-1],))
        return NONE
    if name in {"extend", "extendleft"} and values:
        known = elements_of(run, values[0])
        _extend(run, items, known if known is not None else (element_of(run, values[0]),), exact=known is not None)
        return NONE
    if name in {"pop", "popleft"}:
        return element_of(run, items)
    if name in {"copy", "numpy", "tolist"}:
        return run.items(items.kind, items.items, items.exact)
    if name == "clear":
        # it is filled again, by methods that may come first
        run.store.write(items.cells, "items", ())
        run.store.write(items.cells, "exact", False)
        return NONE
    return derived(*items.items, *values)


def _extend(run: Run, items: Items, added: tuple[Value, ...], exact: bool = True) -> None:
    if items.kind == "deque":
        # the records of a replay memory are data, although an action in them was an output once
        added = tuple(UNKNOWN if isinstance(each, (Items, Mapping)) else each for each in added)
    present = items.items
    new: list[Value] = []
    for value in added:
        # what a loop collects varies with the loop, also when it is read again inside
        tagged = collect(run, value, items.loops)
        if not any(tagged is other for other in present) or not run.loops:
            new.append(tagged)
    if len(present) + len(new) > 64:
        run.store.write(items.cells, "exact", False)
        return
    run.store.write(items.cells, "items", present + tuple(new))
    if not exact or (run.loops and any(not is_layer(value) for value in new)):
        run.store.write(items.cells, "exact", False)


def of_mapping(run: Run, mapping: Mapping, name: str, arguments: Arguments) -> Value:
    """``mapping.name(…)`` of a dictionary."""
    run.step(len(mapping.entries) // TAGS_PER_STEP)
    key = arguments.positional[0].value if arguments.positional else UNKNOWN
    default = arguments.positional[1].value if len(arguments.positional) > 1 else NONE
    known = isinstance(key, Const) and key.value is not None
    if name in {"get", "pop", "setdefault"}:
        present = isinstance(key, Const) and key.value in mapping.entries
        if not present:
            result = default if mapping.exact and known else join((default, get_item(run, mapping, key)))
            if (
                isinstance(default, Const)
                and not mapping.exact
                and isinstance(mapping.entries.get(None), Opaque)
                and known
            ):
                # nothing is known that would override the default
                result = default if name != "get" and truth(default) is True else result
            if name == "setdefault":
                set_item(run, mapping, key, default)
                result = default
            return result
        found = get_item(run, mapping, key)
        if name == "pop" and isinstance(key, Const):
            _drop(run, mapping, key.value)
        return found
    if name == "update":
        for argument in arguments.positional[:1]:
            merge_mapping(run, mapping, argument.value)
        for keyword, argument in arguments.keywords.items():
            run.store.write(mapping.entries, keyword, argument.value)
        return NONE
    if name == "copy":
        return run.mapping(mapping.entries)
    if name == "items":
        pairs = tuple(
            run.items("tuple", (Const(key) if key is not None else UNKNOWN, value))
            for key, value in mapping.entries.items()
        )
        return run.items("list", pairs, mapping.exact)
    if name == "values":
        return run.items("list", tuple(mapping.entries.values()), mapping.exact)
    if name == "keys":
        return run.items("list", tuple(Const(key) for key in mapping.entries if key is not None), mapping.exact)
    return derived(*mapping.entries.values())


def _drop(run: Run, mapping: Mapping, key: object) -> None:
    value = mapping.entries.get(key)
    if value is not None:
        run.store.write(mapping.entries, key, value)
        mapping.entries.pop(key, None)


def of_constant(receiver: Const, name: str, arguments: Arguments) -> Value:
    """``receiver.name(…)`` of a text or number."""
    text = receiver.value
    if isinstance(text, str) and not arguments.positional and name in {"lower", "upper", "strip", "title", "casefold"}:
        return Const(getattr(text, name)(), receiver.origin)
    if isinstance(text, str) and name in {"startswith", "endswith"} and len(arguments.positional) == 1:
        wanted = arguments.positional[0].value
        if isinstance(wanted, Const) and isinstance(wanted.value, str):
            return Const(text.startswith(wanted.value) if name == "startswith" else text.endswith(wanted.value))
    if name in {"numpy", "item"} and type(text) in {int, float}:
        return receiver
    return derived(*arguments.values)
