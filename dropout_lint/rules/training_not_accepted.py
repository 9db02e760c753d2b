"""`training=` is handed to a method or constructor that does not take it: it raises.

## What it does

Finds `training=` among the arguments of `fit()`, `evaluate()`, `predict()`, `compile()` and the `*_on_batch()`
methods of a model, and of the constructor of a Keras layer or model. Project classes whose constructor takes
the argument, or takes it out of its `**kwargs` before Keras sees them, are left alone.

## Why is this bad

The mode belongs to a call: `fit()` and `train_on_batch()` train, `evaluate()` and `predict()` infer, `model(x,
training=…)` chooses. Everything else raises, with an exception that differs between methods and versions (the
message names it). `keras.Model(inputs, outputs, training=True)` is the exception: Keras 3 accepts it, and it
has no effect.

## Example

```python
layers.Dropout(0.5, training=True)
model.predict(x, training=False)
```

## Use instead

```python
layers.Dropout(0.5)
model.predict(x)
```

## Fix safety

Unsafe: without the argument the program goes on, in the mode that the method has; whoever wanted another one
has to call the model itself.

## References

- https://keras.io/api/models/model_training_apis/

## Evidence

Keras 3.15.1: `ValueError: Unrecognized keyword arguments passed to Dropout: {'training': True}`, `TypeError:
SpatialDropout1D.__init__() got an unexpected keyword argument 'training'` (Sequential likewise), `TypeError:
TensorFlowTrainer.predict() got an unexpected keyword argument 'training'` (fit and *_on_batch likewise),
`ValueError: Arguments not recognized: {'training': False}` of evaluate. tf_keras 2.21: `TypeError: ('Keyword
argument not understood:', 'training')` of constructors, `TypeError: Model.predict() got an unexpected keyword
argument 'training'`, `TypeError: Invalid keyword arguments: ['training']` of evaluate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dropout_lint.findings import Applicability, Confidence, Severity
from dropout_lint.keras.entry_points import rejection
from dropout_lint.rules.model import Change, Context, Draft, ProbeAt, Rule
from dropout_lint.rules.telling import argument_at, chain_of, is_argument, version_text
from dropout_lint.semantics.events import Constructed, MethodCall, Place
from dropout_lint.semantics.models import is_layer
from dropout_lint.semantics.receivers import sureness
from dropout_lint.semantics.trials import is_test_code
from dropout_lint.syntax.lazy import cst

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_METHODS = frozenset(
    {
        "fit", "evaluate", "predict", "compile", "train_on_batch", "test_on_batch", "predict_on_batch",
        "fit_generator", "evaluate_generator", "predict_generator",
    }
)  # fmt: skip


def check(context: Context) -> Iterator[Draft]:
    """Yield a finding for each ``training=`` that nobody takes."""
    for event in context.interpretation.events:
        if isinstance(event, (MethodCall, Constructed)) and not is_test_code(event.frames):
            draft = _of_method(event, context) if isinstance(event, MethodCall) else _of_constructor(event, context)
            if draft is not None:
                yield draft


def _of_method(event: MethodCall, context: Context) -> Draft | None:
    if event.name not in _METHODS or "training" not in event.arguments.keywords:
        return None
    confidence = sureness(event.receiver, event.receiver_text, event.frames, context.interpretation, model=True)
    if confidence is None:
        return None
    told = _versions(context, lambda generation: rejection(event.name, generation))
    return _draft(event, f"`{event.name}()` takes no training flag: {told}", confidence, _remedy(event.name))


def _remedy(method: str) -> str:
    if method in {"fit", "train_on_batch", "fit_generator"}:
        return "leave it out: it always trains"
    if method == "compile":
        return "leave it out: the mode belongs to a call"
    return "leave it out: it always infers; for another mode call the model itself, model(x, training=True)"


def _of_constructor(event: Constructed, context: Context) -> Draft | None:
    instance = event.instance
    # what reaches Keras's own constructor is kept with the object: a project class may have taken it out before
    if "training" not in event.arguments.keywords or "training" not in instance.arguments or not is_layer(instance):
        return None
    name = instance.keras_name or ""
    own = not isinstance(instance.cls, str)
    if not own and name.startswith("keras.models."):
        return None
    subject = instance.class_name
    functional = name == "keras.Model" and not own
    if functional and context.generation == 3:
        message = f"{version_text(context.keras)} accepts training= when a model is made and ignores it"
        severity = Severity.WARNING
    else:
        told = _versions(context, lambda generation: _constructor_raises(name, generation))
        message = f"the constructor of {subject} takes no training flag: {told}"
        severity = Severity.ERROR
    return _draft(
        event,
        message,
        Confidence.HIGH if not own else Confidence.MEDIUM,
        "leave it out and choose the mode where the layer is called: layer(x, training=…)",
        severity,
    )


_WITHOUT_KEYWORDS = ("keras.Sequential", "keras.layers.SpatialDropout", "keras.applications.")
"""Classes and functions of Keras 3 whose signature has no ``**kwargs``: Python itself rejects the argument."""


def _constructor_raises(name: str, generation: int) -> str:
    if generation == 2:
        return "ValueError" if name.startswith("keras.applications.") else "TypeError"
    return "TypeError" if name.startswith(_WITHOUT_KEYWORDS) else "ValueError"


def _versions(context: Context, exception: Callable[[int], str]) -> str:
    if context.generation is not None:
        return f"{version_text(context.keras)} raises {exception(context.generation)}"
    two, three = exception(2), exception(3)
    return f"Keras raises {two}" if two == three else f"Keras 2 raises {two}, Keras 3 {three}"


def _draft(
    event: MethodCall | Constructed,
    message: str,
    confidence: Confidence,
    remedy: str,
    severity: Severity | None = None,
) -> Draft:
    call = event.place
    given = event.arguments.keywords["training"].node
    node = argument_at(call.node, given) if given is not None else call.node
    inside = isinstance(node, cst.Arg) and node.keyword is not None
    place = Place(call.module, node if given is not None and is_argument(node, call.node) else call.node)
    return Draft(
        place=place,
        message=message,
        confidence=confidence,
        severity=severity,
        help=remedy,
        chain=chain_of(event.frames) if len(event.frames) > 1 else (),
        fix_title="leave training= out",
        applicability=Applicability.UNSAFE,
        changes=(Change("remove-argument", place, call=call),) if inside and place.node is node else (),
        probe=ProbeAt("raises", place, "TypeError or ValueError"),
    )


RULE = Rule(
    code="KTM108",
    name="training-not-accepted",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    since="0.1.0",
    applicability=Applicability.UNSAFE,
    triggers=(b"training",),
    needs=(frozenset({"flag-to-other"}),),
    local=True,
    check=check,
    doc=__doc__ or "",
)
