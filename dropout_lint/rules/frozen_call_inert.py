"""`base(x, training=False)` in a functional graph does not keep batch normalisation in inference in `fit()`.

## What it does

Finds a flag of False that is written into a functional graph for a model with BatchNormalization which is
trainable when the graph is fitted: it was never frozen, or it was opened again for fine-tuning. A base that
stays frozen, a BatchNormalization that is frozen by itself, the call in a subclassed model, Keras 2 and Keras
3.16 are left alone.

## Why is this bad

The transfer learning guide of Keras promises that the flag keeps batch normalisation in inference mode after
the base is unfrozen. Keras 3.3 to 3.15 hand the mode of `fit()` to every layer of a functional graph and ignore
the flag: batch statistics are used and learned, from small batches, with a network that was trained with
others. It is a note, because the recipe is the official one, and often costs little.

## Example

```python
outputs = layers.Dense(1)(base(inputs, training=False))
model = keras.Model(inputs, outputs)
base.trainable = True
model.compile("adam", "mse")
model.fit(x, y)
```

## Use instead

```python
base.trainable = True
for layer in base.layers:
    if isinstance(layer, layers.BatchNormalization):
        layer.trainable = False
```

## Fix safety

There is no automatic fix: which layers should learn is a question of the task.

## References

- https://keras.io/guides/transfer_learning/
- https://github.com/keras-team/keras/issues/20285

## Evidence

In fit() the moving mean of a BatchNormalization below `base(x, training=False)` moves
on Keras 3.3.3 to 3.15.1 once the base is trainable, and stays on tf_keras 2.21 and on the development version
of 3.16. Fine-tuning in batches of 2 at a learning rate of 1e-6: loss in fit 3.04 against .023, accuracy .9528
against .9580.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dropout_lint.findings import Confidence, Severity
from dropout_lint.keras.entry_points import application
from dropout_lint.rules.model import Context, Draft, ProbeAt, Rule
from dropout_lint.rules.telling import argument_at, chain_of, name_of_callee, version_text
from dropout_lint.semantics.events import ModeCall, ModelUse, Place, TrainableSet
from dropout_lint.semantics.models import calls_in_graph, content, inner_layers, is_layer, is_model, mode_of, nested
from dropout_lint.semantics.trials import is_test_code
from dropout_lint.semantics.values import Instance, Items, Opaque, Value, alternatives, truth

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dropout_lint.keras.versions import Holding
    from dropout_lint.semantics.events import Interpretation


def check(context: Context) -> Iterator[Draft]:
    """Yield a note for each False in a graph that ``fit`` overrides for batch normalisation."""
    ignored = context.where("functional-hardcoded-flag-honoured-by-fit", False)
    if not ignored.possible:
        return
    for event in context.interpretation.events:
        if (
            isinstance(event, ModeCall)
            and event.graph
            and truth(event.flag) is False
            and isinstance(event.callee, Instance)
            and is_layer(event.callee)
            and not any(frame.hook == "call" for frame in event.frames)
            and not is_test_code(event.frames)
            and _normalises(event.callee)
            and _learns(event, event.callee, context.interpretation)
        ):
            yield _draft(event, ignored, context)


def _normalises(base: Instance) -> bool:
    known = application(base.keras_name or "")
    if known is not None:
        return known.batch_normalization
    return any(mode_of(layer) == "batch-statistics" for layer in content(base).layers)


def _learns(event: ModeCall, base: Instance, interpretation: Interpretation) -> bool:
    """Whether the base is trainable as a whole when a model of this very graph is fitted."""
    return any(
        event.serial in interpretation.once(_calls_inside, model) for model in interpretation.once(_fitted_open, base)
    )


def _fitted_open(interpretation: Interpretation, base: Instance) -> tuple[Instance, ...]:
    """The models that are fitted while the base, if it is in them, is trainable as a whole."""
    trainable: bool | None = True
    compiled: dict[int, bool | None] = {}
    found: dict[Instance, None] = {}
    for moment in interpretation.timeline:
        if isinstance(moment, TrainableSet):
            trainable = _after(trainable, base, moment)
        elif isinstance(moment, ModelUse) and isinstance(moment.receiver, Instance):
            model = moment.receiver
            if moment.kind == "compile":
                compiled.pop(model.serial, None)
            # what is trainable is decided when a train function is first used, and kept until the next compile
            elif moment.kind == "train" and compiled.setdefault(model.serial, trainable) is True:
                found[model] = None
    return tuple(found)


def _calls_inside(_: Interpretation, model: Instance) -> frozenset[int]:
    """The calls (their serials) that are part of the graph of a functional model, or of one inside it."""
    return frozenset().union(*(calls_in_graph(each) for each in (model, *nested(model))))


def _after(trainable: bool | None, base: Instance, moment: TrainableSet) -> bool | None:
    """Whether all of the base is trainable after a moment; None where only a part of it may be."""
    for each in alternatives(moment.receiver):
        if each is base or (isinstance(each, Instance) and _holds(each, base)):
            before, now = trainable, truth(moment.value)
            # setting True again opens nothing that was frozen by itself
            return None if now is True and before is None else now
        if (_is_part(each, base) or _may_hold(each)) and truth(moment.value) is not trainable:
            return None
    return trainable


def _may_hold(value: Value) -> bool:
    """Whether a model is not known well enough to say that it does not hold something."""
    return isinstance(value, Instance) and is_model(value) and inner_layers(value) is None


def _is_part(value: Value, base: Instance) -> bool:
    """Whether a value is, or may be, a layer inside the base."""
    if isinstance(value, Opaque):
        return value.key is None or value.key[0] != "instance" or value.key[1] == base.serial
    if isinstance(value, Items):
        return any(_is_part(each, base) for each in value.items)
    return isinstance(value, Instance) and (
        any(value is layer for layer in content(base).layers) or _holds(base, value)
    )


def _holds(model: Instance, wanted: Instance) -> bool:
    return any(each is wanted for each in nested(model))


def _draft(event: ModeCall, ignored: Holding, context: Context) -> Draft:
    subject = name_of_callee(event)
    version = version_text(context.keras) if ignored.certain else ignored.text
    return Draft(
        place=Place(event.choice.place.module, argument_at(event.choice.call, event.choice.place.node)),
        message=(
            f"in fit() {version} ignores this flag of `{subject}`, which is trainable: its BatchNormalization uses and "
            "learns batch statistics"
        ),
        confidence=Confidence.HIGH,
        severity=Severity.NOTE,
        help="set trainable = False on its BatchNormalization layers before compile()",
        notes=("Keras 2 and 3.16 (in development) keep it in inference mode",),
        chain=chain_of(event.frames) if len(event.frames) > 1 else (),
        probe=ProbeAt("mode", event.place, "inference"),
        keras=() if ignored.certain else ignored.versions,
    )


RULE = Rule(
    code="KTM113",
    name="frozen-call-inert",
    severity=Severity.NOTE,
    confidence=Confidence.HIGH,
    since="0.1.0",
    applicability=None,
    triggers=(b"training",),
    needs=(frozenset({"flag-false", "flag-other", "flag-by-position"}), frozenset({"fits"})),
    check=check,
    doc=__doc__ or "",
)
