"""An attribute that Keras does not read is set on a layer or model, as if it chose a mode, a rate or what trains.

## What it does

Finds assignments such as `model.training = False`, `dropout.p = 0`, `layer.requires_grad = False` and
`layer.frozen = True` on Keras layers and models (and `requires_grad` on their weights), if no code of the project reads
the attribute.

## Why is this bad

Keras accepts any attribute and reads only those it defines. PyTorch has these, or another library has; here they are
notes that nobody reads. Dropout runs as the mode of each call says, with the rate it was made with, and the
weights that were to be frozen train.

Attributes that the class of the object, one of its bases, or any other code of the project reads are left alone, and
so is the torch backend of Keras 3, where a layer is a PyTorch module.

## Example

```python
model.training = False
scores = model(x)
```

## Use instead

```python
scores = model(x, training=False)
```

## Fix safety

It has none: what was meant takes another statement, in another place.

## References

- https://keras.io/getting_started/faq/#whats-the-difference-between-the-training-argument-in-call-and-the-trainable-attribute

## Evidence

Keras 3.15.1 and tf_keras 2.21: `model.training`, `layer.training`,
`layer.requires_grad`, `kernel.requires_grad` and `dropout.p` are accepted and change nothing, and none of the names
that this rule knows is an attribute of Sequential, Dropout, LSTM or BatchNormalization.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dropout_lint.findings import Confidence, Severity
from dropout_lint.keras.foreign import FREEZING_ATTRIBUTES, MODE_ATTRIBUTES, RATE_ATTRIBUTES
from dropout_lint.rules.model import Context, Draft, ProbeAt, Rule
from dropout_lint.rules.telling import chain_of
from dropout_lint.semantics.attribute_reads import is_read
from dropout_lint.semantics.events import AttributeSet
from dropout_lint.semantics.intent import uses_keras
from dropout_lint.semantics.models import is_layer, is_model, mode_of
from dropout_lint.semantics.receivers import is_layer_of_known_model, is_rebound, sureness
from dropout_lint.semantics.tags import tags_of
from dropout_lint.semantics.trials import is_test_code
from dropout_lint.semantics.values import ClassValue, Const, Instance, Opaque, alternatives

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dropout_lint.semantics.values import Value

_RATED = frozenset({"dropout", "noise"})


def check(context: Context) -> Iterator[Draft]:
    """Yield a finding for each attribute that is set for Keras and that Keras does not know."""
    imports = context.interpretation.imports
    if context.backend == "torch" or (context.backend is None and "torch" in imports and "tensorflow" not in imports):
        return
    by_line: dict[int, list[AttributeSet]] = {}
    for event in context.interpretation.events:
        if isinstance(event, AttributeSet) and _kind(event):
            by_line.setdefault(id(event.place.node), []).append(event)
    for events in by_line.values():
        # one line may be gone through with several objects: it is without effect where it is on all of them
        found = [(event, confidence) for event in events if (confidence := _judged(event, context)) is not None]
        if len(found) == len(events):
            yield _draft(*found[0])


def _judged(event: AttributeSet, context: Context) -> Confidence | None:
    """How sure it is that nobody reads what is set; None where somebody may."""
    if is_test_code(event.frames) or _is_set_up(event):
        return None
    if is_read(context.interpretation, event.receiver, event.name):
        return None
    if is_rebound(event.receiver_text, event.frames, context.interpretation):
        return None
    return _confidence(event, _kind(event), context)


def _kind(event: AttributeSet) -> str:
    """What the attribute is meant to choose: ``mode``, ``freezing``, ``rate``, or nothing."""
    if event.name in MODE_ATTRIBUTES and _may_be(event.value, (bool, int)):
        return "mode"
    if event.name in FREEZING_ATTRIBUTES and _may_be(event.value, (bool, int)):
        return "freezing"
    rated = all(
        isinstance(each, Opaque) or (isinstance(each, Instance) and mode_of(each) in _RATED)
        for each in alternatives(event.receiver)
    )
    if event.name in RATE_ATTRIBUTES and rated and _may_be(event.value, (int, float)):
        return "rate"
    return ""


def _may_be(value: Value, kinds: tuple[type, ...]) -> bool:
    return all(
        isinstance(each, Opaque) or (isinstance(each, Const) and isinstance(each.value, kinds))
        for each in alternatives(value)
    )


def _is_set_up(event: AttributeSet) -> bool:
    """Whether an object notes its own settings while it is made, or the mode it is called in: that is no switch."""
    frame = event.frames[-1]
    return (
        frame.name in {"__init__", "build", "call"} and frame.receiver is not None and event.receiver is frame.receiver
    )


def _confidence(event: AttributeSet, kind: str, context: Context) -> Confidence | None:
    if kind == "freezing" and all(("vars",) in tags_of(each) for each in alternatives(event.receiver)):
        return Confidence.MEDIUM if uses_keras(event.frames) else None
    if kind == "rate" and not all(
        isinstance(each, Instance) or is_layer_of_known_model(each, context.interpretation)
        for each in alternatives(event.receiver)
    ):
        return None
    sure = sureness(event.receiver, event.receiver_text, event.frames, context.interpretation)
    found = [each for each in alternatives(event.receiver) if isinstance(each, Instance)]
    if any(isinstance(each.cls, ClassValue) and not _is_in_sight(each.cls) for each in found):
        return None
    if any(isinstance(each.cls, ClassValue) or "custom_objects" in each.arguments for each in found):
        return Confidence.MEDIUM if sure is not None else None
    if sure in {None, Confidence.LOW} and not found and uses_keras(event.frames):
        layers = all(isinstance(each, Opaque) and _is_listed(each) for each in alternatives(event.receiver))
        return Confidence.MEDIUM if layers else None
    return sure if sure is not Confidence.LOW else None


def _is_listed(value: Opaque) -> bool:
    """Whether a value is an element of the ``layers`` of something unknown."""
    key = value.key or ()
    names = [part for part in key[2:] if isinstance(part, str) and part != "[]" and not part.endswith(":")]
    return key[-1:] == ("[]",) and names[-1:] == ["layers"]


def _is_in_sight(cls: ClassValue) -> bool:
    """Whether all that a class inherits is the project's or Keras's own, so that what it reads is known."""
    return not cls.has_unknown_base and all(
        base.is_keras or base.name in {"builtins.object", "abc.ABC"} for base in cls.external_bases
    )


def _draft(event: AttributeSet, confidence: Confidence) -> Draft:
    kind = _kind(event)
    consequence = {
        "mode": "the mode of a call is chosen by its training argument alone",
        "freezing": "what trains is chosen by `trainable` alone",
        "rate": "the layer goes on dropping at its `rate`",
    }[kind]
    return Draft(
        place=event.place,
        message=f"Keras accepts `{event.receiver_text}.{event.name}` and never reads it, nor does this project: "
        f"{consequence}",
        confidence=confidence,
        label="set, and read by nobody",
        help={
            "mode": f"remove it, and pass training= where the {_what(event.receiver)} is called",
            "freezing": "set `trainable` before compile()",
            "rate": "make the layer with another rate; to run without dropout, call with training=False",
        }[kind],
        chain=chain_of(event.frames) if len(event.frames) > 1 else (),
        probe=ProbeAt("toggle", event.place),
    )


def _what(receiver: Value) -> str:
    found = alternatives(receiver)
    return "layer" if any(is_layer(each) and not is_model(each) for each in found) else "model"


RULE = Rule(
    code="KTM304",
    name="mode-attribute-without-effect",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    since="0.1.0",
    applicability=None,
    triggers=(
        *(name.encode() for name in sorted(MODE_ATTRIBUTES | FREEZING_ATTRIBUTES | RATE_ATTRIBUTES) if len(name) > 1),
        b".p =",
        b".p=",
        b'"p"',
    ),
    needs=(frozenset({"mode-attribute"}),),
    check=check,
    doc=__doc__ or "",
)
