"""`trainable` is set on a tensor, a list of layers or an object round a model: it freezes nothing.

## What it does

Finds `x.trainable = …` where `x` is a symbolic tensor (what a layer returns), `model.layers`, `model.weights` or
another list, a module (`layers.trainable` for `layer.trainable`), or an object of a project class that holds a model
and never reads `trainable`.

## Why is this bad

The flag belongs to layers and models. A tensor and a plain object take any attribute and nobody looks at it again:
the layers go on training. A Python list raises AttributeError. Lists and dicts that are attributes of a Keras object
are wrapped: on Keras 3 setting the flag on one has no effect, on Keras 2 it freezes what is in it (but not in a
tuple).

Variables (`layer.kernel.trainable`) and classes that define or read `trainable` themselves are left alone.

## Example

```python
x = layers.Dense(64)(inputs)
x.trainable = False
model.layers[:-2].trainable = False
```

## Use instead

```python
dense = layers.Dense(64)
x = dense(inputs)
dense.trainable = False
for layer in model.layers[:-2]:
    layer.trainable = False
```

## Fix safety

It has none: which layers are meant, the assignment does not say.

## References

- https://keras.io/guides/transfer_learning/

## Evidence

Keras 3.15.1 and tf_keras 2.21: after setting it on the output of a `Dense`, all 4 weights of the model are trainable;
on `model.layers` and on a slice of it, `AttributeError: 'list' object has no attribute 'trainable'`. Keras 3.15.1:
set on a list, dict or tuple attribute of a model, all 6 weights stay trainable and move in fit; tf_keras 2.21: 6 for
a tuple, 4 for a dict with one of the layers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dropout_lint.findings import Confidence, Severity
from dropout_lint.rules.model import Context, Draft, ProbeAt, Rule
from dropout_lint.rules.telling import assignment_of, chain_of
from dropout_lint.semantics.attribute_reads import is_read
from dropout_lint.semantics.events import TrainableSet
from dropout_lint.semantics.models import is_layer
from dropout_lint.semantics.trials import is_test_code
from dropout_lint.semantics.values import ClassValue, External, Instance, Items, Mapping, Opaque, Symbolic, alternatives

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dropout_lint.keras.versions import Holding
    from dropout_lint.semantics.events import Interpretation
    from dropout_lint.semantics.values import Value

_LISTS_OF_WEIGHTS = frozenset(
    {"weights", "variables", "trainable_weights", "trainable_variables", "non_trainable_variables"}
)
_PLAIN_BASES = frozenset({"builtins.object", "abc.ABC", "typing.Generic", "typing.Protocol"})


def check(context: Context) -> Iterator[Draft]:
    """Yield a finding for each flag that is set on what is neither a layer nor a model."""
    defined = _classes_that_set_it(context)
    for event in context.interpretation.events:
        if not isinstance(event, TrainableSet) or event.how == "constructor" or is_test_code(event.frames):
            continue
        targets = alternatives(event.receiver)
        if all(_is_tensor(each) for each in targets):
            yield _draft(event, "a tensor, no layer: nothing is frozen or opened")
        elif all(_is_module(each) for each in targets):
            yield _draft(event, "a module of Keras, no layer: nothing is frozen or opened")
        elif all(_is_list_of_weights(each, context) for each in targets):
            yield _draft(event, "a list: AttributeError", raises=True)
        elif all(_is_container(each) for each in targets):
            yield from _on_container(context, event, targets)
        elif all(_is_wrapper(each, context, defined) for each in targets):
            kinds = " or ".join(dict.fromkeys(f"{each.class_name}" for each in targets if isinstance(each, Instance)))
            yield _draft(
                event,
                f"an object of {kinds}, no layer: the attribute is never read, the model in it is not touched",
            )


def _is_tensor(value: Value) -> bool:
    return (
        isinstance(value, Symbolic)
        and ("derived",) not in value.tags
        and (not value.layers or is_layer(value.layers[-1]))
    )


def _is_module(value: Value) -> bool:
    """Whether it is ``keras.layers`` or the like: by a slip for the loop's variable."""
    return isinstance(value, External) and value.is_keras and value.name.rpartition(".")[2].islower()


