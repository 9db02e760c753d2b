"""What a layer or model is made of, and which of its parts depend on the mode."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dropout_lint.keras.layers import layer as layer_facts
from dropout_lint.semantics.events import ModelUse
from dropout_lint.semantics.own_modes import own_mode
from dropout_lint.semantics.tags import serials_in, tags_of
from dropout_lint.semantics.values import (
    ClassValue,
    Const,
    External,
    FunctionValue,
    Instance,
    Items,
    Mapping,
    OneOf,
    Opaque,
    Symbolic,
    Value,
    alternatives,
    truth,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dropout_lint.semantics.events import Interpretation, ModeCall

MODEL_NAMES = frozenset({"keras.Model", "keras.Sequential"})


@dataclass(frozen=True, slots=True)
class Content:
    """The mode-dependent layers of something callable, and whether that is all there is to know."""

    layers: tuple[Instance, ...] = ()
    complete: bool = True
    possible: frozenset[int] = frozenset()
    """The serials of layers that may be there: one of several things that a name may stand for."""

    @property
    def certain(self) -> tuple[Instance, ...]:
        """The layers that are there whatever happens."""
        return tuple(layer for layer in self.layers if layer.serial not in self.possible)

    @property
    def empty(self) -> bool:
        """Known to hold no mode-dependent layer."""
        return self.complete and not self.layers


def is_layer(value: Value) -> bool:
    """Whether a value is known to be a Keras layer or model."""
    return (
        isinstance(value, Instance)
        and value.keras_name is not None
        and (
            value.keras_name in MODEL_NAMES
            or value.keras_name.startswith(("keras.layers.", "keras.applications.", "keras.models."))
        )
    )


def is_keras_class(cls: ClassValue) -> bool:
    """Whether Keras runs the ``call`` of a class of the program: it derives from a layer or model of Keras."""
    base = cls.keras_base or ""
    return base.startswith("keras.layers.") or base in MODEL_NAMES


def is_model(value: Value) -> bool:
    """Whether a value is known to be a Keras model."""
    return (
        isinstance(value, Instance)
        and value.keras_name is not None
        and (value.keras_name in MODEL_NAMES or value.keras_name.startswith(("keras.applications.", "keras.models.")))
    )


def goes_over_layers(element: Value, depth: int = 3) -> bool:
    """Whether what a loop's variable is bound to is a layer, or holds one: ``for position, layer in enumerate(…)``."""
    return any(
        is_layer(each)
        or (isinstance(each, Opaque) and each.key is not None and each.key[-1] == "[]" and "layers" in each.key)
        # `for n, (name, layer) in …`; a list that holds itself goes on for ever
        or (isinstance(each, Items) and depth > 0 and any(goes_over_layers(item, depth - 1) for item in each.items))
        for each in alternatives(element)
    )


def ready_made(value: Value) -> bool:
    """Whether a model comes with what it has learned, or may: from ``keras.applications``, a file, or a copy."""
    models = [each for each in alternatives(value) if isinstance(each, Instance)]
    return any(_is_loaded(each) for model in models for each in (model, *nested(model)))


def _is_loaded(value: Instance) -> bool:
    return (
        (value.keras_name or "").startswith(("keras.applications.", "keras.models."))
        or "__holds__" in value.arguments
        or (value.cls == "keras.Model" and not isinstance(value.arguments.get("outputs"), (Symbolic, Items, Mapping)))
    )


def nested(model: Instance) -> Iterator[Instance]:
    """The layers and models in a model, at any depth, each once: one may hold another many times over, or itself."""
    seen = {id(model)}
    waiting = [model]
    while waiting:
        for part in inner_layers(waiting.pop()) or ():
            for each in alternatives(part):
                if isinstance(each, Instance) and id(each) not in seen:
                    seen.add(id(each))
                    waiting.append(each)
                    yield each


