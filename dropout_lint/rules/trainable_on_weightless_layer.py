"""`trainable` is set on Dropout or another layer without weights: it has no effect on anything.

## What it does

Finds `layer.trainable = …` (in a loop with `isinstance`, through `setattr`, as a constructor argument) on
layers that have no weights: every Dropout, noise and augmentation layer, activations, pooling, reshaping.

## Why is this bad

`trainable` decides whether weights get gradients. A layer without weights has nothing to decide: whether
Dropout drops depends on the mode of the call alone. Code that sets it to switch dropout on or off measures
the same thing twice and believes in a difference. `evaluate()` and `predict()` run dropout off whatever
`trainable` says; `fit()` runs it on.

BatchNormalization is different (frozen, it runs in inference mode) and is left alone, and so are loops that
set the flag on all layers of a model.

## Example

```python
for layer in model.layers:
    if isinstance(layer, keras.layers.Dropout):
        layer.trainable = True
model.evaluate(x_test, y_test)
```

## Use instead

```python
model.evaluate(x_test, y_test)  # dropout is off here
model(x_test, training=True)  # and on here
```

## Fix safety

Safe: removing the assignment changes no result. A loop or `if` that is empty without it goes too.

## References

- https://keras.io/getting_started/faq/#whats-the-difference-between-the-training-argument-in-call-and-the-trainable-attribute

## Evidence

Keras 3.15.1 and tf_keras 2.21: in every combination of `trainable`, layer class
and entry point, dropout ran in fit and did not run in evaluate and predict; `dropout-lint verify
fixtures/article/article.py` shows it bit for bit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dropout_lint.findings import Applicability, Confidence, Severity
from dropout_lint.rules.model import Change, Context, Draft, ProbeAt, Rule
from dropout_lint.rules.telling import chain_of
from dropout_lint.semantics.conditions import guard_words
from dropout_lint.semantics.events import Place, TrainableSet
from dropout_lint.semantics.models import mode_of, weightless
from dropout_lint.semantics.trials import is_test_code
from dropout_lint.semantics.values import Instance, Value, alternatives, truth
from dropout_lint.semantics.words import is_mode_name
from dropout_lint.syntax.lazy import cst

if TYPE_CHECKING:
    from collections.abc import Iterator


def check(context: Context) -> Iterator[Draft]:
    """Yield a finding for each ``trainable`` that is set where there is nothing to train."""
    for event in context.interpretation.events:
        if isinstance(event, TrainableSet) and not is_test_code(event.frames):
            layers = _weightless_layers(event.receiver)
            if layers and not _passed_on(event, context):
                yield _draft(event, layers)


def _passed_on(event: TrainableSet, context: Context) -> bool:
    """``trainable=trainable`` on every layer of a block: a uniform setting, not a belief about this one.

    What drops and is handed the mode of the program (``trainable=training``) is believed to switch by it.
    """
    if event.how != "constructor":
        return False
    if isinstance(event.node, cst.Name) and event.node.value in {"True", "False"}:
        return False
    named = guard_words(event.node) if isinstance(event.node, cst.BaseExpression) else frozenset()
    if any(is_mode_name(name) for name in named) and all(
        isinstance(each, Instance) and mode_of(each) in {"dropout", "noise", "augmentation"}
        for each in alternatives(event.receiver)
    ):
        return False
    if all(truth(each) is None for each in alternatives(event.value)):
        return True
    function = id(event.frames[-1].function)
    return bool(context.interpretation.that((TrainableSet,), _function_if_given_weights, function))


def _function_if_given_weights(event: TrainableSet) -> int | None:
    """By what is found that it is handed to layers which have weights: the function in which it is (its id)."""
    if event.how != "constructor" or all(weightless(each) is True for each in alternatives(event.receiver)):
        return None
    return id(event.frames[-1].function)


def _weightless_layers(receiver: Value) -> list[Instance]:
    """The layers, if every one that is meant has no weights."""
    found = alternatives(receiver)
    if all(weightless(each) is True for each in found):
        return [each for each in found if isinstance(each, Instance)]
    return []


def _draft(event: TrainableSet, layers: list[Instance]) -> Draft:
    names = list(dict.fromkeys(layer.class_name for layer in layers))
    told = (
        names[0]
        if len(names) == 1
        else f"{', '.join(names[:-1])} and {names[-1]}"
        if len(names) <= 3
        else "layers without weights"
    )
    wanted = {True: "True", False: "False"}.get(truth(event.value), "…")  # type: ignore[arg-type]
    drops = any(mode_of(layer) in {"dropout", "noise", "augmentation"} for layer in layers)
    several = len(names) > 1
    message = f"`trainable` is set on {told}, which {'have' if several else 'has'} no weights: it has no effect"
    if drops:
        message += f", {'they follow' if several else f'{told} follows'} the mode of the call alone"
    constructor = event.how == "constructor"
    return Draft(
        place=event.place if not constructor else _argument(event),
        message=message,
        confidence=Confidence.HIGH,
        label=f"trainable={wanted} has no effect here",
        help="remove it; the mode of a call is chosen with training=True or training=False" if drops else "remove it",
        chain=chain_of(event.frames) if len(event.frames) > 1 else (),
        fix_title="remove it",
        applicability=Applicability.SAFE,
        changes=_changes(event),
        probe=None if constructor else ProbeAt("toggle", event.place),
    )


def _argument(event: TrainableSet) -> Place:
    if isinstance(event.container, cst.Call) and event.node is not None:
        for argument in event.container.args:
            if argument.value is event.node:
                return Place(event.place.module, argument)
    return event.place


def _changes(event: TrainableSet) -> tuple[Change, ...]:
    module = event.place.module
    if event.how == "constructor":
        place = _argument(event)
        if place is event.place or event.container is None:
            return ()
        return (Change("remove-argument", place, call=Place(module, event.container)),)
    return (Change("remove-statement", event.place),)


RULE = Rule(
    code="KTM201",
    name="trainable-on-weightless-layer",
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    since="0.1.0",
    applicability=Applicability.SAFE,
    triggers=(b"trainable",),
    needs=(frozenset({"trainable-set", "trainable-given"}),),
    check=check,
    doc=__doc__ or "",
)
