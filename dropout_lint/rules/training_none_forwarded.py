"""A sublayer is called with `training=None` inside `call`: from Keras 3.10 on that means inference, also in `fit()`.

## What it does

Finds `self.drop(x, training=None)` in `call`, and a method that `call` uses without its `training=None`
parameter, which then hands the None on to layers. Calls outside `call`, where None is what Keras would take
anyway, are left alone, and so is a functional graph under construction.

## Why is this bad

On Keras 2, and on Keras 3 up to 3.9, None means "as the call around it". From 3.10 on an explicit None is an
answer: dropout never drops and batch normalisation never learns its statistics, in `fit()` too, without a
warning. The None also reaches the layers after it that are called without a flag. Where the Keras version is
not known, the finding is a note.

## Example

```python
def call(self, x, training=None):
    return self.head(self.dropout(x, training=None))
```

## Use instead

```python
def call(self, x, training=None):
    return self.head(self.dropout(x, training=training))
```

## Fix safety

Unsafe: it turns dropout on in training.

## References

- https://keras.io/guides/making_new_layers_and_models_via_subclassing/

## Evidence

Measured in fit(): with `self.drop(x, training=None)` dropout runs on tf_keras 2.21 and Keras 3.3 to 3.9.2, and
never runs on 3.10 to 3.15.1; `self.norm(x, training=None)` leaves the moving mean at 0. On 3.15.1 a later
`self.other(x)` gets None as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dropout_lint.findings import Applicability, Confidence, Severity
from dropout_lint.rules.model import Change, Context, Draft, ProbeAt, Rule
from dropout_lint.rules.telling import argument_at, chain_of, version_text
from dropout_lint.semantics.events import Frame, NoneForwarded, Place, choosing_call
from dropout_lint.semantics.models import Content, content, mode_of
from dropout_lint.semantics.receivers import sureness
from dropout_lint.semantics.trials import is_test_code
from dropout_lint.semantics.values import Method, alternatives
from dropout_lint.syntax.lazy import cst

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dropout_lint.keras.versions import Holding


def check(context: Context) -> Iterator[Draft]:
    """Yield a finding for each None that a ``call`` gives to a sublayer."""
    off = context.where("explicit-none-inherits", False)
    if not off.possible:
        return
    for event in context.interpretation.events:
        if not isinstance(event, NoneForwarded) or event.graph or not event.direct or is_test_code(event.frames):
            continue
        frame = choosing_call(event)
        held = content(event.callee)
        if frame is None or held.empty or any(isinstance(each, Method) for each in alternatives(event.callee)):
            continue
        confidence = sureness(event.callee, event.callee_text, event.frames, context.interpretation)
        if confidence is not None:
            yield _draft(event, frame, held, Confidence.LOW if not held.layers else confidence, off, context)


def _draft(
    event: NoneForwarded, frame: Frame, held: Content, confidence: Confidence, off: Holding, context: Context
) -> Draft:
    choice = event.choice
    place = Place(choice.place.module, argument_at(choice.call, choice.place.node))
    left_out = choice.place.node is choice.call
    how = f"is called without `{choice.parameter}`, so its layers get None" if left_out else "gets training=None"
    version = version_text(context.keras) if off.certain else off.text
    subject = _called(choice.call, place) if left_out else event.callee_text
    return Draft(
        place=place,
        message=f"`{subject}` {how}: on {version} {_consequence(held)}, also in fit()",
        confidence=confidence,
        severity=None if off.certain else Severity.NOTE,
        help="pass the mode on: training=training",
        notes=("layers after it that are called without a flag get None as well",),
        chain=chain_of(event.frames[event.frames.index(frame) :]) if event.frames[-1] is not frame else (),
        fix_title="pass the mode on",
        applicability=Applicability.UNSAFE,
        changes=_changes(event, place, left_out),
        probe=ProbeAt("mode", event.place, "phase"),
        keras=() if off.certain else off.versions,
    )


def _called(call: cst.CSTNode, place: Place) -> str:
    return place.module.tree.code_for_node(call.func).strip() if isinstance(call, cst.Call) else "it"


def _consequence(held: Content) -> str:
    layer = held.layers[0] if held.layers else None
    if layer is None:
        return "it runs in inference mode"
    if mode_of(layer) == "batch-statistics":
        return f"{layer.class_name} never learns its statistics"
    return f"{layer.class_name} stays off"


def _changes(event: NoneForwarded, place: Place, left_out: bool) -> tuple[Change, ...]:
    function = event.choice.frame.function
    if function is None:
        return ()
    parameters = function.node.params
    known = any(each.name.value == "training" for each in (*parameters.params, *parameters.kwonly_params))
    if left_out:
        return (Change("add-argument", place, f"{event.choice.parameter}=training"),) if known else ()
    if isinstance(event.choice.place.node, cst.Arg):
        return ()
    if known:
        return (Change("replace", event.choice.place, "training"),)
    if isinstance(place.node, cst.Arg):
        return (Change("remove-argument", place, call=Place(place.module, event.choice.call)),)
    return ()


RULE = Rule(
    code="KTM110",
    name="training-none-forwarded",
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    since="0.1.0",
    applicability=Applicability.UNSAFE,
    triggers=(b"training",),
    needs=(frozenset({"flag-none", "flag-other"}),),
    local=True,
    check=check,
    doc=__doc__ or "",
)
