"""Dropout behind a model's last softmax or sigmoid: it drops the answer itself.

## What it does

Finds a model that is compiled and whose last layer is a dropout layer behind a softmax or sigmoid: in
`Sequential([...])`, built with `add`, or as the output of a functional model.

## Why is this bad

The dropout works on the probabilities. In training some of them become zero, whatever the input, and the rest no
longer sum to one: a dropped true class costs an unbounded loss, and a row whose entries are all dropped
divides zero by zero. In inference nothing is dropped, so `evaluate()` looks fine.

Dropout between layers, on logits and on the output of a regression is left alone.

## Example

```python
model = keras.Sequential([
    keras.layers.Dense(64, activation="relu"),
    keras.layers.Dense(10, activation="softmax"),
    keras.layers.Dropout(0.5),
])
```

## Use instead

```python
model = keras.Sequential([
    keras.layers.Dense(64, activation="relu"),
    keras.layers.Dropout(0.5),
    keras.layers.Dense(10, activation="softmax"),
])
```

## Fix safety

There is no fix: where the dropout belongs is a decision about the model.

## References

- https://keras.io/api/layers/regularization_layers/dropout/

## Evidence

Keras 3.15.1 on TensorFlow: `Dense(3, activation="softmax")` and `Dropout(0.5)` behind it, fitted with
categorical crossentropy: the loss is nan after one epoch of 64 rows, with the dropout in front of the last
layer it is finite.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dropout_lint.findings import Confidence, Severity
from dropout_lint.rules.model import Context, Draft, ProbeAt, Rule
from dropout_lint.semantics.events import ModelUse, Place
from dropout_lint.semantics.models import last_layers, mode_of
from dropout_lint.semantics.trials import is_test_code
from dropout_lint.semantics.values import Const, External, Instance, Value, alternatives

if TYPE_CHECKING:
    from collections.abc import Iterator

_ANSWERS = frozenset({"softmax", "sigmoid", "hard_sigmoid", "log_softmax"})


def check(context: Context) -> Iterator[Draft]:
    """Yield a finding for each compiled model that drops its own answer."""
    for event in context.interpretation.events:
        if isinstance(event, ModelUse) and event.kind == "compile" and not is_test_code(event.frames):
            for model in alternatives(event.receiver):
                if isinstance(model, Instance):
                    yield from _of_model(model)


def _of_model(model: Instance) -> Iterator[Draft]:
    layers = last_layers(model)
    dropped: Instance | None = None
    for layer in reversed(layers):
        if mode_of(layer) == "dropout":
            dropped = dropped or layer
            continue
        answer = _answer(layer)
        if dropped is not None and answer is not None:
            yield Draft(
                place=Place(dropped.module, dropped.node),
                message=(
                    f"{dropped.class_name} stands behind the model's {answer}: in training it sets probabilities of "
                    "the answer to zero"
                ),
                confidence=Confidence.HIGH,
                label=f"drops what the {answer} puts out",
                help="put it in front of the last layer, or leave it out",
                probe=ProbeAt("output", Place(dropped.module, dropped.node), False),
            )
        return


def _answer(layer: Instance) -> str | None:
    """The name of the activation by which a layer puts out probabilities, or None."""
    if layer.keras_name == "keras.layers.Softmax":
        return "softmax"
    given: Value | None = layer.arguments.get("activation")
    if isinstance(given, Const) and isinstance(given.value, str):
        name = given.value
    elif isinstance(given, External):
        name = given.name.rpartition(".")[2]
    else:
        return None
    return name if name in _ANSWERS else None


RULE = Rule(
    code="KTM504",
    name="dropout-on-output",
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    since="0.1.0",
    applicability=None,
    triggers=(b"ropout",),
    needs=(frozenset({"compiled-answer"}),),
    local=True,
    check=check,
    doc=__doc__ or "",
)
