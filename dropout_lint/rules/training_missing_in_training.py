"""A training step calls the model it optimises without `training=True`: it learns in inference mode.

## What it does

Finds a bare `model(x)` or `self(x)` whose output enters a loss that is differentiated with respect to the weights of
that model (`tape.gradient`, `jax.grad` over `stateless_call`, `tf.gradients`, `minimize`, `backward`), where it holds
layers that depend on the mode: dropout, batch normalisation, noise, recurrent layers with `dropout=`, spectral
normalisation. Also a helper that forwards a `training` parameter and is called without it, and TensorFlow 1 layer
functions whose flag is never passed.

## Why is this bad

Outside `fit()` nobody sets the mode. A call that does not say it runs in inference mode, under a `GradientTape` and in
`train_step` just as anywhere else: dropout never drops anything, so the model overfits, and BatchNormalization
normalises with the statistics it was initialised with and never learns others, on Keras 2 and on Keras 3.

Gradients with respect to inputs (saliency, adversarial examples, gradient penalties), calls of a model whose weights
are not updated there (teachers, target networks, the discriminator in the generator's step), models without such
layers, frozen ones, models whose `call` says the mode itself, and programs that set the global learning phase (which
Keras 2 obeys in bare calls) are left alone. Where nothing is known of what the
model holds, the finding has low confidence.

## Example

```python
with tf.GradientTape() as tape:
    loss = loss_fn(y, model(x))
gradients = tape.gradient(loss, model.trainable_variables)
```

## Use instead

```python
with tf.GradientTape() as tape:
    loss = loss_fn(y, model(x, training=True))
gradients = tape.gradient(loss, model.trainable_variables)
```

## Fix safety

Unsafe: it changes what is trained.

## References

- https://keras.io/guides/writing_a_custom_training_loop_in_tensorflow/
- https://keras.io/guides/custom_train_step_in_tensorflow/

## Evidence

Keras 3.15.1 and tf_keras 2.21 (q06 of the measured facts): in a `train_step` with `self(x)` dropout is active in none
of the steps. The programs in fixtures/training-missing-in-training count the layers that ran in training mode, and how
far moving statistics moved: 0 in each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dropout_lint.findings import Applicability, Confidence, Severity
from dropout_lint.rules.model import Change, Context, Draft, ProbeAt, Rule
from dropout_lint.rules.telling import chain_of, name_of_call, stays_inactive
from dropout_lint.semantics.events import ModeCall, ModelUse
from dropout_lint.semantics.intent import is_test_code
from dropout_lint.semantics.learning import Learner
from dropout_lint.semantics.models import mode_of
from dropout_lint.semantics.roles import off_switch
from dropout_lint.semantics.values import Const, Instance, truth
from dropout_lint.semantics.words import is_mode_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dropout_lint.semantics.events import Bare
    from dropout_lint.semantics.learning import Learning


def check(context: Context) -> Iterator[Draft]:
    """Yield a finding for each call that trains a model without saying so."""
    learner = Learner(context.interpretation)
    if learner.phase_is_set:
        return
    for event in context.interpretation.events:
        if not isinstance(event, ModelUse) or event.bare is None or event.symbolic:
            continue
        learning = learner.of(event)
        if learning is None or learning.trained is False or _ignored(event, event.bare, learning, context):
            continue
        layers, complete = learner.mode_layers(event.receiver)
        layers = _switched(layers, learner.settled(event.receiver))
        confidence = _confidence(event, layers, complete, learning)
        if confidence is not None:
            yield _draft(event, event.bare, layers, confidence, context)


def _ignored(event: ModelUse, bare: Bare, learning: Learning, context: Context) -> bool:
    if any(frame.hook == "call" for frame in event.frames) or is_test_code(event.frames):
        return True
    if off_switch(event.frames) is not None or any(is_mode_name(name) for guard in bare.guards for name in guard):
        return True
    if not (isinstance(bare.default, Const) and not bare.default.value):
        # its own `call` runs in training mode by default, or has to be told
        return True
    return _trained_beside(event, learning, context)


def _trained_beside(event: ModelUse, learning: Learning, context: Context) -> bool:
    """Whether the same gradient comes through a call of the same model in training mode: two passes on purpose."""
    return any(
        isinstance(other, ModeCall)
        and other.callee is event.receiver
        and truth(other.flag) is True
        and any(use.place.node is learning.use.place.node for use in other.used("gradient"))
        for other in context.interpretation.events
    )


def _switched(layers: tuple[Instance, ...], settled: frozenset[int]) -> tuple[Instance, ...]:
    """The layers that a flag would switch on; augmentation already is."""
    return tuple(each for each in layers if each.serial not in settled and mode_of(each) != "augmentation")


def _confidence(event: ModelUse, layers: tuple[Instance, ...], complete: bool, learning: Learning) -> Confidence | None:
    if layers:
        return Confidence.HIGH if learning.trained else Confidence.MEDIUM
    if complete or not learning.trained or event.kind == "layer-call":
        return None
    return Confidence.LOW


def _draft(
    event: ModelUse, bare: Bare, layers: tuple[Instance, ...], confidence: Confidence, context: Context
) -> Draft:
    subject = name_of_call(bare.callee_text, event.receiver)
    choice = bare.choice
    left_out = choice.place.node is choice.call
    shared = _used_elsewhere(event, context)
    return Draft(
        place=choice.place,
        message=f"`{subject}` is trained here without training=True: {stays_inactive(layers)}",
        confidence=confidence,
        label=_label(layers),
        help=_help(choice.parameter, shared),
        notes=("a call that does not say the mode runs in inference mode, under a tape too",),
        chain=(*chain_of(event.frames), (event.place, f"{subject}(…)")) if len(event.frames) > 1 else (),
        fix_title=f"pass {choice.parameter}=True",
        applicability=Applicability.UNSAFE,
        changes=()
        if shared
        else (Change("add-argument", choice.place, f"{choice.parameter}=True"),)
        if left_out
        else (Change("replace", choice.place, "True"),),
        probe=ProbeAt("mode", event.place, True),
    )


def _used_elsewhere(event: ModelUse, context: Context) -> bool:
    """Whether the line also runs where nothing is trained: then it needs a parameter rather than a constant."""
    assert event.bare is not None
    node = event.bare.choice.place.node
    return any(
        isinstance(other, ModelUse)
        and other is not event
        and other.bare is not None
        and other.bare.choice.place.node is node
        and not other.used("gradient")
        and not any(frame.assumed for frame in other.frames)
        for other in context.interpretation.events
    )


def _help(parameter: str, shared: bool) -> str:
    if shared:
        return "the line runs in evaluation too: give its function a `training` parameter and pass True from here"
    return f"pass {parameter}=True"


def _label(layers: tuple[Instance, ...]) -> str:
    return f"{layers[0].class_name} is in inference mode here" if layers else ""


RULE = Rule(
    code="KTM105",
    name="training-missing-in-training",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    since="0.1.0",
    applicability=Applicability.UNSAFE,
    triggers=(
        b"GradientTape",
        b"train_step",
        b"jax.grad",
        b"value_and_grad",
        b".gradients(",
        b"minimize(",
        b".backward(",
    ),
    check=check,
    doc=__doc__ or "",
)
