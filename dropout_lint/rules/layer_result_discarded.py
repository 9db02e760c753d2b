"""A layer is made or called and what it gives goes nowhere: the model is built without it.

## What it does

Finds layers that depend on the mode, while a functional graph is built or in `call`: a dropout, noise or augmentation
layer whose output is thrown away (`Dropout(0.5)(x)` as a statement) or kept under a name that nothing reads; any of
them that is made and called in a statement of its own; and one that is made and never applied (`layers.Dropout(0.5)`
as a statement, or under a name that nothing reads).

## Why is this bad

Layers do not change their input. Without its output in what follows the layer is not part of the model, and nothing
says so: the program trains without the dropout its author sees in the code.

Calls of models, of stored layers that have weights to build, and statements like `model.add(…)` are left alone.

## Example

```python
x = layers.Dense(64, activation="relu")(inputs)
layers.Dropout(0.5)(x)
outputs = layers.Dense(1)(x)
```

## Use instead

```python
x = layers.Dense(64, activation="relu")(inputs)
x = layers.Dropout(0.5)(x)
outputs = layers.Dense(1)(x)
```

## Fix safety

Unsafe: it puts the layer into the model. Offered where the layer is called with a single name.

## References

- https://keras.io/guides/functional_api/

## Evidence

keras 3.15.1 and tf_keras 2.21: no warning, and the layer is missing from `model.layers`.
The programs in fixtures/layer-result-discarded print that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dropout_lint.findings import Applicability, Confidence, Severity
from dropout_lint.keras.names import KERAS_PACKAGES
from dropout_lint.rules.model import Change, Context, Draft, ProbeAt, Rule
from dropout_lint.rules.telling import chain_of
from dropout_lint.semantics.events import Constructed, Discarded, Event, Frame, LayerCall, MethodCall
from dropout_lint.semantics.models import is_layer, is_model, mode_of, weightless
from dropout_lint.semantics.signatures import READING_ALL, names_read
from dropout_lint.semantics.trials import is_test_code
from dropout_lint.semantics.values import NONE, Instance
from dropout_lint.syntax.lazy import cst

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dropout_lint.semantics.events import Interpretation, Place
    from dropout_lint.semantics.values import FunctionValue

_ACT_ON_THEIR_INPUT = frozenset({"dropout", "noise", "augmentation"})
_KERAS = KERAS_PACKAGES | {"tensorflow_core"}
_MODES = _ACT_ON_THEIR_INPUT | {"batch-statistics", "rnn-dropout", "attention-dropout"}


def check(context: Context) -> Iterator[Draft]:
    """Yield a finding for each layer that the model does not get."""
    events = context.interpretation.events
    discarded = {id(event.place.node) for event in events if isinstance(event, Discarded)}
    names = _names(context)
    # a function that builds a model does nothing else; a script may try a layer before it comes to its model
    building = {id(event.frames[-1]) for event in events if _builds(event) and event.frames[-1].function is not None}
    """The activations in which a model is being put together so far."""
    for event in events:
        if _builds(event):
            building.add(id(event.frames[-1]))
        if isinstance(event, LayerCall):
            if is_test_code(event.frames) or not _part_of_a_model(event) or not _is_plain_layer(event.callee):
                continue
            if id(event.place.node) in discarded and (_only_acts(event.callee) or _made_inline(event)):
                yield _thrown_away(event)
            elif _only_acts(event.callee) and _unread(event.place, event.frames[-1], names, context):
                yield _kept_in_vain(event, names[id(event.place.node)])
        elif isinstance(event, Constructed):
            frame = event.frames[-1]
            if is_test_code(event.frames) or not _is_plain_layer(event.instance) or id(frame) not in building:
                continue
            if frame.function is None and _KERAS.isdisjoint(context.interpretation.imports):
                continue  # lines that somebody noted down, out of several programs
            if id(event.place.node) in discarded:
                yield _never_applied(event, "")
            elif _unread(event.place, frame, names, context):
                yield _never_applied(event, names[id(event.place.node)])


def _is_plain_layer(value: Instance) -> bool:
    """A layer of Keras itself that depends on the mode and does nothing beside what it gives."""
    return is_layer(value) and not is_model(value) and isinstance(value.cls, str) and mode_of(value) in _MODES


def _only_acts(layer: Instance) -> bool:
    """Whether there is nothing to build or to learn in a layer: it is there for its output alone."""
    return weightless(layer) is True and mode_of(layer) in _ACT_ON_THEIR_INPUT


def _made_inline(event: LayerCall) -> bool:
    return event.graph and isinstance(event.place.node, cst.Call) and isinstance(event.place.node.func, cst.Call)


def _part_of_a_model(event: LayerCall) -> bool:
    return event.direct and (event.graph or any(frame.hook == "call" for frame in event.frames))


def _builds(event: Event) -> bool:
    """Whether a functional or sequential model is put together here, or the layers of one are made."""
    if isinstance(event, LayerCall):
        return event.graph
    if isinstance(event, MethodCall):
        return event.name == "add" and _is_sequential(event.receiver)
    receiver = event.frames[-1].receiver
    if isinstance(event, Constructed) and _is_sequential(event.instance):
        return True
    return isinstance(event, Constructed) and event.frames[-1].name == "__init__" and is_layer(receiver or NONE)


def _is_sequential(value: object) -> bool:
    """Whether layers are added to it."""
    return isinstance(value, Instance) and value.keras_name == "keras.Sequential"


def _names(context: Context) -> dict[int, str]:
    """The local names that expressions are kept under, by the ids of the expressions."""
    found: dict[int, str] = {}
    for (owner, name), values in context.interpretation.assigned.items():
        for frame, value in values.values():
            if frame.function is not None and owner == id(frame.function.node):
                found[id(value)] = name
    return found


def _unread(place: Place, frame: Frame, names: dict[int, str], context: Context) -> bool:
    """Whether what an expression gives is kept under a name of the function that nothing in it reads."""
    name = names.get(id(place.node))
    if name is None or name.startswith("_") or frame.function is None:
        return False
    return context.interpretation.once(_names_read, frame.function).isdisjoint({name, *READING_ALL})


def _names_read(_: Interpretation, function: FunctionValue) -> frozenset[str]:
    return names_read(function)


def _thrown_away(event: LayerCall) -> Draft:
    name = event.callee.class_name
    change = _assigned(event)
    return Draft(
        place=event.place,
        message=f"what this {name} gives is thrown away: the model is computed without it",
        confidence=Confidence.HIGH,
        label="the result goes nowhere",
        help="use its output in what follows",
        chain=chain_of(event.frames) if len(event.frames) > 1 else (),
        fix_title="keep its output",
        applicability=Applicability.UNSAFE if change else None,
        changes=change,
        probe=ProbeAt("unread", event.place, "nan"),
    )


def _assigned(event: LayerCall) -> tuple[Change, ...]:
    given = event.arguments.positional
    if len(given) != 1 or not isinstance(given[0].node, cst.Name):
        return ()
    text = event.place.module.tree.code_for_node(event.place.node).strip()
    return (Change("replace", event.place, f"{given[0].node.value} = {text}"),)


def _kept_in_vain(event: LayerCall, name: str) -> Draft:
    return Draft(
        place=event.place,
        message=f"nothing reads `{name}`, the output of this {event.callee.class_name}: "
        "the model is computed without it",
        confidence=Confidence.MEDIUM,
        label="the result goes nowhere",
        help=f"use `{name}` in what follows",
        chain=chain_of(event.frames) if len(event.frames) > 1 else (),
        probe=ProbeAt("unread", event.place, "nan"),
    )


def _never_applied(event: Constructed, name: str) -> Draft:
    layer = event.instance.class_name
    kept = f"nothing reads `{name}`: this {layer}" if name else f"this {layer}"
    return Draft(
        place=event.place,
        message=f"{kept} is made and never applied, so it is not part of the model",
        confidence=Confidence.MEDIUM if name else Confidence.HIGH,
        label="not applied to anything",
        help="apply it to a tensor, add it to the model, or remove it",
        chain=chain_of(event.frames) if len(event.frames) > 1 else (),
        probe=ProbeAt("unread", event.place, "nan"),
    )


RULE = Rule(
    code="KTM407",
    name="layer-result-discarded",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    since="0.1.0",
    applicability=Applicability.UNSAFE,
    triggers=(b"Dropout", b"Noise", b"Random", b"layers."),
    needs=(frozenset({"discarded"}),),
    local=True,
    check=check,
    doc=__doc__ or "",
)