def inner_layers(value: Instance) -> tuple[Value, ...] | None:
    """What ``model.layers`` lists, or None where it is not known."""
    if value.keras_name == "keras.Sequential":
        listed = value.attributes.get("__layers__")
        return (
            tuple(each for each in listed.items if not isinstance(each, Symbolic))
            if isinstance(listed, Items) and listed.exact
            else None
        )
    if value.keras_name == "keras.Model":
        outputs = value.arguments.get("outputs")
        if isinstance(outputs, Symbolic):
            return outputs.layers
        if isinstance(outputs, (Items, Mapping)):
            found: list[Value] = []
            for each in outputs.items if isinstance(outputs, Items) else outputs.entries.values():
                if not isinstance(each, Symbolic):
                    return None
                found += [layer for layer in each.layers if not any(layer is other for other in found)]
            return tuple(found)
        if isinstance(value.cls, ClassValue):
            return _attribute_layers(value)
    return None


def calls_in_graph(model: Instance) -> frozenset[int]:
    """The serials of the calls that a functional model's graph is made of."""
    outputs = model.arguments.get("outputs")
    return frozenset(serials_in(tags_of(outputs))) if outputs is not None else frozenset()


def _attribute_layers(value: Instance) -> tuple[Value, ...] | None:
    found: list[Value] = []
    for each in value.attributes.values():
        for one in alternatives(each):
            if is_layer(one) and not any(one is other for other in found):
                found.append(one)
    return tuple(found) if found else None


def content(value: Value) -> Content:
    """The mode-dependent layers a call of ``value`` runs; asked when the interpretation is through.

    Of an object it is found once: a large model may be called many times.
    """
    if not isinstance(value, Instance):
        return _content(value)
    if value.content is None:
        value.content = _content(value)
    return value.content  # type: ignore[no-any-return]


def _content(value: Value) -> Content:
    found = _Found()
    complete = _collect(value, found, set(), 0)
    return Content(tuple(found.values()), complete, frozenset(found.possible))


class _Found(dict[int, Instance]):
    """Layers by serial, and the serials of those that may be there."""

    def __init__(self) -> None:
        super().__init__()
        self.possible: set[int] = set()


def _collect(value: Value, found: _Found, seen: set[int], depth: int) -> bool:
    """Add the mode-dependent layers below ``value``; False where something is not known."""
    if depth > 8:
        return False
    if isinstance(value, OneOf):
        return _collect_one_of(value, found, seen, depth)
    if isinstance(value, Symbolic):
        return _collect_all(value.layers, found, seen, depth)
    if isinstance(value, (Items, Mapping)):
        if value.serial in seen:
            return True
        seen.add(value.serial)
        parts = value.items if isinstance(value, Items) else tuple(value.entries.values())
        known = _collect_all(tuple(each for each in parts if not isinstance(each, Const)), found, seen, depth)
        return known and value.exact
    if isinstance(value, (Const, External, FunctionValue)):
        return not isinstance(value, FunctionValue)
    if not isinstance(value, Instance):
        return False
    if value.serial in seen:
        return True
    seen.add(value.serial)
    name = value.keras_name
    if name is None:
        return _collect_attributes(value, found, seen, depth)
    if isinstance(value.cls, ClassValue):
        known = _collect_attributes(value, found, seen, depth)
        inherited = layer_facts(name)
        if inherited is not None and inherited.mode not in {"none", "wrapper"} and "call" not in value.cls.attributes:
            found[value.serial] = value
        elif inherited is not None and inherited.mode not in {"none", "wrapper"}:
            # a Dropout subclass that overrides call still drops, through super().call
            found[value.serial] = value
        if name in MODEL_NAMES:
            return known and _collect_model(value, found, seen, depth, default=True)
        return known
    if name in MODEL_NAMES or name.startswith(("keras.applications.", "keras.models.")):
        return _collect_model(value, found, seen, depth, default=False)
    return _collect_layer(value, name, found, seen, depth)


def _collect_one_of(value: OneOf, found: _Found, seen: set[int], depth: int) -> bool:
    """What all alternatives hold is there, what some hold may be."""
    known = True
    each_holds: list[_Found] = []
    for each in value.values:
        inside = _Found()
        known = _collect(each, inside, set(seen), depth + 1) and known
        each_holds.append(inside)
    shared = set.intersection(*(set(inside) - inside.possible for inside in each_holds))
    for inside in each_holds:
        for serial, layer in inside.items():
            if serial not in shared and serial not in found:
                found.possible.add(serial)
            found.setdefault(serial, layer)
    return known