def _is_list_of_weights(value: Value, context: Context) -> bool:
    """Whether a layer or model of Keras lists its weights in it."""
    if not isinstance(value, Opaque) or value.key is None or len(value.key) != 3:
        return False
    kind, serial, name = value.key
    owner = context.interpretation.instance(serial) if kind == "instance" and name in _LISTS_OF_WEIGHTS else None
    return owner is not None and owner.keras_name is not None


def _is_container(value: Value) -> bool:
    if isinstance(value, Opaque):
        return value.key is not None and value.key[0] == "instance" and _is_layers(value.key[2:])
    return isinstance(value, (Items, Mapping))


def _is_layers(path: tuple[object, ...]) -> bool:
    """Whether it is ``model.layers``, or ``model.layers[:-4]``, by its place in the model."""
    bounds = path[2:]
    return path == ("layers",) or (
        path[:2] == ("layers", "[]")
        and bool(bounds)
        and all(isinstance(each, str) and each.endswith(":") for each in bounds)
    )


def _on_container(context: Context, event: TrainableSet, targets: tuple[Value, ...]) -> Iterator[Draft]:
    owned_ones = context.interpretation.once(_owned)
    owned = [isinstance(each, Items) and each.kind == "tuple" for each in targets if id(each) in owned_ones]
    if not owned:
        yield _draft(event, "a list: AttributeError", raises=True)
    elif len(owned) == len(targets):
        # Keras wraps it; on Keras 2 the wrapper of a list or dict hands the flag on
        held = context.on(3)
        if held.certain or all(owned):
            yield _draft(event, "a collection of layers, no layer: nothing is frozen or opened")
        elif held.possible:
            yield _draft(event, "a collection of layers, no layer: nothing is frozen or opened", held)


def _owned(interpretation: Interpretation) -> frozenset[int]:
    """What layers and models have for attributes (the ids), the list of a model's own layers left out."""
    return frozenset(
        id(part)
        for owner in interpretation.instances
        if owner.keras_name is not None
        for name, part in owner.attributes.items()
        if name != "__layers__"
    )


def _classes_that_set_it(context: Context) -> set[int]:
    """The classes whose own methods set it on their objects: there it means something of their own."""
    found: set[int] = set()
    for event in context.interpretation.events:
        if isinstance(event, TrainableSet):
            for each in alternatives(event.receiver):
                if (
                    isinstance(each, Instance)
                    and isinstance(each.cls, ClassValue)
                    and event.frames[-1].receiver is each
                ):
                    found |= {id(cls.node) for cls in each.cls.ancestry()}
    return found


def _is_wrapper(value: Value, context: Context, defined: set[int]) -> bool:
    if not isinstance(value, Instance) or not isinstance(value.cls, ClassValue):
        return False
    cls = value.cls
    if cls.keras_base is not None or cls.has_unknown_base:
        return False
    if any(base.name not in _PLAIN_BASES for base in cls.external_bases):
        return False
    if any(cls.find(name) is not None for name in ("trainable", "__setattr__", "__getattr__", "__getattribute__")):
        return False
    if {id(each.node) for each in cls.ancestry()} & defined or is_read(context.interpretation, value, "trainable"):
        return False
    return any(is_layer(each) for part in value.attributes.values() for each in alternatives(part))


def _draft(event: TrainableSet, what: str, held: Holding | None = None, raises: bool = False) -> Draft:
    return Draft(
        place=event.place,
        message=f"{'' if held is None else f'on {held.text}, '}{assignment_of(event)} is set on {what}",
        confidence=Confidence.HIGH,
        severity=None if held is None else Severity.NOTE,
        label="no layer",
        help="set it on the layers or on the model itself",
        chain=chain_of(event.frames) if len(event.frames) > 1 else (),
        probe=ProbeAt("raises", event.place, "AttributeError") if raises else None,
        keras=() if held is None else held.versions,
    )


RULE = Rule(
    code="KTM211",
    name="trainable-on-non-layer",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    since="0.1.0",
    applicability=None,
    triggers=(b"trainable",),
    needs=(frozenset({"trainable-set"}),),
    wide="trains",
    check=check,
    doc=__doc__ or "",
)
