"""`model.trainable = True` on a model whose flag is True already opens none of its frozen layers (Keras 3).

## What it does

Finds `model.trainable = True` where the model's own flag was never False, after layers in it were frozen one by one
and trained like that, when a `compile()` or training follows and they still are frozen.

## Why is this bad

It reads as "unfreeze everything for fine-tuning". On Keras 2 it is. Keras 3 on TensorFlow compares first: the model's
flag has that value already, so nothing is set, and the second phase trains what the first one did. JAX is different
(it opens them).

False then True works, and so do a loop over the layers and freezing the model itself in the first phase.

## Example

```python
for layer in base.layers:
    layer.trainable = False
model.compile("adam", "mse")
model.fit(x, y)
base.trainable = True  # nothing is opened
model.compile(keras.optimizers.Adam(1e-5), "mse")
model.fit(x, y)
```

## Use instead

```python
for layer in base.layers:
    layer.trainable = True
```

## Fix safety

It has none: opening the layers changes what is trained.

## References

- https://github.com/keras-team/keras/blob/v3.15.1/keras/src/backend/tensorflow/trackable.py#L18

## Evidence

Keras 3.15.1 on TensorFlow: after freezing its layers in a loop, `base.trainable = True`
leaves 0 of 10 weights trainable; `False` then `True` gives 10. tf_keras 2.21 and Keras 3.15.1 on JAX: 10.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dropout_lint.findings import Confidence, Severity
from dropout_lint.rules.model import Context, Draft, ProbeAt, Rule
from dropout_lint.rules.telling import assignment_of, chain_of
from dropout_lint.semantics.choices import toggled_at
from dropout_lint.semantics.timeline import by_toggle
from dropout_lint.semantics.trials import is_test_code

if TYPE_CHECKING:
    from collections.abc import Iterator


def check(context: Context) -> Iterator[Draft]:
    """Yield a finding for each opening of a model that is open, with frozen layers in it."""
    held = context.where("trainable-true-again-propagates", truth=False)
    generations = tuple(each for each in context.generations if each == 3) if held.possible else ()
    for found in by_toggle(context.interpretation, "ignored", generations, context.backend):
        for verdict in found.values():
            toggle, other = verdict.toggle, verdict.other
            if other is None or is_test_code(toggle.frames):
                continue
            yield Draft(
                place=toggled_at(toggle),
                message=f"{'' if held.certain else f'on {held.text}, '}{assignment_of(toggle)} opens nothing: "
                f"its flag is True already, and the layers that {assignment_of(other)} froze stay frozen",
                confidence=Confidence.HIGH,
                severity=None if held.certain else Severity.NOTE,
                label="changes nothing in it",
                help="set it on the layers, in a loop, or set it False first",
                chain=((other.place, "froze the layers"), *chain_of(toggle.frames)),
                probe=ProbeAt("weights", toggle.place),
                keras=() if held.certain else held.versions,
            )


RULE = Rule(
    code="KTM205",
    name="trainable-true-noop",
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    since="0.1.0",
    applicability=None,
    triggers=(b"trainable",),
    needs=(frozenset({"trainable-set"}),),
    wide="trains",
    check=check,
    doc=__doc__ or "",
)