def _collect_all(values: tuple[Value, ...], found: _Found, seen: set[int], depth: int) -> bool:
    # a list first: everything has to be visited, also after something that is not known
    known = [_collect(each, found, seen, depth + 1) for each in values]
    return all(known)


def _collect_attributes(value: Instance, found: _Found, seen: set[int], depth: int) -> bool:
    # where `__init__` or `build` could not be followed, nothing is known of what they would have made
    known = not any(tag[2] in {"__init__", "build"} for tag in _called_parts(value))
    for attribute, part in list(value.attributes.items()):
        for each in alternatives(part):
            if isinstance(each, (Instance, Items, Mapping, Symbolic)):
                if isinstance(each, Instance) and each.keras_name is None and isinstance(each.cls, str):
                    continue
                inner = _collect(each, found, seen, depth + 1)
                known = known and (inner or not is_layer(each))
            elif isinstance(each, Opaque) and ("called", value.serial, attribute) in _called_parts(value):
                known = False
    return known


def _called_parts(value: Instance) -> frozenset[tuple[str, int, str]]:
    """Opaque attributes that the object's own code calls: what they hold is not known."""
    noted = value.arguments.get("__called__")
    return noted.tags if isinstance(noted, Opaque) else frozenset()


def _collect_model(value: Instance, found: _Found, seen: set[int], depth: int, default: bool) -> bool:
    if value.keras_name == "keras.Sequential":
        listed = value.attributes.get("__layers__")
        return _collect(listed, found, seen, depth + 1) if listed is not None else False
    holds = value.arguments.get("__holds__")
    if holds is not None:
        return _collect(holds, found, seen, depth + 1)
    outputs = value.arguments.get("outputs")
    if outputs is not None:
        return _collect(outputs, found, seen, depth + 1)
    return default


def _collect_layer(value: Instance, name: str, found: _Found, seen: set[int], depth: int) -> bool:
    facts = layer_facts(name)
    if facts is None:
        return False
    if facts.mode == "none":
        return name != "keras.layers.Layer"
    if facts.mode in {"wrapper", "foreign"}:
        inner = value.arguments.get("layer") or value.arguments.get("cell") or value.attributes.get("layer")
        if inner is None or name == "keras.layers.Lambda":
            return False
        return _collect(inner, found, seen, depth + 1)
    if facts.rate_arguments:
        rates = [value.arguments.get(rate.name) for rate in facts.rate_arguments]
        if all(rate is None or (isinstance(rate, Const) and not rate.value) for rate in rates):
            defaults = [rate.default for rate in facts.rate_arguments]
            if all(not default for default in defaults) and facts.mode not in {"dropout", "noise"}:
                return True
            if any(isinstance(rate, Const) for rate in rates):
                return True
    found[value.serial] = value
    return True


def note_called(value: Instance, attribute: str) -> None:
    """Remember that the object's code calls one of its attributes that is not known."""
    before = _called_parts(value)
    tag = ("called", value.serial, attribute)
    if tag not in before:
        value.arguments["__called__"] = Opaque(frozenset({*before, tag}))


def mode_of(layer: Instance) -> str:
    """The kind of mode dependence of one layer: ``dropout``, ``batch-statistics``, …"""
    facts = layer_facts(layer.keras_name or "")
    mode = facts.mode if facts is not None else "none"
    return own_mode(layer) if mode == "none" else mode


def weightless(value: Value) -> bool | None:
    """Whether a layer has no weights at all, whatever its arguments: True, False or unknown."""
    if not isinstance(value, Instance):
        return None
    name = value.keras_name
    if name is None:
        return None
    facts = layer_facts(name)
    if facts is None:
        return None
    if isinstance(value.cls, ClassValue) and _may_add_weights(value, value.cls):
        return None
    return facts.weightless


def has_weights(value: Value) -> bool | None:
    """Whether a layer or model has weights of its own once it is called: True, False or unknown."""
    return _has_weights(value, {})


def _has_weights(value: Value, known: dict[int, bool | None]) -> bool | None:
    """The same; ``known`` are the answers for what was looked at, and unknown for what is being looked at."""
    if not isinstance(value, Instance) or value.keras_name is None:
        return None
    if id(value) not in known:
        known[id(value)] = None
        known[id(value)] = _look_for_weights(value, value.keras_name, known)
    return known[id(value)]


