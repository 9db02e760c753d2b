"""Reading and writing attributes."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from dropout_lint.keras.names import canonical
from dropout_lint.semantics import graphs
from dropout_lint.semantics.arguments import Arguments
from dropout_lint.semantics.attribute_reads import note_read
from dropout_lint.semantics.command_line import FLAG_VALUES
from dropout_lint.semantics.events import AttributeSet, Place, TrainableSet
from dropout_lint.semantics.joining import join
from dropout_lint.semantics.tagging import derived
from dropout_lint.semantics.tags import OUTPUTS, tags_of
from dropout_lint.semantics.values import (
    MOST_ITEMS,
    UNKNOWN,
    Argument,
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
    Partial,
    Super,
    Symbolic,
    Tags,
    Value,
    alternatives,
)

if TYPE_CHECKING:
    import libcst as cst

    from dropout_lint.semantics.events import Frame
    from dropout_lint.semantics.run import Run

VARIABLE_ATTRIBUTES = frozenset(
    {
        "trainable_variables",
        "trainable_weights",
        "weights",
        "variables",
        "trainable_params",
        "non_trainable_variables",
        "kernel",
        "bias",
    }
)
DESCRIPTIONS = frozenset({"shape", "dtype", "ndim", "size", "name", "device", "rank"})
"""Attributes that say what an array looks like and nothing of what is in it."""


@lru_cache(maxsize=16384)
def external(name: str) -> External:
    """The outside thing called ``name``, under Keras's own name where it is Keras."""
    if name == "tf" or name.startswith("tf."):
        name = "tensorflow" + name[2:]
    known = canonical(name)
    if known is not None:
        return External(known[0], known[1])
    return External(name)


def described(tags: Tags) -> Tags:
    """The tags of a description of a value: it is not computed from the outputs the value is computed from."""
    return frozenset(tag for tag in tags if tag[0] not in OUTPUTS | {"drawn", "element", "input"})


def get_attribute(run: Run, frame: Frame, value: Value, name: str, node: cst.CSTNode) -> Value:
    """``value.name``."""
    if isinstance(value, External):
        if value.name in FLAG_VALUES:
            return run.flags.get(name, UNKNOWN)
        generation = value.generation
        found = external(f"{value.name}.{name}")
        run.read(found)
        return External(found.name, generation) if generation is not None and found.generation is None else found
    if isinstance(value, Instance):
        if name == "__dict__":
            return run.attributes(value)
        note_read(run.reads, frame, value, name)
        return _of_instance(run, frame, value, name, node)
    if isinstance(value, Opaque):
        note_read(run.reads, frame, value, name)
        tags = value.tags
        if name in VARIABLE_ATTRIBUTES:
            tags = tags | {("vars",), ("vars-of", value.key)}
        elif name in DESCRIPTIONS:
            tags = described(tags)
        if name in {"output", "input"} and value.key is not None and value.key[0] == "instance":
            for place in ("layers", "get_layer"):
                if place in value.key[2:]:
                    # `base.layers[-2].output`: the graph goes on from inside another
                    whole = (*value.key[: value.key.index(place, 2)], "layers", "[]")
                    return graphs.output_inside(run, value.key[1], whole) if name == "output" else Symbolic()
        key = (*value.key, name) if value.key is not None and len(value.key) < 12 else None
        if key is not None and key in run.opaque_cells:
            return run.opaque_cells[key]
        return Opaque(tags, key)
    if isinstance(value, ModuleValue):
        return _of_module(run, value, name)
    if isinstance(value, ClassValue):
        return _of_class(run, value, name)
    if isinstance(value, OneOf):
        owners = _looked_into(value)
        found_in = [get_attribute(run, frame, each, name, node) for each in owners]
        if name == "layers" and sum(len(each.items) for each in found_in if isinstance(each, Items)) > MOST_ITEMS:
            # too many to tell one by one: those of this model and those of that
            found_in = [
                Opaque(key=("instance", owner.serial, "layers")) if isinstance(owner, Instance) else each
                for owner, each in zip(owners, found_in, strict=True)
            ]
        return join(found_in, MOST_ITEMS)
    if isinstance(value, Super):
        return _of_super(value, name)
    if isinstance(value, Symbolic):
        return value if name == "T" else Opaque(value.tags)
    if isinstance(value, (Items, Mapping, Const)):
        return Method(value, name)
    if isinstance(value, Partial):
        return value.function if name == "func" else UNKNOWN
    return Opaque(tags_of(value))


