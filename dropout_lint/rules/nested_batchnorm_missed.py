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

from typing import TYPE_CHECKING

from dropout_lint.findings import Confidence, Severity
from dropout_lint.rules.model import Context, Draft, ProbeAt, Rule
from dropout_lint.rules.telling import chain_of
from dropout_lint.semantics.events import ModeCall, ModelUse, TrainableSet
from dropout_lint.semantics.models import content, inner_layers, is_model, mode_of
from dropout_lint.semantics.ownership import Places, token_of, tokens_of
from dropout_lint.semantics.timeline import ownership_of
from dropout_lint.semantics.trials import is_test_code
from dropout_lint.semantics.values import Instance, alternatives, truth

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dropout_lint.semantics.events import Interpretation
    from dropout_lint.semantics.ownership import Ownership, Token
    from dropout_lint.semantics.values import Value


def check(context: Context) -> Iterator[Draft]:
    """Yield a finding for each loop that passes by the batch normalisation inside a nested model."""
    interpretation = context.interpretation
    for each in interpretation.unmet:
        if _freezes_statistics(each.toggle):
            yield from _missed(context, each.toggle, each.among)
    for event in interpretation.events:
        if isinstance(event, TrainableSet) and event.loops and _freezes_statistics(event):
            for listed in interpretation.once(_lists).get(frozenset(map(id, alternatives(event.receiver))), ()):
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


def _lists(interpretation: Interpretation) -> dict[frozenset[int], list[tuple[Value, ...]]]:
    """The layers of each model, by those among them (their ids) that are batch normalisation."""
    found: dict[frozenset[int], list[tuple[Value, ...]]] = {}
    for model in interpretation.instances:
        listed = inner_layers(model) if is_model(model) else None
        if listed:
            statistics = frozenset(id(each) for each in listed if _is_statistics(each))
            found.setdefault(statistics, []).append(listed)
    return found


def _missed(context: Context, toggle: TrainableSet, among: tuple[Value, ...]) -> Iterator[Draft]:
    obeyed = context.where("functional-hardcoded-flag-honoured-by-fit").possible
    interpretation = context.interpretation
    models = (each for each in among if isinstance(each, Instance))
    nested = next((each for each in models if interpretation.once(_may_be_missed, each, obeyed)), None)
    if nested is None:
        return
    name = nested.arguments.get("__variable__")
    text = f"`{name.value}`" if name is not None and hasattr(name, "value") else f"the nested {nested.class_name}"
    yield Draft(
        place=toggle.place,
        message=f"this loop over `layers` does not look into {text}: "
        "the BatchNormalization in it is not frozen and goes on learning its statistics",
        confidence=Confidence.HIGH if interpretation.once(_is_trained, nested) else Confidence.LOW,
        label="not reached for nested layers",
        help="loop over the layers of the nested model, or freeze it as a whole",
        chain=chain_of(toggle.frames) if len(toggle.frames) > 1 else (),
        probe=ProbeAt("nested", toggle.place, "inference"),
    )


def _may_be_missed(interpretation: Interpretation, model: Instance, obeyed: bool) -> bool:
    """Whether there are statistics in a nested model, and nothing else keeps them as they are.

    ``obeyed``: whether ``fit`` obeys the flag of a call in a graph.
    """
    return (
        is_model(model)
        and any(_is_statistics(inner) for inner in content(model).layers)
        and not _looked_after(interpretation, model, obeyed)
    )


def _looked_after(interpretation: Interpretation, nested: Instance, obeyed: bool) -> bool:
    token, ownership = token_of(nested), ownership_of(interpretation)
    if token is None or id(nested) in interpretation.once(_recursed):
        return True
    if any(obeyed or not event.graph for event in interpretation.mode_calls(_callee_if_off, id(nested))):
        return True
    toggled, passed_by = interpretation.once(_toggled), interpretation.once(_passed_by)
    # what is opened again later is not frozen
    last = max((toggled.last[each] for each in toggled.inside(token, ownership)), default=(0, False))
    return last[1] or any(each != token for each in passed_by.inside(token, ownership))


def _recursed(interpretation: Interpretation) -> frozenset[int]:
    return frozenset(id(each) for value in interpretation.recursed for each in alternatives(value))


def _callee_if_off(event: ModeCall) -> int | None:
    return id(event.callee) if truth(event.flag) is False else None


class _Last:
    """By token: when something happens to it for the last time, and whether it is frozen by that."""

    def __init__(self, told: Iterable[tuple[Token, bool]]) -> None:
        self.last = {token: (number, frozen) for number, (token, frozen) in enumerate(told)}
        self._places = Places(self.last)

    def inside(self, model: Token, ownership: Ownership) -> list[Token]:
        """What of that a model contains."""
        return ownership.inside(model, self.last, self._places)


def _toggled(interpretation: Interpretation) -> _Last:
    return _Last(
        (token, truth(event.value) is not True)
        for event in interpretation.events
        if isinstance(event, TrainableSet)
        for token in tokens_of(event.receiver)
    )


def _passed_by(interpretation: Interpretation) -> _Last:
    """What loops go over and do not set."""
    found = (token_of(value) for each in interpretation.unmet for value in each.among)
    return _Last((token, False) for token in found if token is not None)


def _is_trained(interpretation: Interpretation, nested: Instance) -> bool:
    token, ownership = token_of(nested), ownership_of(interpretation)
    return token is not None and any(ownership.contains(each, token) for each in interpretation.once(_trained))


def _trained(interpretation: Interpretation) -> dict[Token, None]:
    return {
        token: None
        for event in interpretation.timeline
        if isinstance(event, ModelUse) and event.kind in {"train", "compile"}
        for token in tokens_of(event.receiver)
    }


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
