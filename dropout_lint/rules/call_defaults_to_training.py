"""`call` defaults to `training=True`: wherever a call says nothing, the layers inside run in training mode.

## What it does

Finds `def call(self, …, training=True)` of a Keras layer or model that holds dropout, batch normalisation or another
layer that depends on the mode, or that runs a dropout function under `if training`.

## Why is this bad

Everywhere else in Keras a call that says nothing is inference. Here a bare `model(x)` drops units and normalises with
the batch, and BatchNormalization overwrites its statistics: in evaluation loops, in `tf.function`s that are served, in
notebooks. `fit()`, `evaluate()` and `predict()` pass the mode and hide it. On Keras 3 a layer like this also switches
what is called after it in the same `call`, and inside a model whose own `call` has no `training` parameter it stays in
training mode in `evaluate()` and `predict()` too.

Where every call in sight says the mode, the default never speaks: these findings have low confidence.
Augmentation layers (Keras's own default to True), classes for Monte Carlo dropout, and layers in which nothing depends
on the mode are left alone.

## Example

```python
class Encoder(keras.layers.Layer):
    def call(self, x, training=True):
        return self.dropout(self.dense(x), training=training)
```

## Use instead

```python
class Encoder(keras.layers.Layer):
    def call(self, x, training=None):
        return self.dropout(self.dense(x), training=training)
```

## Fix safety

Unsafe: a loop that trains with a bare `model(x)` and leans on the default has to pass `training=True` then.

## References

- https://keras.io/guides/making_new_layers_and_models_via_subclassing/#privileged-training-argument-in-the-call-method

## Evidence

keras 3.15.1 and tf_keras 2.21, a dropout layer inside a layer or a model with that default: active in a bare call on
both, in fit only besides. keras 3.15.1: a Dropout called after it without a flag is active in a bare `model(x)` (not on
tf_keras), and inside a Model with `call(self, x)` it is active in predict and evaluate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dropout_lint.findings import Applicability, Confidence, Severity
from dropout_lint.keras.entry_points import DROPOUT_FUNCTIONS, KEEP_PROBABILITY_FUNCTIONS
from dropout_lint.keras.layers import layer as layer_facts
from dropout_lint.rules.model import Change, Context, Draft, ProbeAt, Rule
from dropout_lint.rules.telling import stays_active
from dropout_lint.semantics.events import FunctionCall, LayerCall, ModelUse, Place
from dropout_lint.semantics.intent import class_says_intent
from dropout_lint.semantics.models import MODEL_NAMES, Content, content, is_keras_class, mode_of
from dropout_lint.semantics.noise import follows_mode
from dropout_lint.semantics.signatures import default_of, own_call, parameter, written
from dropout_lint.semantics.trials import is_test_code
from dropout_lint.semantics.values import ClassValue, FunctionValue, Instance, truth
from dropout_lint.semantics.words import is_mode_name

if TYPE_CHECKING:
    from collections.abc import Iterator

_FUNCTIONS = DROPOUT_FUNCTIONS | KEEP_PROBABILITY_FUNCTIONS


def check(context: Context) -> Iterator[Draft]:
    """Yield a finding for each ``call`` that trains unless it is told not to."""
    for cls in context.interpretation.classes:
        call = cls.attributes.get("call")
        if not isinstance(call, FunctionValue) or not _is_keras(cls):
            continue
        function = written(call)
        if truth(default_of(function, "training")) is not True or class_says_intent(cls):
            continue
        layers, functions = _switched(function, context)
        if layers or functions:
            yield _draft(cls, function, layers, functions, context)


def _is_keras(cls: ClassValue) -> bool:
    """Whether Keras runs its ``call``, and it is no preprocessing by its base."""
    if not is_keras_class(cls):
        return False
    facts = layer_facts(cls.keras_base or "")
    return facts is None or facts.mode != "augmentation"


def _switched(call: FunctionValue, context: Context) -> tuple[list[Instance], list[str]]:
    """The layers, and the dropout functions, that the parameter switches."""
    layers: dict[int, Instance] = {}
    functions: list[str] = []
    for event in context.interpretation.among((LayerCall, FunctionCall), _functions, id(call.node)):
        if is_test_code(event.frames):
            continue
        if isinstance(event, LayerCall):
            if event.flag is None or follows_mode(event.flag.value):
                held = (layer for layer in content(event.callee).layers if mode_of(layer) != "augmentation")
                layers.update((layer.serial, layer) for layer in held)
        elif event.name in _FUNCTIONS and _follows(event):
            functions.append(event.name.rpartition(".")[2])
    return list(layers.values()), functions


def _functions(event: LayerCall | FunctionCall) -> Iterator[int]:
    """The functions (ids of their nodes) by which something is reached."""
    return (id(frame.function.node) for frame in event.frames if frame.function is not None)


def _follows(event: FunctionCall) -> bool:
    return any(is_mode_name(name) for guard in event.guards for name in guard) or any(
        tag[0] == "mode" for tag in event.input_tags
    )


def _confidence(call: FunctionValue, context: Context) -> Confidence:
    """High where somebody in sight calls it and says nothing, low where everybody who calls it says the mode."""
    told = untold = False
    for event in context.interpretation.that((LayerCall, ModelUse), _run, id(call.node)):
        says = isinstance(event, LayerCall) and event.flag is not None
        counts = isinstance(event, ModelUse) or not event.graph
        if not says and counts:
            return Confidence.HIGH
        told, untold = told or says, untold or not says
    return Confidence.LOW if told and not untold else Confidence.MEDIUM


def _run(event: LayerCall | ModelUse) -> int | None:
    """By what calls are found: the ``call`` of the project that is run (id of its node)."""
    if isinstance(event, LayerCall):
        found = own_call(event.callee) if event.direct else None
    else:
        found = own_call(event.receiver) if event.bare is not None else None
    return id(written(found).node) if found is not None else None


def _draft(
    cls: ClassValue, call: FunctionValue, layers: list[Instance], functions: list[str], context: Context
) -> Draft:
    given = parameter(call, "training")
    assert given is not None
    assert given.default is not None
    is_model = cls.keras_base in MODEL_NAMES
    told = stays_active(Content(tuple(layers))) if layers else f"{functions[0]}() stays active"
    where = "a bare call of the model" if is_model else "a bare call of the layer, or of a model round it"
    leaks = context.where("default-true-leaks-to-siblings")
    notes = (
        (
            f"on {leaks.text} the layers that are called after it without a flag follow it",
            f"in a Model whose call() has no `training`, {leaks.text} runs it so in evaluate() and predict() too",
        )
        if leaks.possible and not is_model
        else ()
    )
    return Draft(
        place=Place(call.module, given),
        message=(
            f"{cls.name}.call() takes training=True where nothing is said: in {where} {told}; "
            "fit(), evaluate() and predict() pass the mode"
        ),
        confidence=_confidence(call, context),
        label="inference is the default everywhere else in Keras",
        help="make the default None, and pass training=True where a loop of yours trains",
        notes=notes,
        fix_title="make the default None",
        applicability=Applicability.UNSAFE,
        changes=(Change("replace", Place(call.module, given.default), "None"),),
        probe=ProbeAt("default", Place(call.module, given), False),
    )


RULE = Rule(
    code="KTM401",
    name="call-defaults-to-training",
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    since="0.1.0",
    applicability=Applicability.UNSAFE,
    triggers=(b"def call",),
    needs=(frozenset({"flag-true", "flag-true-default", "flag-other"}),),
    local=True,
    check=check,
    doc=__doc__ or "",
)