MOST_MODULES = 4
"""Modules one of which is chosen by name that are looked into, since each is parsed for that; others stay unknown."""


def _looked_into(value: OneOf) -> tuple[Value, ...]:
    """The alternatives whose attributes are read."""
    modules = [each for each in value.values if isinstance(each, ModuleValue)]
    if len(modules) <= MOST_MODULES:
        return value.values
    left_out = {id(each) for each in modules[MOST_MODULES:]}
    return (*(each for each in value.values if id(each) not in left_out), UNKNOWN)


def _of_module(run: Run, value: ModuleValue, name: str) -> Value:
    from dropout_lint.semantics.imports import submodule

    module = value.load()
    if module is None:
        return UNKNOWN
    found = module.scope.read(name)
    if found is not None:
        return found
    inner = submodule(run, module, name)
    return inner if inner is not None else UNKNOWN


def _of_class(run: Run, value: ClassValue, name: str) -> Value:
    if name == "__name__":
        return Const(value.name)
    found = value.find(name)
    if found is None:
        if any(base.is_keras for base in value.external_bases):
            return External(f"{value.keras_base}.{name}")
        return Opaque(key=("class", id(value.node), name))
    if isinstance(found, FunctionValue) and any(
        isinstance(decorator, External) and decorator.name == "builtins.classmethod" for decorator in found.decorators
    ):
        return Bound(found, value)
    if is_enumeration(value) and isinstance(found, (Const, Opaque)) and not name.startswith("_"):
        return Const((value.name, name))
    return found


def is_enumeration(cls: ClassValue) -> bool:
    """Whether a class is an ``enum.Enum``."""
    return any(base.name in {"enum.Enum", "enum.IntEnum", "enum.StrEnum", "enum.Flag"} for base in cls.external_bases)


def _of_super(value: Super, name: str) -> Value:
    seen_owner = False
    receiver_class = value.receiver.cls if isinstance(value.receiver, Instance) else value.owner
    ancestry = (
        list(receiver_class.ancestry()) if isinstance(receiver_class, ClassValue) else list(value.owner.ancestry())
    )
    for cls in ancestry:
        if seen_owner and name in cls.attributes:
            found = cls.attributes[name]
            return Bound(found, value.receiver) if isinstance(found, FunctionValue) else found
        if cls is value.owner:
            seen_owner = True
    return Method(value, name)


_OF_NAMED_TUPLES = frozenset({"_replace", "_asdict"})


def _of_instance(run: Run, frame: Frame, value: Instance, name: str, node: cst.CSTNode) -> Value:
    found = value.attributes.get(name)
    if found is not None:
        return found
    if isinstance(value.cls, ClassValue):
        attribute = value.cls.find(name)
        if isinstance(attribute, FunctionValue):
            return _bound(run, frame, value, attribute, node)
        if attribute is not None:
            return attribute
        if name == "__class__":
            return value.cls
    elif name == "__class__":
        return External(value.cls)
    if value.keras_name is not None or name in VARIABLE_ATTRIBUTES:
        return keras_attribute(run, value, name)
    if isinstance(value.cls, str) or name in _OF_NAMED_TUPLES:
        return Method(value, name)
    return Opaque(key=("instance", value.serial, name))


def _bound(run: Run, frame: Frame, value: Instance, function: FunctionValue, node: cst.CSTNode) -> Value:
    from dropout_lint.semantics import calls

    for decorator in function.decorators:
        name = decorator.name if isinstance(decorator, External) else ""
        if name == "builtins.staticmethod":
            return function
        if name == "builtins.classmethod":
            return Bound(function, value.cls) if isinstance(value.cls, ClassValue) else function
        if name in {"builtins.property", "functools.cached_property"}:
            return calls.call_function(run, frame, function, Arguments(), Place(frame.module, node), receiver=value)
    return Bound(function, value)


