"""The freezing of a GAN's discriminator reaches the wrong train function: it never trains, or trains twice.

## What it does

Finds `discriminator.trainable = False` between the compile of the discriminator and that of the combined model on
Keras 3, when the discriminator is first trained after it; and, on Keras 2, toggles between the two training steps of
a loop when the combined model was compiled with an open discriminator.

## Why is this bad

The recipe "compile the discriminator, freeze it, compile the combined model" rests on Keras 2 reading the flags at
`compile()`. Keras 3 reads them when the step is first traced: by then the discriminator is frozen for both models,
and its own `train_on_batch()` changes nothing. The loss of a discriminator that never learns still looks plausible.
The other way round, toggling in the loop without `compile()` works on Keras 3, where each step is traced with the
flags of its turn, and on Keras 2 trains the discriminator in the generator's step too.

The recipe on Keras 2 is left alone, and so is a discriminator that was trained (and traced) before it is frozen, one
that is opened again before its step, and a GAN with its own `train_step`.

## Example

```python
discriminator.compile("adam", "binary_crossentropy")
discriminator.trainable = False
combined = keras.Model(z, discriminator(generator(z)))
combined.compile("adam", "binary_crossentropy")
discriminator.train_on_batch(images, labels)  # Keras 3: nothing moves
```

## Use instead

```python
discriminator.trainable = True
discriminator.train_on_batch(images, labels)
discriminator.trainable = False
combined.train_on_batch(noise, ones)
```

On Keras 3 this traces each step with its own flags; on Keras 2 keep the order of the example. A subclass with a
`train_step` that takes each gradient with respect to one model's weights works on both.

## Fix safety

It has none: where the discriminator is to be opened depends on the loop.

## References

- https://keras.io/examples/generative/dcgan_overriding_train_step/
- https://keras.io/guides/migrating_to_keras_3/

## Evidence

Keras 3.15.1: in the example the discriminator's weights move by 0.0 in 60 steps; with the toggles in the loop both
models learn. tf_keras 2.21: in the example each step moves its own model only; with the toggles in the loop and a
combined model that was compiled open, the generator's step moves the discriminator.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dropout_lint.findings import Confidence, Severity
from dropout_lint.rules.model import Context, Draft, ProbeAt, Rule
from dropout_lint.rules.telling import assignment_of, chain_of
from dropout_lint.semantics.choices import toggled_at
from dropout_lint.semantics.events import ModelUse
from dropout_lint.semantics.ownership import tokens_of
from dropout_lint.semantics.timeline import Verdict, by_toggle, toggles_a_trained_model
from dropout_lint.semantics.trials import is_test_code
from dropout_lint.semantics.values import truth

if TYPE_CHECKING:
    from collections.abc import Iterator


def check(context: Context) -> Iterator[Draft]:
    """Yield a finding for each toggle that one of two train functions should see and the other should not."""
    for found in by_toggle(context.interpretation, "never-trains", context.generations, context.backend):
        for generation, verdict in found.items():
            if not is_test_code(verdict.toggle.frames):
                yield _draft(context, generation, verdict, _never(verdict))
    for found in by_toggle(context.interpretation, "stale", context.generations, context.backend):
        for generation, verdict in found.items():
            if truth(verdict.toggle.value) is True or is_test_code(verdict.toggle.frames):
                # opened for its own steps: that the model round it goes on with it frozen is what a GAN wants
                continue
            if toggles_a_trained_model(context.interpretation, verdict):
                yield _draft(context, generation, verdict, _both(verdict))


def _never(verdict: Verdict) -> str:
    whole = verdict.model in tokens_of(verdict.toggle.receiver)
    return (
        f"{assignment_of(verdict.toggle)} comes before the first {_method(verdict)} of "
        f"{'this' if whole else 'the'} model, which is when Keras 3 reads the flags: "
        f"{'it never trains' if whole else 'these layers never train'}"
    )


def _both(verdict: Verdict) -> str:
    return (
        f"{assignment_of(verdict.toggle)} comes after the train function of the model round it was built: "
        f"{_method(verdict)} trains with the flags from before"
    )


def _method(verdict: Verdict) -> str:
    return f"{verdict.use.method}()" if isinstance(verdict.use, ModelUse) else "training"


def _draft(context: Context, generation: int, verdict: Verdict, message: str) -> Draft:
    held = context.on(generation)
    toggle = verdict.toggle
    return Draft(
        place=toggled_at(toggle),
        message=message if held.certain else f"on {held.text}, {message}",
        confidence=Confidence.HIGH if verdict.certain else Confidence.MEDIUM,
        severity=None if held.certain else Severity.NOTE,
        label="seen by the wrong train function",
        help="open it before its own step and freeze it before the combined one, or write a train_step"
        if verdict.kind == "never-trains"
        else "freeze it before the combined model is compiled",
        chain=chain_of(toggle.frames) if len(toggle.frames) > 1 else (),
        probe=ProbeAt("weights", toggle.place, "stay" if verdict.kind == "never-trains" else None),
        keras=() if held.certain else held.versions,
    )


RULE = Rule(
    code="KTM208",
    name="gan-toggle-stale",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    since="0.1.0",
    applicability=None,
    triggers=(b"trainable",),
    needs=(frozenset({"trainable-set"}), frozenset({"fits"})),
    wide="trains",
    check=check,
    doc=__doc__ or "",
)
