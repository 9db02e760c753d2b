"""`trainable` is handed over as the training flag: the mode follows from what is frozen, not from what is run.

## What it does

Finds `training=self.trainable` and `training=layer.trainable` in calls of layers and models, also through variables
and functions.

## Why is this bad

`trainable` says whether weights get gradients, `training` says which mode a call runs in. `trainable` is True unless
somebody freezes the layer, so `evaluate()` and `predict()` run it as in training: dropout drops, BatchNormalization
normalises by the batch and overwrites its statistics.

`training and self.trainable` is right for a layer with batch statistics, and is left alone.

## Example

```python
def call(self, x):
    return self.drop(self.dense(x), training=self.trainable)
```

## Use instead

```python
def call(self, x, training=None):
    return self.drop(self.dense(x), training=training)
```

## Fix safety

Unsafe: it changes what the model computes.

## References

- https://keras.io/getting_started/faq/#whats-the-difference-between-the-training-argument-in-call-and-the-trainable-attribute

## Evidence

Keras 3.15.1 and tf_keras 2.21: with `training=self.trainable` in a model's `call`, dropout
is on in predict.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dropout_lint.findings import Applicability, Confidence, Severity
from dropout_lint.rules.model import Change, Context, Draft, ProbeAt, Rule
from dropout_lint.rules.telling import argument_at, chain_of, label_of, name_of_callee
from dropout_lint.semantics.events import ModeCall, Place
from dropout_lint.semantics.models import content, is_layer
from dropout_lint.semantics.receivers import is_layer_of_known_model, sureness
from dropout_lint.semantics.trials import is_test_code
from dropout_lint.semantics.values import FunctionValue, Opaque
from dropout_lint.syntax.lazy import cst

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dropout_lint.semantics.events import Interpretation


def check(context: Context) -> Iterator[Draft]:
    """Yield a finding for each flag that is the `trainable` of a layer."""
    for event in context.interpretation.events:
        if not isinstance(event, ModeCall) or is_test_code(event.frames) or content(event.callee).empty:
            continue
        if not _is_trainable_of_a_layer(event, context.interpretation):
            continue
        confidence = sureness(event.callee, event.callee_text, event.frames, context.interpretation)
        if confidence is None and _in_layer(event):
            confidence = Confidence.MEDIUM
        if confidence is not None:
            yield _draft(event, confidence)


def _is_trainable_of_a_layer(event: ModeCall, interpretation: Interpretation) -> bool:
    key = event.flag.key if isinstance(event.flag, Opaque) else None
    if key is not None and key[-1] == "trainable":
        if len(key) == 3 and key[0] == "instance":
            layer = interpretation.instance(key[1])
            return layer is not None and is_layer(layer)
        return is_layer_of_known_model(Opaque(key=key[:-1]), interpretation)
    return _reads_own(event)


def _reads_own(event: ModeCall) -> bool:
    """``self.trainable`` of a layer that sets it itself, so that its value is known."""
    node, frame = event.choice.place.node, event.choice.frame
    if not isinstance(node, cst.Attribute) or node.attr.value != "trainable" or frame.function is None:
        return False
    parameters = frame.function.node.params.params
    return (
        frame.receiver is not None
        and is_layer(frame.receiver)
        and isinstance(node.value, cst.Name)
        and bool(parameters)
        and parameters[0].name.value == node.value.value
    )


def _in_layer(event: ModeCall) -> bool:
    return any(frame.hook == "call" for frame in event.frames)


def _draft(event: ModeCall, confidence: Confidence) -> Draft:
    subject = name_of_callee(event)
    module = event.choice.place.module
    told = module.tree.code_for_node(event.choice.place.node).strip()
    where = "evaluate() and predict() run it as in training" if _in_layer(event) else "it runs as in training"
    return Draft(
        place=Place(module, argument_at(event.choice.call, event.choice.place.node)),
        message=f"`{subject}` takes `{told}` for its training flag: "
        f"{where} unless the layer is frozen, since `trainable` is about weights",
        confidence=confidence,
        label=label_of(content(event.callee)),
        help="hand over the mode: training=training",
        chain=(*chain_of(event.frames), (event.place, f"{subject}(…)")) if len(event.frames) > 1 else (),
        fix_title="hand over the mode",
        applicability=Applicability.UNSAFE,
        changes=_changes(event),
        probe=ProbeAt("graph-call" if event.graph else "call", event.place, False),
    )


def _changes(event: ModeCall) -> tuple[Change, ...]:
    """``training=training``, with a parameter of that name where Keras will fill it in."""
    frame, node = event.choice.frame, event.choice.place.node
    if not isinstance(node, cst.Attribute) or not isinstance(frame.function, FunctionValue):
        return ()
    replaced = Change("replace", event.choice.place, "training")
    if "training" in frame.parameters:
        return (replaced,)
    if frame.hook != "call":
        return ()
    function = Place(event.choice.place.module, frame.function.node)
    return (replaced, Change("add-parameter", function, "training=None"))


RULE = Rule(
    code="KTM209",
    name="trainable-as-training",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    since="0.1.0",
    applicability=Applicability.UNSAFE,
    triggers=(b".trainable",),
    needs=(frozenset({"flag-other", "trainable-handed"}),),
    local=True,
    check=check,
    doc=__doc__ or "",
)