def keras_attribute(run: Run, value: Instance, name: str) -> Value:
    """An attribute that Keras defines on layers and models."""
    if name in VARIABLE_ATTRIBUTES:
        return Opaque(frozenset({("vars",), ("vars-of", value.serial)}), ("instance", value.serial, name))
    if name == "layers":
        from dropout_lint.semantics.models import inner_layers

        known = inner_layers(value)
        if known is not None:
            # a functional model lists its inputs too, and sorts its layers by depth: of those one comes first
            listed = run.items("list", known, exact=value.keras_name == "keras.Sequential")
            if isinstance(value.arguments.get("outputs"), Symbolic) and value.cls == "keras.Model":
                listed.cells["first"] = Instance(run.serial(), "keras.layers.InputLayer", value.module, value.node)
            return listed
        return Opaque(key=("instance", value.serial, "layers"))
    if name == "__call__":
        return value
    if name in {"output", "outputs", "input", "inputs"}:
        return Symbolic() if name.startswith("input") else graphs.output_of(run, value)
    if name == "trainable":
        return Opaque(key=("instance", value.serial, "trainable"))
    if name == "model" and (value.keras_name or "").startswith("keras.callbacks."):
        # the model it is handed to; here, any
        model = run.allocated.get((id(value.node), -1, "keras.Model"))
        if model is None:
            model = Instance(run.serial(), "keras.Model", value.module, value.node)
            run.allocated[(id(value.node), -1, "keras.Model")] = model
        return model
    return Method(value, name)


def set_attribute(
    run: Run,
    frame: Frame,
    receiver: Value,
    name: str,
    value: Value,
    node: cst.CSTNode,
    text: str,
    how: str = "attribute",
) -> None:
    """``receiver.name = value``."""
    if name == "trainable":
        run.emit(
            TrainableSet(
                run.serial(),
                Place(frame.module, node),
                receiver,
                text,
                value,
                frame.chain(),
                tuple(run.loops),
                how,
                node=node,
            )
        )
    targets = alternatives(receiver)
    if any(_may_be_keras(each) for each in targets):
        run.emit(
            AttributeSet(
                run.serial(), Place(frame.module, node), receiver, text, name, value, frame.chain(), tuple(run.loops)
            )
        )
    for each in targets:
        if isinstance(each, Instance):
            setter = _setter(each, name)
            if setter is not None:
                _call_setter(run, frame, each, setter, value, node)
                continue
            before = each.attributes.get(name)
            if before is not None:
                restored(run, before, value)
            merged = value if len(targets) == 1 or before is None else join((before, value))
            run.store.write(each.attributes, name, merged)
        elif isinstance(each, Opaque) and each.key is not None:
            run.store.write(run.opaque_cells, (*each.key, name), value)
        elif isinstance(each, ClassValue):
            run.store.write(each.attributes, name, value)
        elif isinstance(each, ModuleValue):
            module = each.load()
            if module is not None:
                run.store.write(module.scope.names, name, value)


def restored(run: Run, before: Value, value: Value) -> None:
    """A model that is loaded to where the program keeps one that it has built holds what that one holds."""
    loaded = [
        each for each in _models_in(value) if "__loaded__" in each.arguments and "__holds__" not in each.arguments
    ]
    built = [each for each in _models_in(before) if "__loaded__" not in each.arguments] if loaded else []
    if built:
        for each in loaded:
            run.store.write(each.arguments, "__holds__", join(built))


def _models_in(value: Value) -> tuple[Instance, ...]:
    """The models that are a value, or stand in a list of it."""
    from dropout_lint.semantics.models import is_model

    return tuple(
        one
        for each in alternatives(value)
        for item in (each.items if isinstance(each, Items) else (each,))
        for one in alternatives(item)
        if isinstance(one, Instance) and is_model(one)
    )


def _may_be_keras(value: Value) -> bool:
    return isinstance(value, (Opaque, Symbolic, Items)) or (
        isinstance(value, Instance) and (value.keras_name is not None or isinstance(value.cls, ClassValue))
    )


def _setter(value: Instance, name: str) -> FunctionValue | None:
    if not isinstance(value.cls, ClassValue):
        return None
    found = value.cls.find(f"{name}.setter")
    return found if isinstance(found, FunctionValue) else None


def _call_setter(
    run: Run, frame: Frame, receiver: Instance, setter: FunctionValue, value: Value, node: cst.CSTNode
) -> None:
    from dropout_lint.semantics import calls

    calls.call_function(run, frame, setter, Arguments((Argument(value),)), Place(frame.module, node), receiver=receiver)


def opaque_of(*values: Value) -> Value:
    """An opaque value that carries what ``values`` carry."""
    return derived(*values)
