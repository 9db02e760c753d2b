"""A layer or model is called with `training=True` where its output is evaluated, predicted or served.

## What it does

Finds calls of a Keras layer or model in training mode (a literal, a constant, a default parameter, an item of
`**kwargs`, a partial, a configuration field, in the same function or handed through others) whose output is
scored, thresholded, decoded, stored, shown or returned, and never enters the gradient of the weights. A model of the
project may take the mode under a name of its own: then what its layers are given counts.

## Why is this bad

In training mode Dropout drops units, noise layers add noise, and BatchNormalization normalises with the
statistics of the batch and overwrites its moving statistics. Metrics come out worse than the model is, two
identical calls disagree, a prediction depends on what else is in the batch, and evaluating changes the model.
Dropout is inverted: survivors are scaled by 1/(1 - rate) in training, and inference is the identity, so
nothing has to be "scaled back".

Nothing has to be switched off for inference either: `predict()`, `evaluate()` and a bare `model(x)` run Dropout and
BatchNormalization in inference mode by themselves. Only augmentation layers are on in a bare call (KTM601). And
that `fit()` logs other numbers than `evaluate()` gives on the same data is no sign of a wrong mode: `fit()` averages
over an epoch, in training mode, while the weights still move.

Monte Carlo dropout (several passes over the same input that are put together), test-time augmentation,
training steps and unit tests of layers are left alone.

## Example

```python
def evaluate(model, x_test, y_test):
    logits = model(x_test, training=True)
    return np.mean(np.argmax(logits, axis=1) == y_test)
```

## Use instead

```python
def evaluate(model, x_test, y_test):
    logits = model(x_test, training=False)
    return np.mean(np.argmax(logits, axis=1) == y_test)
```

## Fix safety

Unsafe: it changes what the program computes, which is the point of it.

## References

- https://keras.io/getting_started/faq/#whats-the-difference-between-the-training-argument-in-call-and-the-trainable-attribute
- https://keras.io/api/layers/regularization_layers/dropout/

## Evidence

Keras 3.15.1, TensorFlow 2.21: 100 passes with `training=True` over shifted data
take a classifier with BatchNormalization from 95.9 % to 60.4 %, because the passes overwrite its moving
statistics.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dropout_lint.findings import Applicability, Confidence, Severity
from dropout_lint.rules.model import Change, Context, Draft, ProbeAt, Rule
from dropout_lint.rules.telling import (
    argument_at,
    chain_of,
    holders,
    is_argument,
    label_of,
    name_of_call,
    name_of_callee,
    stays_active,
    version_text,
)
from dropout_lint.semantics.events import Frame, ModeCall, Place, choosing_call
from dropout_lint.semantics.intent import uses_keras
from dropout_lint.semantics.models import Content, content, is_layer, is_model, mode_of
from dropout_lint.semantics.roles import CLEAR, STRONG, Role, off_switch, role_of
from dropout_lint.semantics.tags import tags_of
from dropout_lint.semantics.values import NONE, Const, Method, Opaque, alternatives, truth
from dropout_lint.semantics.views import is_a_view, is_called_augmenting
from dropout_lint.semantics.words import is_mode_name
from dropout_lint.semantics.words import words as name_words
from dropout_lint.syntax.lazy import cst

if TYPE_CHECKING:
    from collections.abc import Iterator


def check(context: Context) -> Iterator[Draft]:
    """Yield a finding for each call in training mode that is reached in inference."""
    for event in context.interpretation.events:
        if isinstance(event, ModeCall) and truth(event.flag) is True and _concerns(event, context):
            role = role_of(event, context.interpretation, context.names)
            confidence = _confidence(event, role)
            if confidence is not None:
                yield _draft(event, role, confidence, context)


def _concerns(event: ModeCall, context: Context) -> bool:
    """Whether it is a call of this rule's kind at all: not in a graph, not inside a layer's own ``call``."""
    if event.graph or event.discarded:
        return False
    if any(frame.hook == "call" for frame in event.frames) and _told(event) is None:
        return False
    if any(isinstance(each, Method) for each in alternatives(event.callee)) or isinstance(event.callee, Const):
        return False
    if any(isinstance(each, Const) and isinstance(each.value, str) for each in alternatives(event.flag)):
        return False
    if is_called_augmenting(event.callee_text) and not content(event.callee).layers:
        # the task of the model may be to compare views
        return not is_a_view(event, context.interpretation)
    if event.polarity is not None and not event.polarity.training:
        # where the flag is handed on it is turned round (KTM106): what callers choose is right
        return event.choice.place.node is event.polarity.place.node
    return not (event.how == "positional" and context.generation == 3)


def _told(event: ModeCall) -> Frame | None:
    """The outermost ``call`` round a layer, where whoever calls it chose the mode, under the project's own name for it.

    A flag called ``training`` is an event of its own where it is handed over.
    """
    outer = next((frame for frame in event.frames if frame.hook == "call"), None)
    if outer is None or outer.call is None or choosing_call(event) is not None:
        return None
    names = [name for name, each in outer.arguments.items() if each.value is event.flag]
    return outer if names and all(is_mode_name(name) and name != "training" for name in names) else None


def _confidence(event: ModeCall, role: Role) -> Confidence | None:
    if role.kind != "inference":
        return None
    held = content(event.callee)
    if held.empty or (held.complete and all(mode_of(layer) == "augmentation" for layer in held.layers)):
        return None
    points = role.points
    if not is_layer(event.callee) and not all(is_layer(each) for each in alternatives(event.callee)):
        if not uses_keras(event.frames) and ("model",) not in tags_of(event.callee):
            return None
        points -= 0 if _is_called_model(event) else 1 if isinstance(event.callee, Opaque) else 2
    elif event.frames[-1].owner is None and not any(is_model(each) for each in alternatives(event.callee)):
        # one bare layer in a script: somebody looks at what it does
        bare = isinstance(getattr(event.callee, "cls", None), str) or event.frames[-1].function is None
        points -= 2 if bare else 1
    if any(frame.name == "<lambda>" and frame.assumed for frame in event.frames):
        points -= 1
    if points >= STRONG:
        return Confidence.HIGH if held.layers else Confidence.MEDIUM
    if points >= CLEAR:
        return Confidence.MEDIUM
    return Confidence.LOW if points >= 2 else None


def _is_called_model(event: ModeCall) -> bool:
    """Whether something unknown is called a model by whoever wrote it, or comes from where models come from."""
    if not isinstance(event.callee, Opaque):
        return False
    last = event.callee_text.rpartition(".")[2]
    return ("model",) in event.callee.tags or not {"model", "net", "network"}.isdisjoint(name_words(last))


def _draft(event: ModeCall, role: Role, confidence: Confidence, context: Context) -> Draft:
    held = content(event.callee)
    told = _told(event)
    subject = name_of_callee(event) if told is None or told.call is None else _name_of_call(told.call)
    reason = role.reason
    message = f"`{subject}` runs with training=True in inference: {stays_active(held)}"
    anchor = Place(event.choice.place.module, argument_at(event.choice.call, event.choice.place.node))
    notes = [f"this is inference: {reason}"] if reason else []
    notes += _state_note(held, context)
    call = event.place
    if anchor.node is not call.node and not is_argument(anchor.node, call.node):
        notes.append("the flag is chosen here and used by the call at the end of the chain")
    return Draft(
        place=anchor,
        message=message,
        confidence=confidence,
        label=label_of(held),
        help=_help(event),
        notes=tuple(notes),
        chain=(*chain_of(event.frames), (call, f"{name_of_callee(event)}(…)")) if len(event.frames) > 1 else (),
        fix_title="pass training=False",
        applicability=Applicability.UNSAFE,
        changes=_changes(event),
        probe=ProbeAt("call", call, False),
    )


def _name_of_call(call: Place) -> str:
    func = call.node.func if isinstance(call.node, cst.Call) else call.node
    return name_of_call(call.module.source_of(func), NONE)


def _state_note(held: Content, context: Context) -> list[str]:
    changed = holders(held)
    if not changed:
        return []
    name = changed[0].class_name
    return (
        [f"every such call also overwrites the moving statistics of {name}{_on(context)}"]
        if name.endswith("BatchNormalization")
        else []
    )


def _on(context: Context) -> str:
    return f", on {version_text(context.keras)}" if context.keras is not None else ""


def _help(event: ModeCall) -> str:
    name = event.choice.parameter
    switch = off_switch(event.frames)
    if switch is not None and _is_literal(event):
        return f"pass on the caller's flag: {name}={switch}"
    return f"pass {name}=False here" if event.choice.place.node is event.choice.call else f"pass {name}=False"


def _is_literal(event: ModeCall) -> bool:
    return (
        isinstance(event.choice.place.node, (cst.Name, cst.Integer))
        and _literal_text(event.choice.place.node) is not None
    )


def _literal_text(node: cst.CSTNode) -> str | None:
    if isinstance(node, cst.Name) and node.value == "True":
        return "False"
    if isinstance(node, cst.Integer):
        return "0"
    return None


def _changes(event: ModeCall) -> tuple[Change, ...]:
    choice = event.choice
    node = choice.place.node
    if node is choice.call:
        return (Change("add-argument", choice.place, f"{choice.parameter}=False"),)
    if isinstance(node, cst.Arg):
        mapping = choice.place.module.tree.code_for_node(node.value).strip()
        known = event.flag.origin is not None if isinstance(event.flag, Const) else False
        if known and _only_training(event, node):
            return (Change("replace", choice.place, f"{choice.parameter}=False"),)
        return (Change("replace", choice.place, f'**{{**{mapping}, "training": False}}'),)
    switch = off_switch(event.frames)
    literal = _literal_text(node)
    if literal is not None and switch is not None and switch in _parameters(event):
        return (Change("replace", choice.place, switch),)
    return (Change("replace", choice.place, literal or "False"),)


def _parameters(event: ModeCall) -> frozenset[str]:
    function = event.choice.frame.function
    return frozenset(each.name.value for each in function.node.params.params) if function is not None else frozenset()


def _only_training(event: ModeCall, node: cst.Arg) -> bool:
    from dropout_lint.semantics.values import Mapping

    found = event.choice.frame.module.scope.find(node.value.value) if isinstance(node.value, cst.Name) else None
    return isinstance(found, Mapping) and list(found.entries) == ["training"]


RULE = Rule(
    code="KTM101",
    name="training-true-in-inference",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    since="0.1.0",
    applicability=Applicability.UNSAFE,
    triggers=(b"training", b", True)"),
    needs=(frozenset({"flag-true", "flag-other", "flag-true-default", "flag-by-position"}),),
    check=check,
    doc=__doc__ or "",
)