def _look_for_weights(value: Instance, name: str, known: dict[int, bool | None]) -> bool | None:
    if name.startswith(("keras.applications.", "keras.models.")):
        return True
    facts = layer_facts(name)
    parts: list[Value] = list(inner_layers(value) or ())
    if isinstance(value.cls, ClassValue):
        if "__weights__" in value.arguments:
            return True
        parts += _attribute_layers(value) or ()
    elif facts is not None and facts.mode in {"wrapper", "foreign"}:
        parts += [value.arguments[key] for key in ("layer", "cell") if key in value.arguments]
    if facts is not None and facts.weightless is False:
        return True
    answers = {_has_weights(one, known) for part in parts for one in alternatives(part)}
    if True in answers:
        return True
    if isinstance(value.cls, ClassValue) and value.cls.find("build") is not None:
        return None
    complete = bool(answers) if name in MODEL_NAMES else facts is not None and (facts.weightless or bool(answers))
    if isinstance(value.cls, ClassValue) and name == "keras.layers.Layer":
        complete = True
    return False if complete and None not in answers else None


def _may_add_weights(value: Instance, cls: ClassValue) -> bool:
    """Whether a project subclass of a weightless layer may have weights of its own."""
    return (
        cls.find("build") is not None
        or "__weights__" in value.arguments
        or any(
            is_layer(each) or isinstance(each, Items)
            for part in value.attributes.values()
            for each in alternatives(part)
        )
    )


def last_layers(model: Instance, within: frozenset[int] = frozenset()) -> tuple[Instance, ...]:
    """The layers at the end of a model with one output, as far back as they follow each other in a line.

    Nothing where the model has several outputs, where it is not known, or where it ends with itself: ``within`` are
    the models that end with this one.
    """
    if id(model) in within:
        return ()
    layers: tuple[Value, ...] = ()
    if model.keras_name == "keras.Sequential":
        listed = model.attributes.get("__layers__")
        if isinstance(listed, Items) and listed.exact:
            layers = listed.items
    elif model.keras_name == "keras.Model":
        outputs = model.arguments.get("outputs")
        if isinstance(outputs, Items) and outputs.exact and len(outputs.items) == 1:
            outputs = outputs.items[0]
        if isinstance(outputs, Symbolic):
            layers = outputs.layers
    found: list[Instance] = []
    for each in reversed(layers):
        if isinstance(each, Symbolic):
            continue
        if not isinstance(each, Instance) or not set(each.loops) <= set(model.loops):
            # a loop that the model was not made in may have any number of turns
            break
        if is_model(each):
            return (*last_layers(each, within | {id(model)}), *reversed(found))
        found.append(each)
    return tuple(reversed(found))


def augmenting_layers(value: Value) -> tuple[Instance, ...]:
    """The layers that change their input at random in a call of ``value`` without a flag.

    Those of a functional or Sequential model, or the layer itself; of a model with its own ``call`` none, since what
    that hands on is not known.
    """
    if not isinstance(value, Instance) or not isinstance(value.cls, str):
        return ()
    return tuple(
        layer for layer in content(value).layers if mode_of(layer) == "augmentation" and isinstance(layer.cls, str)
    )


def layers_used(interpretation: Interpretation, *kinds: str) -> frozenset[int]:
    """The serials of the layers, of those that depend on the mode, in all models that are used in one of these ways."""
    return interpretation.once(_layers_used, *kinds)


def _layers_used(interpretation: Interpretation, *kinds: str) -> frozenset[int]:
    models = {
        id(event.receiver): event.receiver
        for event in interpretation.events
        if isinstance(event, ModelUse) and event.kind in kinds
    }
    return frozenset(layer.serial for model in models.values() for layer in content(model).layers)


def switched_off_in_graph(layers: tuple[Instance, ...], interpretation: Interpretation) -> bool:
    """Whether a functional graph itself says False to one of ``layers``."""
    return any(
        any(each is layer for each in content(event.callee).layers for layer in layers)
        for event in interpretation.mode_calls(_not_on_in_graph, True)
    )


def _not_on_in_graph(event: ModeCall) -> bool:
    """Whether a call is part of a graph, and not in training mode for certain."""
    return event.graph and truth(event.flag) is not True
