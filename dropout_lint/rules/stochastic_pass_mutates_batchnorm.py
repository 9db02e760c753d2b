"""Intended stochastic passes run batch normalisation in training mode too, and overwrite its statistics.

## What it does

Finds `model(x, training=True)` where the randomness is meant (Monte Carlo dropout, test-time augmentation:
several passes that are put together) and the model holds BatchNormalization that is not frozen, or
SpectralNormalization. A single call whose output is thrown away, to create the weights, is a note: its batch
leaks into the statistics too.

pix2pix, whose generator is meant to see the statistics of its batch, re-calibration of the statistics in a
loop, and models whose BatchNormalization was frozen before are left alone. Where the pass is not meant to be
random, KTM101 says all this.

## Why is this bad

The flag is for the whole model: with it BatchNormalization normalises by the batch, so a prediction depends on
the rows it shares a batch with, and moves its statistics at each pass, so that later predictions of the same
model change.

## Example

```python
draws = np.stack([model(x, training=True) for _ in range(100)])
```

## Use instead

```python
for layer in model.layers:
    if isinstance(layer, keras.layers.BatchNormalization):
        layer.trainable = False  # it stays in inference mode, whatever the flag
draws = np.stack([model(x, training=True) for _ in range(100)])
```

## Fix safety

There is no automatic fix: freeze the layer as above, or wrap the dropout alone (a Dropout whose `call` ignores
the mode).

## References

- https://keras.io/api/layers/normalization_layers/batch_normalization/

## Evidence

100 passes over shifted data take a classifier from .959 to .604 accuracy in predict()
on Keras 3.15.1 and to .646 on tf_keras 2.21; with `bn.trainable = False` first nothing changes.
SpectralNormalization changes its kernel on Keras 3.15.1 even where it is frozen.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dropout_lint.findings import Confidence, Severity
from dropout_lint.rules.model import Context, Draft, ProbeAt, Rule
from dropout_lint.rules.telling import argument_at, chain_of, holders, name_of_callee
from dropout_lint.semantics.events import ModeCall, Place, TrainableSet
from dropout_lint.semantics.intent import class_means_it, comment_says_intent, draws, is_conditional_generator
from dropout_lint.semantics.models import Content, content, is_layer, mode_of
from dropout_lint.semantics.roles import role_of
from dropout_lint.semantics.trials import is_test_code
from dropout_lint.semantics.values import Instance, Items, Opaque, Value, alternatives, truth
from dropout_lint.semantics.words import says_intent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dropout_lint.semantics.events import Interpretation


def check(context: Context) -> Iterator[Draft]:
    """Yield a finding for each stochastic pass that takes batch normalisation along."""
    for event in context.interpretation.events:
        if not isinstance(event, ModeCall) or event.graph or truth(event.flag) is not True:
            continue
        if not is_layer(event.callee) or any(frame.hook == "call" for frame in event.frames):
            continue
        if is_test_code(event.frames) or (event.how == "positional" and context.generation == 3):
            continue
        held = content(event.callee)
        changed = [
            layer
            for layer in holders(held)
            if layer.serial not in held.possible and not _is_frozen(layer, event, context)
        ]
        if not changed:
            continue
        if event.discarded:
            if not event.loops and not event.used("gradient"):
                yield _draft(event, changed[0], Severity.NOTE, Confidence.HIGH)
            continue
        confidence = _meant(event, context)
        if confidence is not None:
            yield _draft(event, changed[0], None, confidence)


def _meant(event: ModeCall, context: Context) -> Confidence | None:
    """How sure it is that the pass is one of several that are random on purpose.

    A mean over what a loop gave may be over tasks, images or episodes; passes that are counted, or that are called
    what they are, are not.
    """
    if event.tapes or role_of(event, context.interpretation, context.names).kind != "intended":
        return None
    if is_conditional_generator(event) and not draws(event, context.interpretation, counted=True):
        # it is meant to see the statistics of its batch
        return None
    named = class_means_it(event) or comment_says_intent(event) or any(says_intent(each.name) for each in event.frames)
    if named or (draws(event, context.interpretation, counted=True) and event.used("spread")):
        return Confidence.HIGH
    return Confidence.MEDIUM if draws(event, context.interpretation, counted=True) else None


def _is_frozen(layer: Instance, event: ModeCall, context: Context) -> bool:
    """Whether batch normalisation may have been frozen before the call; freezing does not stop power iteration."""
    if mode_of(layer) != "batch-statistics":
        return False
    found = context.interpretation.once(_toggles)
    called = found.places[id(event)] if not any(frame.assumed for frame in event.frames) else len(found.places)
    before = []
    for key in (id(layer), None):
        toggles = found.of.get(key, [])
        before += toggles[: bisect_left(toggles, (called,))][-1:]
    return max(before, default=(0, False))[1]


@dataclass(frozen=True, slots=True)
class _Toggles:
    places: dict[int, int]
    """Of each event (its id), which one it is."""
    of: dict[int | None, list[tuple[int, bool]]]
    """Of each layer (its id), and under None of what may be any: which events set it, and whether it is frozen then."""


def _toggles(interpretation: Interpretation) -> _Toggles:
    found = _Toggles({id(each): place for place, each in enumerate(interpretation.events)}, {})
    meant: dict[int, set[int | None]] = {}
    for place, event in enumerate(interpretation.events):
        if isinstance(event, TrainableSet):
            if id(event.receiver) not in meant:
                meant[id(event.receiver)] = _meant_by(event.receiver)
            for key in meant[id(event.receiver)]:
                found.of.setdefault(key, []).append((place, truth(event.value) is not True))
    return found


def _meant_by(receiver: Value) -> set[int | None]:
    """The layers that may be set (their ids); None where it may be any."""
    meant: set[int | None] = set()
    for each in alternatives(receiver):
        meant.add(None if isinstance(each, Opaque) else id(each))
        if isinstance(each, Items):
            meant.update(map(id, each.items))
        elif isinstance(each, Instance):
            meant.update(map(id, content(each).layers))
    return meant


def _draft(event: ModeCall, layer: Instance, severity: Severity | None, confidence: Confidence) -> Draft:
    subject = name_of_callee(event)
    anchor = Place(event.choice.place.module, argument_at(event.choice.call, event.choice.place.node))
    spectral = mode_of(layer) == "power-iteration"
    changes = f"changes the kernel of {layer.class_name}" if spectral else f"moves the statistics of {layer.class_name}"
    if severity is Severity.NOTE:
        message = f"`{subject}` is called with training=True for its effect alone, and that {changes}"
        remedy = "leave the flag out: the weights are created all the same"
    else:
        beside = "" if spectral else ", which normalises by the batch"
        message = f"each stochastic pass of `{subject}` {changes}{beside}"
        remedy = _remedy(content(event.callee), spectral)
    return Draft(
        place=anchor,
        message=message,
        confidence=confidence,
        severity=severity,
        help=remedy,
        chain=(*chain_of(event.frames), (event.place, f"{subject}(…)")) if len(event.frames) > 1 else (),
        probe=ProbeAt("state", event.place),
    )


def _remedy(held: Content, spectral: bool) -> str:
    if spectral:
        return "wrap the dropout alone, so that it is on without the flag"
    kind = "dropout" if any(mode_of(layer) == "dropout" for layer in held.layers) else "random layers"
    return f"set trainable = False on it first, which keeps it in inference mode, or switch on the {kind} alone"


RULE = Rule(
    code="KTM111",
    name="stochastic-pass-mutates-batchnorm",
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    since="0.1.0",
    applicability=None,
    triggers=(b"training",),
    needs=(frozenset({"flag-true", "flag-other", "flag-true-default", "flag-by-position"}),),
    check=check,
    doc=__doc__ or "",
)
