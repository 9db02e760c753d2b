"""A layer with weights or a mode is made inside `call`: it is another one in every call.

## What it does

Finds Keras layers, models and project layers with weights or random state that are constructed while `call` runs,
also in a helper that `call` uses.

## Why is this bad

A layer made in `call` begins anew whenever `call` runs. In eager mode its weights are drawn at random each time and
never learn, silently; `fit()`, `evaluate()` and `predict()` trace `call` and raise ValueError at the variables it
makes. Dropout owns a random state on Keras 3, and raises too.

Layers without weights and mode, layers that are kept under a test, what `build` and `__init__` make, a `call` that only
builds a graph (`Model(inputs, self.call(inputs))`), and (on
Keras 2) dropout and noise are left alone.

## Example

```python
def call(self, x, training=None):
    return layers.Dropout(0.5)(layers.Dense(8)(x), training=training)
```

## Use instead

```python
def __init__(self):
    super().__init__()
    self.dense, self.dropout = layers.Dense(8), layers.Dropout(0.5)


def call(self, x, training=None):
    return self.dropout(self.dense(x), training=training)
```

## Fix safety

It has no fix: what belongs into `__init__` is for a person to move.

## References

- https://keras.io/guides/making_new_layers_and_models_via_subclassing/#the-layer-class-the-combination-of-state-weights-and-some-computation

## Evidence

keras 3.15.1 and tf_keras 2.21 with Dense and BatchNormalization in the `call` of a model, of a layer in a model and of
a layer in a functional model: fit and predict raise ValueError (tf.function only supports singleton tf.Variables); a
bare call gives other outputs each time for Dense, and the model lists no such weight. Dropout: ValueError in fit and
predict on keras 3.15.1, works on tf_keras 2.21. On JAX nothing raises, and the weights are new in every trace. ReLU
works everywhere. Assigned to `self` without a test: keras 3.15.1 raises in the first call already. Assigned under a
test, the first time only: works on both, on keras 3.15.1 if some other layer of `self` is still to be built then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dropout_lint.findings import Confidence, Severity
from dropout_lint.rules.model import Context, Draft, ProbeAt, Rule
from dropout_lint.rules.telling import chain_of, version_text
from dropout_lint.semantics.events import OFF, Constructed, FunctionCall, LayerCall, ModelUse
from dropout_lint.semantics.models import content, has_weights
from dropout_lint.semantics.noise import CHOOSING_FUNCTIONS, last_name
from dropout_lint.semantics.signatures import own_call, written
from dropout_lint.semantics.trials import is_test_code
from dropout_lint.semantics.values import (
    External,
    Instance,
    Items,
    Mapping,
    Value,
    alternatives,
)
from dropout_lint.semantics.words import is_mode_name
from dropout_lint.syntax.walk import walk

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dropout_lint.semantics.events import Event, Frame

_SETTING_UP = frozenset({"__init__", "build", "build_from_config", "from_config", "__new__"})
_ONCE = frozenset({"functools.lru_cache", "functools.cache", "functools.cached_property"})


def check(context: Context) -> Iterator[Draft]:
    """Yield a finding for each layer that is made anew in every call."""
    events = context.interpretation.events
    made = [event for event in events if isinstance(event, Constructed)]
    handed = _handed_over(events)
    found = [(event, frame) for event in made if (frame := _made_in_call(event, handed)) is not None]
    builders = _builders(events) if found else frozenset()
    parts = _parts_of_others(event for event, _ in found)
    told: set[int] = set()
    for event, frame in found:
        node = event.place.node
        if id(node) in told or id(node) in parts or _is_kept(event, frame):
            continue
        function = frame.function
        builds = function is not None and id(function.node) in builders
        draft = _draft(event, frame, builds, context)
        if draft is not None:
            told.add(id(node))
            yield draft


def _handed_over(events: list[Event]) -> frozenset[int]:
    """The calls (ids of their nodes) that may run a function once and keep what it makes: ``get_or_create_layer``."""
    return frozenset(
        id(event.place.node)
        for event in events
        if isinstance(event, FunctionCall) and last_name(event.name) not in CHOOSING_FUNCTIONS
    )


def _builders(events: list[Event]) -> frozenset[int]:
    """The ``call``s (ids of their nodes) that the program runs itself, and that Keras is not seen to run.

    ``Model(inputs, self.call(inputs))`` builds a graph out of what is made on the way, once.
    """
    run: set[int] = set()
    by_keras: set[int] = set()
    for event in events:
        run.update(
            id(frame.function.node)
            for frame in event.frames
            if frame.function is not None and frame.name == "call" and frame.hook is None
        )
        used: Value | None = event.callee if isinstance(event, LayerCall) and event.direct else None
        if isinstance(event, ModelUse) and event.kind in {"train", "inference", "call"}:
            used = event.receiver
        for each in alternatives(used) if used is not None else ():
            method = own_call(each)
            if method is not None:
                by_keras.add(id(written(method).node))
    return frozenset(run - by_keras)


def _made_in_call(event: Constructed, handed: frozenset[int]) -> Frame | None:
    """The ``call`` that is under way, unless it sets something up once."""
    if is_test_code(event.frames):
        return None
    for frame in reversed(event.frames):
        if frame.hook == "call":
            receiver = frame.receiver
            known = isinstance(receiver, Instance) and receiver.keras_name is not None
            return frame if known else None
        decorators = frame.function.decorators if frame.function is not None else ()
        if frame.call is not None and id(frame.call.node) in handed:
            return None
        if frame.name in _SETTING_UP or any(isinstance(each, External) and each.name in _ONCE for each in decorators):
            return None
    return None


def _parts_of_others(made: Iterable[Constructed]) -> set[int]:
    """The expressions (ids of their nodes) that are arguments of another layer that is made in a call, too."""
    nodes = {id(event.place.node): event.place.node for event in made}
    found: set[int] = set()
    for key, node in nodes.items():
        if key not in found:
            found.update(id(each) for each in walk(node) if each is not node and id(each) in nodes)
    return found


def _is_kept(event: Constructed, frame: Frame) -> bool:
    """Whether the object whose method makes it keeps it, and makes it under a test only: the first time."""
    tested = any(name != OFF and not is_mode_name(name) for guard in (*event.guards, *event.settled) for name in guard)
    receivers = [each.receiver for each in event.frames[event.frames.index(frame) :]]
    return tested and any(
        _holds(each, event.instance, 0)
        for receiver in receivers
        if isinstance(receiver, Instance)
        for each in _parts(receiver)
    )


def _parts(receiver: Instance) -> list[Value]:
    return [each for value in receiver.attributes.values() for each in alternatives(value)]


def _holds(value: Value, wanted: Instance, depth: int) -> bool:
    if value is wanted:
        return True
    if depth > 3 or not isinstance(value, (Items, Mapping)):
        return False
    inner = value.items if isinstance(value, Items) else tuple(value.entries.values())
    return any(_holds(each, wanted, depth + 1) for part in inner for each in alternatives(part))


def _depends_on_mode(event: Constructed) -> bool:
    return any(is_mode_name(name) for guard in (*event.guards, *event.settled) for name in guard)


def _named(frame: Frame) -> str:
    return f"{frame.owner.name}.{frame.name}()" if frame.owner is not None else f"{frame.name}()"


def _draft(event: Constructed, frame: Frame, builds: bool, context: Context) -> Draft | None:
    name = event.instance.class_name
    weights = has_weights(event.instance)
    fail = "fit() or predict() raises" if _depends_on_mode(event) else "fit() and predict() raise"
    outer = event.frames[event.frames.index(frame) :]
    where = f"inside {_named(frame)}" + (f", in {_named(outer[-1])}," if len(outer) > 1 else "")
    severity: Severity | None = None
    keras: tuple[str, ...] = ()
    if weights is True:
        raises = "" if context.backend == "jax" else f"; {fail} ValueError when tracing it"
        message = f"{name} is made {where} and begins anew in every call: its weights never learn{raises}"
    elif weights is False and content(event.instance).layers and context.backend != "jax":
        holding = context.on(3)
        if not holding.possible:
            return None
        on = version_text(context.keras) if holding.certain else holding.text
        severity, keras = (None, ()) if holding.certain else (Severity.NOTE, holding.versions)
        message = f"{name} is made {where} with a random state of its own: on {on} {fail} ValueError"
    else:
        return None
    return Draft(
        place=event.place,
        message=message,
        confidence=Confidence.LOW if builds else Confidence.HIGH,
        severity=severity,
        label="another layer in every call",
        help="make it in __init__() or build(), and call it here",
        chain=chain_of(outer) if len(outer) > 1 else (),
        probe=ProbeAt("made", event.place),
        keras=keras,
    )


RULE = Rule(
    code="KTM406",
    name="layer-created-in-call",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    since="0.1.0",
    applicability=None,
    triggers=(b"def call",),
    needs=(frozenset({"made-in-call"}),),
    local=True,
    check=check,
    doc=__doc__ or "",
)
