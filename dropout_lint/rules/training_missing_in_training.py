"""A training step calls the model it optimises without `training=True`: it learns in inference mode.

## What it does

Finds a bare `model(x)` or `self(x)` whose output enters a loss that is differentiated with respect to the weights of
that model (`tape.gradient`, `jax.grad` over `stateless_call`, `tf.gradients`, `minimize`, `backward`), where it holds
layers that depend on the mode: dropout, batch normalisation, noise, recurrent layers with `dropout=`, spectral
normalisation, a layer of the project that takes the statistics of the batch, or drops (stochastic depth), `if
training:`. Also a helper that forwards a `training` parameter and is called without it, and TensorFlow 1 layer
functions whose flag is never passed.

## Why is this bad

Outside `fit()` nobody sets the mode. A call that does not say it runs in inference mode, under a `GradientTape` and in
`train_step` just as anywhere else: dropout never drops anything, so the model overfits, and BatchNormalization
normalises with the statistics it was initialised with and never learns others, on Keras 2 and on Keras 3.

In a loop of one's own: `training=True` under the tape, `training=False` in evaluation, and in the signature of `call`
`training=None`, handed on to the sublayers.

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

Keras 3.15.1 and tf_keras 2.21: in a `train_step` with `self(x)` dropout is active in none
of the steps. The programs in fixtures/training-missing-in-training count the layers that ran in training mode, and how
far moving statistics moved: 0 in each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dropout_lint.findings import Applicability, Confidence, Severity
from dropout_lint.rules import first_tensorflow
from dropout_lint.rules.model import Change, Context, Draft, ProbeAt, Rule
from dropout_lint.rules.telling import chain_of, name_of_call, stays_inactive
from dropout_lint.semantics.events import ModeCall, ModelUse
from dropout_lint.semantics.leaks import switched_on
from dropout_lint.semantics.learning import callee_of
from dropout_lint.semantics.untold import says_nothing, untold
from dropout_lint.semantics.values import truth

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dropout_lint.semantics.choices import Choice
    from dropout_lint.semantics.untold import Untold
    from dropout_lint.semantics.values import Instance


def check(context: Context) -> Iterator[Draft]:
    """Yield a finding for each call that trains a model without saying so."""
    yield from first_tensorflow.untold(context)
    leaked = frozenset(victim.callee.serial for victim in switched_on(context.interpretation, context.where))
    for each in untold(context.interpretation):
        if each.required and context.generation == 3:
            continue  # it raises
        on = bool(each.layers) and all(layer.serial in leaked for layer in each.layers)
        if on and context.generation == 3:
            continue  # a sibling leaves them in training mode
        confidence = _confidence(each) if each.bypass is None else None
        if confidence is not None:
            yield _draft(each, confidence, context, only_keras_2=on or each.required)


def _confidence(each: Untold) -> Confidence | None:
    """How sure it is; less where a pass in training mode stands beside it, as if two were wanted."""
    if each.layers:
        return Confidence.HIGH if each.sure else Confidence.MEDIUM
    if each.complete or not each.sure or (isinstance(each.event, ModelUse) and each.event.kind == "layer-call"):
        return None
    return Confidence.LOW


def _draft(each: Untold, confidence: Confidence, context: Context, only_keras_2: bool) -> Draft:
    event = each.event
    choice = _choice(event)
    text = event.callee_text if isinstance(event, ModeCall) else event.bare.callee_text if event.bare else ""
    subject = name_of_call(text, callee_of(event))
    shared = _used_elsewhere(event, context)
    partly = context.on(2) if only_keras_2 and context.generation is None else None
    return Draft(
        place=choice.place,
        message=(
            f"{f'on {partly.text}, ' if partly else ''}`{subject}` is trained here without training=True: "
            f"{stays_inactive(each.layers, here=_runs_in_training_mode(event, context))}"
        ),
        confidence=confidence,
        severity=Severity.NOTE if partly else None,
        label=_label(each.layers),
        help=_help(choice.parameter, shared),
        notes=(
            "a call that does not say the mode runs in inference mode, under a tape too",
            *(
                ("its `call` has no default for `training`: Keras 3 raises TypeError",)
                if partly and each.required
                else ()
            ),
        ),
        chain=(*chain_of(event.frames), (event.place, f"{subject}(…)")) if len(event.frames) > 1 else (),
        fix_title=f"pass {choice.parameter}=True",
        applicability=Applicability.UNSAFE,
        changes=() if shared else (_change(choice),),
        probe=ProbeAt("mode", event.place, True),
        keras=partly.versions if partly else (),
    )


def _runs_in_training_mode(event: ModelUse | ModeCall, context: Context) -> bool:
    """Whether another call of the same model says True, as that of a gradient penalty."""
    return bool(context.interpretation.mode_calls(_callee_if_on, id(callee_of(event))))


def _callee_if_on(event: ModeCall) -> int | None:
    return id(event.callee) if truth(event.flag) is not False and not event.graph else None


def _choice(event: ModelUse | ModeCall) -> Choice:
    if isinstance(event, ModeCall):
        return event.choice
    assert event.bare is not None
    return event.bare.choice


def _change(choice: Choice) -> Change:
    if choice.place.node is choice.call:
        return Change("add-argument", choice.place, f"{choice.parameter}=True")
    return Change("replace", choice.place, "True")


def _used_elsewhere(event: ModelUse | ModeCall, context: Context) -> bool:
    """Whether the line also runs where nothing is trained: then it needs a parameter rather than a constant."""
    node = _choice(event).place.node
    return any(other is not event for other in context.interpretation.calls(_choice_if_only_asked, id(node)))


def _choice_if_only_asked(event: ModelUse | ModeCall) -> int | None:
    """By what calls are found that say nothing where nothing is trained: where it would be said (id of the node)."""
    if not says_nothing(event) or event.used("gradient") or any(frame.assumed for frame in event.frames):
        return None
    return id(_choice(event).place.node)


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
    needs=(frozenset({"fits"}),),
    check=check,
    doc=__doc__ or "",
)
