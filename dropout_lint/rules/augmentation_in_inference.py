"""Random augmentation is applied to data that are evaluated, predicted or served.

## What it does

Finds augmentation layers (`RandomFlip`, `RandomRotation` and all the others), and functional or Sequential models
that hold them, called with `training=True` or without any flag on validation or test data, in a hand-written
evaluation, in a serving method; and where one call augments what is then split into training and validation data.

## Why is this bad

Augmentation layers are the exception among Keras layers: their default is `training=True`. `predict()`,
`evaluate()` and `model(x, training=False)` switch them off; a bare `model(x)` does not, although it switches
Dropout and BatchNormalization off. Two requests with the same image get different answers, and a validation set
that is flipped and cropped measures something else than the model.

Test-time augmentation (several passes over one input that are put together), pseudo-labels and whatever ends in a
training step are left alone.

## Example

```python
def classify(model, image):  # model holds RandomRotation
    return np.argmax(model(image[None]))
```

## Use instead

```python
def classify(model, image):
    return np.argmax(model(image[None], training=False))
```

## Fix safety

Unsafe: it changes what the call computes.

## References

- https://keras.io/api/layers/preprocessing_layers/image_augmentation/
- https://keras.io/guides/preprocessing_layers/

## Evidence

Keras 3.3 to 3.15.1 and tf_keras 2.21: a bare `model(x)` of a model with Random* layers
gives another answer on every call, `predict()` the same one. A validation set mapped through
flips, shifts and noise measures an accuracy of .52 where the model has 1.00.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeGuard

from dropout_lint.findings import Applicability, Confidence, Severity
from dropout_lint.rules.model import Change, Context, Draft, ProbeAt, Rule
from dropout_lint.rules.telling import argument_at, chain_of, label_of, name_of_callee
from dropout_lint.semantics.events import ModeCall, ModelUse, Place
from dropout_lint.semantics.models import augmenting_layers, content, inner_layers, mode_of, switched_off_in_graph
from dropout_lint.semantics.roles import CLEAR, STRONG, Evidence, Role, role_of, role_of_use
from dropout_lint.semantics.trials import is_test_code
from dropout_lint.semantics.values import Instance, alternatives, truth
from dropout_lint.semantics.views import is_a_view
from dropout_lint.syntax.lazy import cst

if TYPE_CHECKING:
    from collections.abc import Iterator


_MEASURED = frozenset({"evaluate()", "fit() as validation_data"})
_APART = "augment the training data alone, once they are set apart"


def check(context: Context) -> Iterator[Draft]:
    """Yield a finding for each augmenting call that is reached in inference."""
    for event in context.interpretation.events:
        if any(frame.hook == "call" for frame in getattr(event, "frames", ())):
            continue
        if isinstance(event, ModeCall):
            yield from _with_flag(event, context)
        elif _says_nothing(event):
            yield from _bare(event, context)


def _with_flag(event: ModeCall, context: Context) -> Iterator[Draft]:
    if event.graph or event.discarded or truth(event.flag) is not True:
        return
    held = content(event.callee)
    kinds = {mode_of(layer) for layer in held.layers}
    # beside dropout or batch statistics the flag does more harm, and another rule says so
    if not held.complete or "augmentation" not in kinds or kinds - {"augmentation", "noise"}:
        return
    held_out = _split_afterwards(event)
    role = held_out or role_of(event, context.interpretation, context.names)
    confidence = _confidence(event, role)
    if confidence is None or is_a_view(event, context.interpretation):
        return
    anchor = Place(event.choice.place.module, argument_at(event.choice.call, event.choice.place.node))
    literal = isinstance(event.choice.place.node, cst.Name) and event.choice.place.node.value == "True" and not held_out
    yield Draft(
        place=anchor,
        message=f"`{name_of_callee(event)}` augments with training=True in inference: the data are changed at random",
        confidence=confidence,
        label=label_of(held),
        help=_APART if held_out else "pass training=False, or leave the augmentation out here",
        notes=(f"this is inference: {role.reason}",) if role.reason else (),
        chain=(*chain_of(event.frames), (event.place, f"{name_of_callee(event)}(…)")) if len(event.frames) > 1 else (),
        fix_title="pass training=False",
        applicability=Applicability.UNSAFE,
        changes=(Change("replace", event.choice.place, "False"),) if literal else (),
        probe=ProbeAt("call", event.place, False) if not held_out else None,
    )


def _split_afterwards(event: ModeCall | ModelUse) -> Role | None:
    """Inference where one call augments for training and for validation, as before the data are split; or None."""
    named = [use for use in event.uses if use.kind == "named"]
    measured = [use for use in event.uses if use.kind == "inference-input" and use.text in _MEASURED]
    if not event.used("train-input") or not named or not measured or is_test_code(event.frames):
        return None
    return Role("inference", (Evidence(CLEAR, f"`{named[0].text}` goes into {measured[0].text}"),))


def _says_nothing(event: object) -> TypeGuard[ModelUse]:
    """Whether something is called without a word on the mode."""
    return (
        isinstance(event, ModelUse)
        and event.kind in {"call", "layer-call"}
        and event.bare is not None
        and not event.bare.none
    )


def _bare(event: ModelUse, context: Context) -> Iterator[Draft]:
    callees = alternatives(event.receiver)
    layers = [layer for each in callees for layer in augmenting_layers(each)]
    if not layers or not all(augmenting_layers(each) for each in callees):
        return
    if switched_off_in_graph(tuple(layers), context.interpretation):
        return
    held_out = _split_afterwards(event)
    role = held_out or role_of_use(event, context.interpretation, context.names)
    confidence = _confidence(event, role)
    if confidence is None or not context.where("bare-call-augments").certain:
        return
    if is_a_view(event, context.interpretation):
        return
    node = event.place.node
    shown = _callee(event)
    names = list(dict.fromkeys(layer.class_name for layer in layers))
    kept = event.kind == "layer-call"
    yield Draft(
        place=event.place,
        message=(
            f"`{shown}` is called without a flag in inference: "
            f"{'its default is' if kept else f'{names[0]} in it has the default'} training=True, so the input is "
            "changed at random"
        ),
        confidence=confidence,
        label=f"{' and '.join(names[:2])} {'act' if len(names) > 1 else 'acts'} here",
        help=_APART if held_out else "pass training=False",
        notes=(
            *((f"this is inference: {role.reason}",) if role.reason else ()),
            *(() if kept else ("predict() and evaluate() of this model do not augment",)),
        ),
        chain=chain_of(event.frames) if len(event.frames) > 1 else (),
        fix_title="pass training=False",
        applicability=Applicability.UNSAFE,
        changes=(Change("add-argument", event.place, "training=False"),)
        if isinstance(node, cst.Call) and not held_out
        else (),
        probe=ProbeAt("call", event.place, False) if not held_out else None,
    )


def _callee(event: ModelUse) -> str:
    node = event.place.node
    if isinstance(node, cst.Call):
        text = event.place.module.tree.code_for_node(node.func).strip()
        if len(text) <= 40:
            return text
    return event.receiver.class_name if isinstance(event.receiver, Instance) else "the model"


def _confidence(event: ModeCall | ModelUse, role: Role) -> Confidence | None:
    if role.kind != "inference":
        return None
    points = role.points
    if _only_augments(event) and not event.used("inference-input", "metric", "decision", "score", "saved", "response"):
        # pictures of what the augmentation does
        return None
    if _single_layer(event):
        # one layer in a script: somebody looks at what it does
        points -= 2 if event.frames[-1].function is None else 1
    if not _seen(event):
        points -= 1
    if points >= STRONG:
        return Confidence.HIGH
    if points >= CLEAR:
        return Confidence.MEDIUM
    return Confidence.LOW if points >= 2 else None


def _single_layer(event: ModeCall | ModelUse) -> bool:
    receiver = event.callee if isinstance(event, ModeCall) else event.receiver
    return isinstance(receiver, Instance) and mode_of(receiver) == "augmentation"


def _only_augments(event: ModeCall | ModelUse) -> bool:
    """Whether what is called changes images and does nothing else."""
    receiver = event.callee if isinstance(event, ModeCall) else event.receiver
    if not isinstance(receiver, Instance):
        return False
    inside = inner_layers(receiver)
    parts = inside if inside is not None else (receiver,)
    return all(isinstance(each, Instance) and mode_of(each) in {"augmentation", "noise"} for each in parts)


def _seen(event: ModeCall | ModelUse) -> bool:
    """Whether anything shows that the outcome is used: as data for inference, as an answer, a file."""
    return bool(
        event.used("inference-input", "metric", "decision", "score", "saved", "response", "returned", "converted")
    ) or any(tag[0] == "data" and tag[1] == "held-out" for tag in event.input_tags)


RULE = Rule(
    code="KTM601",
    name="augmentation-in-inference",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    since="0.1.0",
    applicability=Applicability.UNSAFE,
    triggers=(b"Random", b"MixUp", b"CutMix", b"RandAugment", b"AugMix"),
    needs=(frozenset({"augmentation"}),),
    check=check,
    doc=__doc__ or "",
)
