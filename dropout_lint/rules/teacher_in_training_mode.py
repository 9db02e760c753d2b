"""A model that a training step uses but does not train (a teacher, a feature extractor) runs with `training=True`.

## What it does

Finds `teacher(x, training=True)` whose output enters the loss of another model, where no gradient in sight updates the
weights of `teacher` and nothing else trains it in the same loop.

## Why is this bad

The student learns from answers that are drawn at random: the teacher's dropout drops units. Its BatchNormalization
uses the statistics of the student's batch instead of its own, and overwrites its own with every step, so that the
teacher itself gets worse while nobody trains it.

Generators and discriminators that are trained by another step, averages of the student's own weights (mean teacher,
momentum encoder), repeated passes that are put together, and frozen batch normalisation are left alone. A target
network whose values are discounted and added to rewards is no mean teacher, and its dropout is found.

## Example

```python
soft = self.teacher(x, training=True)
with tf.GradientTape() as tape:
    loss = divergence(soft, self.student(x, training=True))
gradients = tape.gradient(loss, self.student.trainable_variables)
```

## Use instead

```python
soft = self.teacher(x, training=False)
with tf.GradientTape() as tape:
    loss = divergence(soft, self.student(x, training=True))
gradients = tape.gradient(loss, self.student.trainable_variables)
```

## Fix safety

Unsafe: it changes what the student learns from.

## References

- https://keras.io/examples/vision/knowledge_distillation/

## Evidence

Keras 3.15.1: in two epochs of distillation on shifted data the moving mean of the teacher moves by more than 0.1; a
ready-made network that only measures a loss leaves its initial statistics in the first step; the dropout of a target
network runs (the programs in fixtures/teacher-in-training-mode).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dropout_lint.findings import Applicability, Confidence, Severity
from dropout_lint.rules.model import Change, Context, Draft, ProbeAt, Rule
from dropout_lint.rules.telling import argument_at, chain_of, holders, label_of, name_of_callee, stays_active
from dropout_lint.semantics.events import ModeCall, Place
from dropout_lint.semantics.intent import stochastic_by_design, uses_keras
from dropout_lint.semantics.learning import Learner
from dropout_lint.semantics.models import Content, content, is_layer, mode_of
from dropout_lint.semantics.trials import is_test_code
from dropout_lint.semantics.values import Const, Instance, Method, Opaque, alternatives, truth
from dropout_lint.syntax.lazy import cst

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dropout_lint.semantics.events import Frame, Interpretation


def check(context: Context) -> Iterator[Draft]:
    """Yield a finding for each model that is asked in training mode and not trained."""
    learner = Learner(context.interpretation)
    for event in context.interpretation.events:
        if not isinstance(event, ModeCall) or truth(event.flag) is not True or event.graph or event.discarded:
            continue
        if any(frame.hook == "call" for frame in event.frames) or is_test_code(event.frames):
            continue
        learning = learner.of(event, stopped=True)
        if learning is None or learning.trained is not False or _trained_somewhere(event, learner):
            continue
        if stochastic_by_design(event, context.interpretation, context.names):
            continue
        held = _active(event, learner)
        confidence = _confidence(event, held)
        if confidence is not None:
            yield _draft(event, held, confidence)


def _trained_somewhere(event: ModeCall, learner: Learner) -> bool:
    return any(
        learner.trains(each)
        or learner.fitted_meanwhile(each, event)
        or (learner.averaged(each) and not _says_what_comes(event, learner))
        for each in alternatives(event.callee)
    )


def _says_what_comes(event: ModeCall, learner: Learner) -> bool:
    """Whether a target network says what later rewards are worth; an average of weights is then no mean teacher.

    Its dropout is noise in what is learned, unless the method is to drop units of it (https://arxiv.org/abs/2110.02034).
    """
    events = learner.interpretation.once(_mode_calls)
    return (
        any(mode_of(layer) != "batch-statistics" for layer in content(event.callee).layers)
        and not any("droq" in _named(frame) for frame in event.frames)
        and any(
            not any(_learns(events[each], learner) for each in use.partners if each in events)
            for use in event.used("bootstrapped")
        )
    )


def _mode_calls(interpretation: Interpretation) -> dict[int, ModeCall]:
    return {each.serial: each for each in interpretation.events if isinstance(each, ModeCall)}


def _named(frame: Frame) -> str:
    return f"{frame.module.path.stem} {frame.owner.name if frame.owner is not None else ''} {frame.name}".lower()


def _learns(event: ModeCall, learner: Learner) -> bool:
    learning = learner.of(event, stopped=True)
    return learning is not None and learning.trained is not False


def _active(event: ModeCall, learner: Learner) -> Content:
    """What the flag switches on: frozen batch normalisation stays in inference."""
    held = content(event.callee)
    frozen = learner.frozen
    whole = any(isinstance(each, Instance) and each.serial in frozen for each in alternatives(event.callee))
    layers = tuple(
        layer
        for layer in held.layers
        if mode_of(layer) != "augmentation"
        and not (mode_of(layer) == "batch-statistics" and (whole or layer.serial in frozen))
    )
    return Content(layers, held.complete)


def _confidence(event: ModeCall, held: Content) -> Confidence | None:
    if any(isinstance(each, (Method, Const)) for each in alternatives(event.callee)):
        return None
    if held.layers:
        return Confidence.HIGH
    if held.complete:
        return None
    if is_layer(event.callee) or (isinstance(event.callee, Opaque) and uses_keras(event.frames)):
        return Confidence.LOW
    return None


def _draft(event: ModeCall, held: Content, confidence: Confidence) -> Draft:
    subject = name_of_callee(event)
    choice = event.choice
    anchor = Place(choice.place.module, argument_at(choice.call, choice.place.node))
    changed = holders(held)
    notes = (
        (f"every step also overwrites the moving statistics of {changed[0].class_name} in `{subject}`",)
        if changed and mode_of(changed[0]) == "batch-statistics"
        else ()
    )
    literal = isinstance(choice.place.node, cst.Name) and choice.place.node.value == "True"
    return Draft(
        place=anchor,
        message=f"`{subject}` runs with training=True in a step that does not train it: {stays_active(held)}",
        confidence=confidence,
        label=label_of(held),
        help=f"pass {choice.parameter}=False",
        notes=notes,
        chain=(*chain_of(event.frames), (event.place, f"{subject}(…)")) if len(event.frames) > 1 else (),
        fix_title=f"pass {choice.parameter}=False",
        applicability=Applicability.UNSAFE,
        changes=(Change("replace", choice.place, "False"),)
        if literal
        else (Change("add-argument", choice.place, f"{choice.parameter}=False"),)
        if choice.place.node is choice.call
        else (),
        probe=ProbeAt("mode", event.place, False),
    )


RULE = Rule(
    code="KTM112",
    name="teacher-in-training-mode",
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    since="0.1.0",
    applicability=Applicability.UNSAFE,
    triggers=(b"GradientTape", b"train_step", b"jax.grad", b"value_and_grad", b".gradients(", b"minimize("),
    needs=(frozenset({"flag-true", "flag-other", "flag-true-default", "flag-by-position"}),),
    check=check,
    doc=__doc__ or "",
)
