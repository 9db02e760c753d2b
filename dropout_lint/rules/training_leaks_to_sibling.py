"""On Keras 3 the flag given to one sublayer reaches the sublayers called after it without one.

## What it does

Finds, in one `call`, a sublayer whose behaviour depends on the mode and that is called without `training=`, after
another one was called with a constant `training=True` or `training=False`; and, in the `call` of a model without a
`training` parameter, after a layer whose own default is True (every `Random*` layer, `Resizing`, `CenterCrop`).

## Why is this bad

Keras 3 keeps one mode for the whole outermost call. An explicit flag replaces it, and nothing puts the old one back:
the layers that follow inherit the flag of their sibling instead of the mode of `fit()` or `predict()`. After
`self.base(x, training=False)` the dropout of the head never runs, and its BatchNormalization never learns; after
`training=True` they stay in training mode in `predict()`. Even `Dense(…)(x, training=False)` does it. Keras 2 restores
the mode after every layer.

A flag that is the mode itself (`training=training`) puts the mode back for what follows and is left alone, as are flags
inside `if training:` and `layer.call(…)`, which does not touch the mode.

## Example

```python
def call(self, x, training=None):
    x = self.base(x, training=False)
    return self.head(self.dropout(x))
```

## Use instead

```python
def call(self, x, training=None):
    x = self.base(x, training=False)
    return self.head(self.dropout(x, training=training))
```

## Fix safety

Unsafe: the layer then follows the mode of the call, which changes what is trained or predicted.

## References

- https://keras.io/guides/making_new_layers_and_models_via_subclassing/#privileged-training-argument-in-the-call-method
- https://github.com/keras-team/keras/pull/23166

## Evidence

All of Keras 3.3 to 3.15: with `self.base(x, training=False)` before it dropout is
active in no step of fit (tf_keras 2.21: in all), test loss .643 against 1.791 on the toy task. Measured again on
3.15.1: `training=training` on a layer in between restores the mode, `layer.call(x, training=False)` does not disturb
it, and what a layer of a Functional or Sequential model is given inside stays inside. The default of one does not:
after `Sequential([Rescaling(1.0), Resizing(8, 8)])`, in a model whose `call` takes no `training`, dropout is active in
predict and evaluate, and with the Rescaling alone it is not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dropout_lint.findings import Applicability, Confidence, Severity
from dropout_lint.rules.model import Change, Context, Draft, ProbeAt, Rule
from dropout_lint.rules.telling import chain_of
from dropout_lint.semantics.events import LayerCall
from dropout_lint.semantics.leaks import leaking
from dropout_lint.semantics.models import content, mode_of
from dropout_lint.semantics.signatures import parameter
from dropout_lint.semantics.trials import is_test_code

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dropout_lint.keras.versions import Holding
    from dropout_lint.semantics.leaks import Cause


def check(context: Context) -> Iterator[Draft]:
    """Yield a finding for each sublayer that runs in the mode of its sibling."""
    for victim, cause, holding in leaking(context.interpretation, context.where):
        if not is_test_code(victim.frames):
            yield _draft(victim, cause, holding)


def _draft(victim: LayerCall, cause: Cause, holding: Holding) -> Draft:
    held = content(victim.callee)
    flag = f"training={cause.flag}"
    given = f"`{cause.event.callee_text}` has by default" if cause.default else f"`{cause.event.callee_text}` is given"
    function = victim.frames[-1].function
    forwards = function is not None and function.inner is None and parameter(function, "training") is not None
    names = " and ".join(list(dict.fromkeys(layer.class_name for layer in held.layers))[:2])
    return Draft(
        place=victim.place,
        message=(
            f"on {holding.text} `{victim.callee_text}` inherits the {flag} that {given} before it, "
            f"not the mode of the call: {_consequence(victim, cause, names)}"
        ),
        confidence=Confidence.HIGH if held.complete and isinstance(cause.event, LayerCall) else Confidence.MEDIUM,
        severity=None if holding.certain else Severity.NOTE,
        label=f"runs with {flag}",
        help="pass the mode on: training=training"
        if forwards
        else "take training=None in call() and pass it on: training=training",
        chain=(
            (cause.event.place, f"{cause.event.callee_text}({flag})"),
            *(chain_of(victim.frames) if len(victim.frames) > 1 else ()),
        ),
        fix_title="pass training=training",
        applicability=Applicability.UNSAFE,
        changes=(Change("add-argument", victim.place, "training=training"),) if forwards else (),
        probe=ProbeAt("layer-call", victim.place, "inherit"),
        keras=() if holding.certain else holding.versions,
    )


def _consequence(victim: LayerCall, cause: Cause, names: str) -> str:
    several = " and " in names
    kinds = {mode_of(layer) for layer in content(victim.callee).layers}
    if cause.flag:
        return f"{names} {'stay' if several else 'stays'} in training mode in evaluate() and predict()"
    if kinds == {"batch-statistics"}:
        return f"{names} never learns its statistics"
    return f"{names} never {'run' if several else 'runs'} in training mode"


RULE = Rule(
    code="KTM405",
    name="training-leaks-to-sibling",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    since="0.1.0",
    applicability=Applicability.UNSAFE,
    triggers=(b"training", b"Random", b"def call"),
    needs=(
        frozenset({"flag-true", "flag-other", "flag-true-default", "flag-by-position", "flag-false", "leaking-model"}),
        frozenset({"defines-call"}),
        frozenset({"chosen-in-call", "leaking-model"}),
    ),
    local=True,
    check=check,
    doc=__doc__ or "",
)
