"""Two assignments to `trainable` contradict each other: a model's undoes its layers', or keeps them from training.

## What it does

Finds (1) `base.trainable = …` after layers of `base` were chosen one by one and before any `compile()` or training
could use the choice, and (2) layers opened inside a model that stays frozen itself, when that model is compiled or
fitted (on Keras 2 also when a model round it is).

## Why is this bad

A model's `trainable` is set on every layer in it: what was chosen before is gone. And a frozen model has no trainable
weights, whatever its layers say: `fit()` runs and nothing moves. Keras 3 prints one warning ("The model does not have
any trainable weights"), Keras 2 none.

The order "open all, then freeze a slice" is left alone. So is a layer opened inside a frozen base on Keras 3, when a
model round the base is trained: there it does train. On Keras 3 with TensorFlow, setting the value a model has
already changes nothing in it, so it undoes nothing either.

## Example

```python
model.trainable = False
for layer in model.layers[-2:]:
    layer.trainable = True
model.compile("adam", "mse")
model.fit(x, y)  # nothing moves
```

## Use instead

```python
for layer in model.layers[:-2]:
    layer.trainable = False
model.compile("adam", "mse")
model.fit(x, y)
```

## Fix safety

It has none: which of the two was meant, the program does not say.

## References

- https://keras.io/guides/transfer_learning/#recursive-setting-of-the-trainable-attribute

## Evidence

Keras 3.15.1 and tf_keras 2.21: the frozen model of the example has 0 trainable
weights and its largest weight change in 5 epochs is 0.0. Through an outer model the opened layers move on Keras
3.15.1 and do not on tf_keras 2.21.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dropout_lint.findings import Confidence, Severity
from dropout_lint.rules.model import Context, Draft, ProbeAt, Rule
from dropout_lint.rules.telling import assignment_of, chain_of
from dropout_lint.semantics.choices import toggled_at
from dropout_lint.semantics.events import ModelUse, TrainableSet
from dropout_lint.semantics.models import mode_of
from dropout_lint.semantics.timeline import Verdict, by_toggle
from dropout_lint.semantics.trials import is_test_code
from dropout_lint.semantics.values import Instance, alternatives

if TYPE_CHECKING:
    from collections.abc import Iterator


def check(context: Context) -> Iterator[Draft]:
    """Yield a finding for each toggle of a model that contradicts a toggle of its layers."""
    for kind in ("undone", "gated"):
        for found in by_toggle(context.interpretation, kind, context.generations, context.backend):
            verdict = found[max(found)]
            if not is_test_code(verdict.toggle.frames) and not _only_statistics(verdict.other):
                yield _draft(context, kind, found, verdict)


def _only_statistics(toggle: TrainableSet | None) -> bool:
    """Whether only batch normalisation is opened: inside a frozen model it goes on learning its statistics."""
    return toggle is not None and all(
        isinstance(each, Instance) and mode_of(each) == "batch-statistics" for each in alternatives(toggle.receiver)
    )


def _draft(context: Context, kind: str, found: dict[int, Verdict], verdict: Verdict) -> Draft:
    everywhere = set(found) == set(context.generations)
    held = context.on(next(iter(found)))
    toggle, other = verdict.toggle, verdict.other
    assert other is not None
    used = verdict.use.method if isinstance(verdict.use, ModelUse) else "compile"
    prefix = "" if everywhere else f"on {held.text}, "
    if kind == "undone":
        message = f"{prefix}{assignment_of(toggle)} undoes {assignment_of(other)} before {used}() could use it"
        remedy = "set the whole model first, then choose among its layers"
    else:
        message = (
            f"{prefix}{assignment_of(toggle)} keeps everything in it from training: "
            f"{assignment_of(other)} opens a layer for nothing"
        )
        remedy = "leave the model's own flag True and freeze the layers that are to stay as they are"
    sure = verdict.known and isinstance(verdict.use, ModelUse) and (kind == "undone" or verdict.use.kind == "train")
    return Draft(
        place=toggled_at(toggle),
        message=message,
        confidence=Confidence.HIGH if sure else Confidence.MEDIUM,
        severity=None if everywhere else Severity.NOTE,
        label="undoes what was chosen" if kind == "undone" else "freezes what is opened below",
        help=remedy,
        chain=((other.place, "the assignment it contradicts"), *chain_of(toggle.frames)),
        probe=ProbeAt("weights", other.place),
        keras=() if everywhere else held.versions,
    )


RULE = Rule(
    code="KTM204",
    name="trainable-overwritten",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    since="0.1.0",
    applicability=None,
    triggers=(b"trainable",),
    needs=(frozenset({"trainable-set"}),),
    wide="trains",
    check=check,
    doc=__doc__ or "",
)
