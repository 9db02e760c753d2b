"""A layer's or model's `call` runs a sublayer with `training=True`: it stays on in every entry point.

## What it does

Finds `self.drop(x, training=True)` inside `call` (or in a method that `call` uses), also where the flag is an
attribute or a constructor argument that is True, and `super().call(x, training=True)` of a layer whose
behaviour depends on the mode.

## Why is this bad

An explicit flag wins over what `evaluate()` and `predict()` ask for, on Keras 2 and on every Keras 3. Dropout
keeps dropping in `predict()`; BatchNormalization normalises with the batch, so a prediction depends on what
else is in it, and rewrites its statistics on every call. The flag survives saving and loading.

Layers and wrappers whose purpose it is (Monte Carlo or Bayesian by the name of the class, the file or its folder, or
by the docstring), models that some program of the project draws from several times, a flag behind a switch, and calls
under `if training:` are left alone. A constructor argument like `use_dropout=True` that nobody sets is no such switch.

## Example

```python
class Classifier(keras.Model):
    def call(self, x, training=None):
        h = self.dropout(self.dense(x), training=True)
        return self.head(h)
```

## Use instead

```python
class Classifier(keras.Model):
    def call(self, x, training=None):
        h = self.dropout(self.dense(x), training=training)
        return self.head(h)
```

## Fix safety

Unsafe: it changes what the model computes in evaluation and prediction.

## References

- https://keras.io/guides/making_new_layers_and_models_via_subclassing/#privileged-training-argument-in-the-call-method

## Evidence

Keras 3.15.1: a classifier with one hard-coded Dropout evaluates to .875, .879 and
.883 in three identical calls, and to .973 with the flag overridden; with hard-coded BatchNormalization
accuracy is .525 at batch size 1 and .945 at 512.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dropout_lint.findings import Applicability, Confidence, Severity
from dropout_lint.rules.model import Change, Context, Draft, ProbeAt, Rule
from dropout_lint.rules.telling import argument_at, chain_of, holders, label_of, stays_active, version_text
from dropout_lint.semantics.events import Frame, ModeCall, ModelUse, Place, choosing_call
from dropout_lint.semantics.intent import drawn_passes, is_handed_in, says_it_is_meant, switches, uses_keras
from dropout_lint.semantics.models import Content, content, is_layer, layers_used, mode_of
from dropout_lint.semantics.trials import is_test_code
from dropout_lint.semantics.values import (
    ClassValue,
    Const,
    FunctionValue,
    Instance,
    Method,
    Opaque,
    alternatives,
    truth,
)
from dropout_lint.semantics.words import is_mode_name, words
from dropout_lint.syntax.lazy import cst
from dropout_lint.syntax.walk import contains, last_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dropout_lint.semantics.events import Interpretation


def check(context: Context) -> Iterator[Draft]:
    """Yield a finding for each sublayer that ``call`` forces into training mode."""
    for event in context.interpretation.events:
        if not isinstance(event, ModeCall) or event.graph or truth(event.flag) is None:
            continue
        frame = _chosen_in_call(event)
        if truth(event.flag) is False:
            if frame is not None and is_handed_in(event):
                # a copy for training and one for inference, each made in its mode
                yield Draft(_anchor(event), "", Confidence.HIGH)
            continue
        if frame is None or is_test_code(event.frames):
            continue
        if _drawn_from(event, frame, context):
            yield Draft(_anchor(event), "", Confidence.HIGH)
            continue
        if _meant(event, frame, context):
            continue
        confidence = _confidence(event, frame)
        if confidence is not None:
            yield _draft(event, frame, confidence, context)


def _chosen_in_call(event: ModeCall) -> Frame | None:
    """The frame of the ``call`` in which, or below which, the flag is chosen."""
    if any(isinstance(each, Method) for each in alternatives(event.callee)):
        return None
    if isinstance(event.flag, Const) and isinstance(event.flag.value, str):
        return None
    return choosing_call(event)


def _anchor(event: ModeCall) -> Place:
    return Place(event.choice.place.module, argument_at(event.choice.call, event.choice.place.node))


def _meant(event: ModeCall, frame: Frame, context: Context) -> bool:
    if says_it_is_meant(event):
        return True
    if any(frame in use.frames for use in event.used("gradient")):
        # a training step that `call` itself performs
        return True
    if any(is_mode_name(name) for names in event.settled for name in names):
        # whoever makes the layer has chosen: `if self.is_training:`
        return True
    return _is_switch(event, frame, context)


_EXISTENCE = frozenset({"apply", "use", "with", "add", "has", "have", "include"})


def _is_switch(event: ModeCall, frame: Frame, context: Context) -> bool:
    """Whether whoever makes the layer can choose: a constructor argument that is not simply the mode.

    ``use_dropout=True`` asks whether there is dropout, not when it drops: where nobody asks otherwise, and the model is
    trained in sight, that is no choice of what it does afterwards.
    """
    node = event.choice.place.node
    origin = event.flag.origin if isinstance(event.flag, Const) else None
    parameter = isinstance(node, cst.Name) and (node.value in frame.arguments or node.value in frame.defaulted)
    if origin is None or not (isinstance(node, cst.Attribute) or parameter):
        return False
    owner = frame.owner
    own = owner is not None and any(contains(cls.node, origin.node) for cls in owner.ancestry())
    in_default = own and owner is not None and _is_default(owner, origin.node)
    name = last_name(node)
    if in_default and _EXISTENCE.intersection(words(name)) and not switches(name) and _is_trained(event, context):
        return False
    return (not own or in_default) and not is_mode_name(name)


def _is_trained(event: ModeCall, context: Context) -> bool:
    trained = layers_used(context.interpretation, "train")
    return any(layer.serial in trained for layer in content(event.callee).layers)


def _is_default(cls: ClassValue, node: cst.CSTNode) -> bool:
    init = cls.find("__init__")
    if not isinstance(init, FunctionValue):
        return False
    parameters = (*init.node.params.params, *init.node.params.kwonly_params)
    return any(each.default is node for each in parameters)


def _drawn_from(event: ModeCall, frame: Frame, context: Context) -> bool:
    """Whether the program draws several times from a model that holds this layer, or one of the same class."""
    drawn = context.interpretation.once(_drawn)
    if isinstance(frame.receiver, Instance) and id(frame.receiver.cls) in drawn:
        return True
    parts = (event.callee, frame.receiver, *content(event.callee).layers)
    return any(id(each) in drawn for each in parts)


def _drawn(interpretation: Interpretation) -> frozenset[int]:
    """The models that a program draws from, their layers, and their classes in the project (their ids)."""
    models = {
        id(event.receiver): event.receiver
        for event in drawn_passes(interpretation)
        if isinstance(event, ModelUse) and event.kind in {"inference", "call"}
    }
    layers = (id(layer) for model in models.values() for layer in content(model).layers)
    classes = (
        id(model.cls) for model in models.values() if isinstance(model, Instance) and isinstance(model.cls, ClassValue)
    )
    return frozenset((*models, *layers, *classes))


def _confidence(event: ModeCall, frame: Frame) -> Confidence | None:
    held = content(event.callee)
    if held.empty or (held.layers and all(mode_of(layer) == "augmentation" for layer in held.layers)):
        return None
    owner = frame.owner
    base = owner.keras_base if owner is not None else None
    literal = isinstance(event.choice.place.node, (cst.Name, cst.Integer)) and not (
        isinstance(event.choice.place.node, cst.Name) and event.choice.place.node.value != "True"
    )
    if held.layers and base is not None:
        return Confidence.HIGH if literal else Confidence.MEDIUM
    if base == "keras.layers.Wrapper" or (is_layer(event.callee) and held.layers):
        return Confidence.MEDIUM
    if base is not None and isinstance(event.callee, Opaque) and uses_keras(event.frames):
        return Confidence.LOW
    return Confidence.MEDIUM if base is not None and is_layer(event.callee) else Confidence.LOW


def _draft(event: ModeCall, frame: Frame, confidence: Confidence, context: Context) -> Draft:
    held = content(event.callee)
    owner = frame.owner.name if frame.owner is not None else "the class"
    anchor = _anchor(event)
    has_parameter = "training" in _parameters(frame)
    return Draft(
        place=anchor,
        message=(
            f"{owner}.call() runs `{event.callee_text}` with training=True: "
            f"{_consequence(held)} in evaluate() and predict() too"
        ),
        confidence=confidence,
        label=label_of(held),
        help="pass the mode on: training=training"
        if has_parameter
        else "leave the flag out, so that the mode of the call is inherited",
        notes=_notes(held, context),
        chain=chain_of(event.frames[event.frames.index(frame) :]) if event.frames[-1] is not frame else (),
        fix_title="pass training=training" if has_parameter else "leave training=True out",
        applicability=Applicability.UNSAFE,
        changes=_changes(event, anchor, frame, has_parameter),
        probe=ProbeAt("layer-call", event.place, "inherit"),
    )


def _consequence(held: Content) -> str:
    return stays_active(held) if held.layers else "what it holds stays in training mode"


def _notes(held: Content, context: Context) -> tuple[str, ...]:
    changed = holders(held)
    if changed:
        version, name = version_text(context.keras), changed[0].class_name
        return (f"on {version} predict() and evaluate() also overwrite the moving statistics of {name}",)
    return ()


def _parameters(frame: Frame) -> frozenset[str]:
    assert frame.function is not None
    parameters = frame.function.node.params
    return frozenset(each.name.value for each in (*parameters.params, *parameters.kwonly_params))


def _changes(event: ModeCall, anchor: Place, frame: Frame, has_parameter: bool) -> tuple[Change, ...]:
    if event.choice.place.node is event.choice.call:
        return ()
    if has_parameter and event.choice.frame is frame:
        return (Change("replace", event.choice.place, "training"),)
    if isinstance(anchor.node, cst.Arg) and anchor.node.keyword is not None:
        return (Change("remove-argument", anchor, call=Place(anchor.module, event.choice.call)),)
    return ()


RULE = Rule(
    code="KTM103",
    name="training-hardcoded-in-call",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    since="0.1.0",
    applicability=Applicability.UNSAFE,
    triggers=(b"training",),
    needs=(frozenset({"flag-true", "flag-other", "flag-true-default", "flag-by-position"}),),
    local=True,
    withdraws=True,
    check=check,
    doc=__doc__ or "",
)
