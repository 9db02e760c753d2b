"""A loop over `model.layers` that freezes BatchNormalization does not see the layers inside a nested model.

## What it does

Finds `for layer in model.layers: if isinstance(layer, BatchNormalization): layer.trainable = False` when a model
among these layers has batch normalisation inside and nothing freezes it there.

## Why is this bad

`model.layers` lists a nested model as one layer. In the usual transfer-learning model (a base and a head) the loop
finds nothing to freeze: in fine-tuning the base's batch normalisation goes on normalising with the statistics of each
batch and overwrites its own.

A function that calls itself for nested models is left alone, and so are bases that are frozen as a whole, looped over
on their own, or called with `training=False`.

## Example

```python
model = keras.Sequential([base, layers.Dense(10)])
for layer in model.layers:
    if isinstance(layer, layers.BatchNormalization):
        layer.trainable = False
```

## Use instead

```python
for layer in base.layers:
    if isinstance(layer, layers.BatchNormalization):
        layer.trainable = False
```

## Fix safety

It has none: which of the nested models is meant, the loop does not say.

## References

- https://keras.io/guides/transfer_learning/#fine-tuning

## Evidence

Keras 3.15.1 and tf_keras 2.21: after such a loop the moving mean of the nested layer moves
in fit; after a loop over the base's own layers it stays as it was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeGuard

from dropout_lint.findings import Confidence, Severity
from dropout_lint.rules.model import Context, Draft, ProbeAt, Rule
from dropout_lint.rules.telling import chain_of
from dropout_lint.semantics.events import ModeCall, ModelUse, TrainableSet
from dropout_lint.semantics.models import content, inner_layers, is_model, mode_of
from dropout_lint.semantics.ownership import token_of, tokens_of
from dropout_lint.semantics.timeline import ownership_of
from dropout_lint.semantics.trials import is_test_code
from dropout_lint.semantics.values import Instance, alternatives, truth

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dropout_lint.semantics.values import Value


def check(context: Context) -> Iterator[Draft]:
    """Yield a finding for each loop that passes by the batch normalisation inside a nested model."""
    interpretation = context.interpretation
    for each in interpretation.unmet:
        if _freezes_statistics(each.toggle):
            yield from _missed(context, each.toggle, each.among)
    for event in interpretation.events:
        if isinstance(event, TrainableSet) and event.loops and _freezes_statistics(event):
            for model in interpretation.instances:
                listed = inner_layers(model) if is_model(model) else None
                if listed and _all_of(listed) == {id(each) for each in alternatives(event.receiver)}:
                    yield from _missed(context, event, listed)


def _freezes_statistics(toggle: TrainableSet) -> bool:
    return (
        toggle.how != "constructor"
        and truth(toggle.value) is False
        and not is_test_code(toggle.frames)
        and any(_is_statistics(each) for each in alternatives(toggle.receiver))
    )


def _is_statistics(value: Value) -> bool:
    return isinstance(value, Instance) and mode_of(value) == "batch-statistics"


def _all_of(layers: tuple[Value, ...]) -> set[int]:
    return {id(each) for each in layers if _is_statistics(each)}


def _missed(context: Context, toggle: TrainableSet, among: tuple[Value, ...]) -> Iterator[Draft]:
    nested = [
        each
        for each in among
        if isinstance(each, Instance)
        and is_model(each)
        and any(_is_statistics(inner) for inner in content(each).layers)
        and not _looked_after(context, each)
    ]
    if not nested:
        return
    name = nested[0].arguments.get("__variable__")
    text = f"`{name.value}`" if name is not None and hasattr(name, "value") else f"the nested {nested[0].class_name}"
    yield Draft(
        place=toggle.place,
        message=f"this loop over `layers` does not look into {text}: "
        "the BatchNormalization in it is not frozen and goes on learning its statistics",
        confidence=Confidence.HIGH if _is_trained(context, nested[0]) else Confidence.LOW,
        label="not reached for nested layers",
        help="loop over the layers of the nested model, or freeze it as a whole",
        chain=chain_of(toggle.frames) if len(toggle.frames) > 1 else (),
        probe=ProbeAt("nested", toggle.place, "inference"),
    )


def _keeps_in_inference(event: object, nested: Instance) -> TypeGuard[ModeCall]:
    """Whether the nested model is called with a flag that is False."""
    return isinstance(event, ModeCall) and event.callee is nested and truth(event.flag) is False


def _looked_after(context: Context, nested: Instance) -> bool:
    """Whether something else keeps the nested model's statistics as they are."""
    interpretation = context.interpretation
    token, ownership = token_of(nested), ownership_of(interpretation)
    if token is None or any(each is nested for value in interpretation.recursed for each in alternatives(value)):
        return True
    obeyed = context.where("functional-hardcoded-flag-honoured-by-fit").possible
    frozen = False
    for event in interpretation.events:
        if isinstance(event, TrainableSet):
            if any(ownership.contains(token, each) for each in tokens_of(event.receiver)):
                # what is opened again later is not frozen
                frozen = truth(event.value) is not True
        elif _keeps_in_inference(event, nested) and (obeyed or not event.graph):
            return True
    return frozen or any(
        inner != token and ownership.contains(token, inner)
        for each in interpretation.unmet
        for value in each.among
        if (inner := token_of(value)) is not None
    )


def _is_trained(context: Context, nested: Instance) -> bool:
    token, ownership = token_of(nested), ownership_of(context.interpretation)
    return token is not None and any(
        isinstance(event, ModelUse)
        and event.kind in {"train", "compile"}
        and any(ownership.contains(each, token) for each in tokens_of(event.receiver))
        for event in context.interpretation.timeline
    )


RULE = Rule(
    code="KTM210",
    name="nested-batchnorm-missed",
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
