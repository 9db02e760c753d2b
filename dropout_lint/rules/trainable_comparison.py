"""`trainable` is compared instead of assigned, or misspelt: nothing is frozen, and nothing complains.

## What it does

Finds `layer.trainable == False` where it stands as a statement, and assignments to an attribute whose name is
`trainable` up to a slip of the fingers or a capital (`trainble`, `Trainable`, `is_trainable`).

## Why is this bad

A comparison that nobody looks at does nothing. An assignment to a name that Keras does not know is accepted by every
layer and model, and does nothing either. The layer that was to be frozen trains: pretrained weights are overwritten,
and the only sign is a number in `model.summary()`.

Attributes that the project's own code reads are left alone, whatever they are called, and so are comparisons whose
outcome is used or shown: conditions, assertions, the last line of a notebook's cell.

## Example

```python
for layer in base.layers:
    layer.trainble = False
base.layers[0].trainable == False
```

## Use instead

```python
for layer in base.layers:
    layer.trainable = False
base.layers[0].trainable = False
```

## Fix safety

Unsafe: what was not frozen will be, so the training that follows changes.

## References

- https://keras.io/guides/transfer_learning/#freezing-layers-understanding-the-trainable-attribute

## Evidence

Keras 3.15.1 and tf_keras 2.21: after `layer.trainble = False`, `layer.Trainable = False` and
`layer.trainable == False` the layer's `trainable` is True, and its weights move in fit. `layer._trainable = False`
freezes a layer on tf_keras 2.21, and on Keras 3.15.1 only one that is not built yet, because variables keep their own
flag: it is Keras's own attribute, and left alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dropout_lint.findings import Applicability, Confidence, Severity
from dropout_lint.rules.model import Change, Context, Draft, ProbeAt, Rule
from dropout_lint.rules.telling import chain_of
from dropout_lint.semantics.attribute_reads import is_read
from dropout_lint.semantics.events import AttributeSet, Discarded
from dropout_lint.semantics.receivers import sureness_by_trainable
from dropout_lint.semantics.spelling import is_misspelt
from dropout_lint.semantics.trials import is_test_code
from dropout_lint.semantics.values import Const, Opaque, alternatives, truth
from dropout_lint.syntax.lazy import cst

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dropout_lint.semantics.values import Value

_NAME = "trainable"


def check(context: Context) -> Iterator[Draft]:
    """Yield a finding for each `trainable` that is compared rather than set, or set under another name."""
    for event in context.interpretation.events:
        if isinstance(event, Discarded) and event.meant is not None and event.meant.name == _NAME:
            meant = event.meant
            confidence = _confidence(meant, context)
            if confidence is not None and not _shown_by_a_notebook(meant):
                yield _compared(meant, confidence)
        elif isinstance(event, AttributeSet) and is_misspelt(event.name):
            confidence = _confidence(event, context)
            if confidence is not None and not is_read(context.interpretation, event.receiver, event.name):
                yield _misspelt(event, confidence)


def _confidence(event: AttributeSet, context: Context) -> Confidence | None:
    if is_test_code(event.frames) or not _is_flag(event.value):
        return None
    return sureness_by_trainable(event.receiver, event.receiver_text, event.frames, context.interpretation)


def _is_flag(value: Value) -> bool:
    """Whether a value may be one that `trainable` is set to."""
    return all(
        isinstance(each, Opaque) or (isinstance(each, Const) and isinstance(each.value, (bool, int, type(None))))
        for each in alternatives(value)
    )


def _shown_by_a_notebook(event: AttributeSet) -> bool:
    """Whether a cell may show the outcome: what stands at the top of a notebook's module."""
    return (
        event.place.module.path.suffix == ".ipynb"
        and len(event.frames) == 1
        and event.frames[0].function is None
        and not event.loops
    )


def _wanted(event: AttributeSet) -> str:
    return {True: "True", False: "False"}.get(truth(event.value), "…")  # type: ignore[arg-type]


def _consequence(event: AttributeSet) -> str:
    return {False: "the weights stay trainable", True: "the weights stay as they are"}.get(
        truth(event.value),  # type: ignore[arg-type]
        "it freezes and opens nothing",
    )


def _compared(event: AttributeSet, confidence: Confidence) -> Draft:
    text = event.receiver_text
    return Draft(
        place=event.place,
        message=f"`{text}.trainable == {_wanted(event)}` compares and does not assign: {_consequence(event)}",
        confidence=confidence,
        label="the outcome goes nowhere",
        help="assign it with a single `=`",
        chain=chain_of(event.frames) if len(event.frames) > 1 else (),
        fix_title="assign it",
        applicability=Applicability.UNSAFE,
        changes=_assigned(event),
        probe=ProbeAt("weights", event.place, "stay" if truth(event.value) is True else "move"),
    )


def _assigned(event: AttributeSet) -> tuple[Change, ...]:
    node = event.place.node
    if not isinstance(node, cst.Comparison) or node.lpar:
        return ()
    tree = event.place.module.tree
    target, value = (tree.code_for_node(each).strip() for each in (node.left, node.comparisons[0].comparator))
    return (Change("replace", event.place, f"{target} = {value}"),)


def _misspelt(event: AttributeSet, confidence: Confidence) -> Draft:
    return Draft(
        place=event.place,
        message=f"`{event.receiver_text}.{event.name}` is not `trainable`: Keras accepts it and does not read it, "
        f"{_consequence(event)}",
        confidence=confidence,
        label="a new attribute that nobody reads",
        help="spell it `trainable`",
        chain=chain_of(event.frames) if len(event.frames) > 1 else (),
        fix_title="spell it `trainable`",
        applicability=Applicability.UNSAFE,
        changes=(Change("replace", event.place, f"{event.receiver_text}.trainable"),)
        if isinstance(event.place.node, cst.Attribute)
        else (),
        probe=ProbeAt("weights", event.place, "stay" if truth(event.value) is True else "move"),
    )


RULE = Rule(
    code="KTM206",
    name="trainable-comparison",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    since="0.1.0",
    applicability=Applicability.UNSAFE,
    triggers=(b"rain", b"RAIN", b"able =", b"able=", b"abel =", b"abel=", b'able"', b"able'"),
    needs=(frozenset({"trainable-compared", "trainable-misspelt"}),),
    local=True,
    check=check,
    doc=__doc__ or "",
)
