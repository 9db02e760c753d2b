"""The flag is the wrong way round: `training=not training`, `training=is_eval`, `training=(mode == "test")`.

## What it does

Finds calls of layers and models that depend on the mode whose `training=` is an expression that is true in inference
and false in training: the negation of a training flag, a flag named for evaluation or inference, the comparison of a
mode with the name of an inference phase, or with anything but the training phase; also through variables and
parameters.

## Why is this bad

`fit()` then trains without dropout and with frozen batch statistics, and `predict()` drops units, depends on what
else is in the batch and overwrites moving statistics. Nothing raises, on any Keras.

`not is_eval`, `mode != "test"`, `not frozen` and the like read right and are left alone, and so are layers whose
purpose is to be random in inference.

## Example

```python
def call(self, x, training=None):
    return self.head(self.dropout(x, training=not training))
```

## Use instead

```python
def call(self, x, training=None):
    return self.head(self.dropout(x, training=training))
```

## Fix safety

Unsafe: it changes what the model computes in both modes.

## References

- https://keras.io/api/layers/base_layer/

## Evidence

Keras 3.15.1 and tf_keras 2.21: `not training` is off in `fit()` and on in
`predict()`. The programs in fixtures/training-inverted count in which calls dropout ran.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dropout_lint.findings import Applicability, Confidence, Severity
from dropout_lint.rules.model import Change, Context, Draft, ProbeAt, Rule
from dropout_lint.rules.telling import chain_of, label_of, name_of_callee
from dropout_lint.semantics.events import ModeCall
from dropout_lint.semantics.intent import class_means_it, comment_says_intent, draws, uses_keras
from dropout_lint.semantics.models import Content, content, is_layer, mode_of
from dropout_lint.semantics.trials import is_test_code
from dropout_lint.semantics.values import Const, Method, Opaque, alternatives, truth

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dropout_lint.semantics.polarity import Polarity


def check(context: Context) -> Iterator[Draft]:
    """Yield a finding for each flag that says the opposite of the mode."""
    for event in context.interpretation.events:
        if not isinstance(event, ModeCall) or event.polarity is None or event.polarity.training:
            continue
        if is_test_code(event.frames) or _meant(event, context):
            continue
        confidence = _confidence(event, event.polarity)
        if confidence is not None:
            yield _draft(event, event.polarity, confidence)


def _meant(event: ModeCall, context: Context) -> bool:
    return class_means_it(event) or comment_says_intent(event) or draws(event, context.interpretation)


def _confidence(event: ModeCall, polarity: Polarity) -> Confidence | None:
    if any(isinstance(each, (Method, Const)) for each in alternatives(event.callee)):
        return None
    held = content(event.callee)
    if held.empty or (held.complete and all(mode_of(layer) == "augmentation" for layer in held.layers)):
        return None
    if held.layers:
        return Confidence.HIGH if polarity.explicit else Confidence.MEDIUM
    if is_layer(event.callee):
        return Confidence.MEDIUM if polarity.explicit else Confidence.LOW
    return Confidence.LOW if isinstance(event.callee, Opaque) and uses_keras(event.frames) else None


def _draft(event: ModeCall, polarity: Polarity, confidence: Confidence) -> Draft:
    subject = name_of_callee(event)
    written = polarity.place.module.tree.code_for_node(polarity.place.node).strip()
    shown = f"`{written}`" if len(written) <= 40 else "this"
    return Draft(
        place=polarity.place,
        message=f"{shown} is true in inference and false in training: {_consequence(subject, content(event.callee))}",
        confidence=confidence,
        label=label_of(content(event.callee)),
        help=f"pass the opposite: {polarity.opposite}" if polarity.opposite is not None else "pass the opposite",
        chain=(*chain_of(event.frames), (event.place, f"{subject}(…)"))
        if event.choice.frame is not event.frames[-1]
        else (),
        fix_title="turn the flag round",
        applicability=Applicability.UNSAFE,
        changes=(Change("replace", polarity.place, polarity.opposite),) if polarity.opposite is not None else (),
        probe=_probe(event),
    )


def _probe(event: ModeCall) -> ProbeAt | None:
    """Inside `call` the enclosing mode is what is meant; elsewhere the opposite of a flag that is known."""
    if any(frame.hook == "call" for frame in event.frames):
        return ProbeAt("layer-call", event.place, "inherit")
    known = truth(event.flag)
    return ProbeAt("call", event.place, not known) if known is not None else None


def _consequence(subject: str, held: Content) -> str:
    kinds = {mode_of(layer) for layer in held.layers}
    if kinds == {"batch-statistics"}:
        return f"`{subject}` learns its statistics in inference and not in training"
    return f"`{subject}` is switched on where it has to be off, and off in training"


RULE = Rule(
    code="KTM106",
    name="training-inverted",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    since="0.1.0",
    applicability=Applicability.UNSAFE,
    triggers=(b"training",),
    needs=(frozenset({"flag-other", "flag-by-position"}),),
    check=check,
    doc=__doc__ or "",
)
