"""A method of PyTorch's modules is called on a Keras layer or model, which has no such method.

## What it does

Finds `.eval()`, `.train()`, `.requires_grad_()`, `.parameters()` and the like on an object that is known to be a Keras
layer or model, on the TensorFlow and JAX backends.

## Why is this bad

Keras has no mode that stays: the mode is chosen in each call, by `training=`, and `fit()`, `evaluate()` and `predict()`
choose it by themselves. The method does not exist, so the line raises AttributeError.

Methods of the same names of other objects (tensors, data frames, PyTorch modules, a project's own classes) are left
alone, and so is everything that might be one of them. On the torch backend a Keras layer is a PyTorch module and has
these methods; what only runs after a test of the backend is left alone.

## Example

```python
model.eval()
predictions = model(x)
```

## Use instead

```python
predictions = model(x, training=False)
```

## Fix safety

Unsafe: without the line that raised, what stands after it runs. There is a fix for `eval()` and `train()` as
statements; whether the calls that follow say `training=` is for their author to see.

## References

- https://keras.io/getting_started/faq/#whats-the-difference-between-the-training-argument-in-call-and-the-trainable-attribute

## Evidence

Keras 3.15.1 on TensorFlow and tf_keras 2.21: `AttributeError: 'Sequential' object has no attribute 'eval'`, likewise
`train` and `parameters`, and on layers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dropout_lint.findings import Applicability, Confidence, Severity
from dropout_lint.keras.foreign import MODE_METHODS, MODULE_METHODS
from dropout_lint.rules.model import Change, Context, Draft, ProbeAt, Rule
from dropout_lint.rules.telling import chain_of
from dropout_lint.semantics.events import Discarded, MethodCall
from dropout_lint.semantics.intent import prepared_for_absence
from dropout_lint.semantics.models import is_layer, is_model
from dropout_lint.semantics.receivers import is_rebound
from dropout_lint.semantics.standard import ANY_NAME
from dropout_lint.semantics.trials import is_test_code
from dropout_lint.semantics.values import Instance
from dropout_lint.semantics.words import words as name_words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dropout_lint.semantics.values import Value

_PLAIN_BASES = frozenset({"builtins.object", "abc.ABC", "typing.Generic"})


def check(context: Context) -> Iterator[Draft]:
    """Yield a finding for each method that the layer or model it is called on does not have."""
    imports = context.interpretation.imports
    if context.backend == "torch" or (context.backend is None and "torch" in imports and "tensorflow" not in imports):
        return
    statements = {id(each.place.node) for each in context.interpretation.events if isinstance(each, Discarded)}
    by_call: dict[int, list[MethodCall]] = {}
    for event in context.interpretation.events:
        if isinstance(event, MethodCall) and event.name in MODULE_METHODS:
            by_call.setdefault(id(event.place.node), []).append(event)
    for node, events in by_call.items():
        # one line may be gone through with several objects: all must be Keras's
        if all(_lacks(event.receiver, event.name, context) for event in events):
            first = events[0]
            if any(_asks_for_backend(each) for each in events):
                continue
            rebound = any(is_rebound(each.receiver_text, each.frames, context.interpretation) for each in events)
            if not is_test_code(first.frames) and not prepared_for_absence(first) and not rebound:
                yield _draft(first, node in statements, context)


def _asks_for_backend(event: MethodCall) -> bool:
    """Whether a test on the way reads the name of the backend: ``if keras.backend.backend() != "torch": raise``."""
    return any("backend" in name_words(name) for guard in event.guards for name in guard)


def _lacks(value: Value, name: str, context: Context) -> bool:
    """Whether a value is a Keras object, all of whose methods are known, and has none of this name."""
    if not isinstance(value, Instance) or not is_layer(value) or value.found_in is not None:
        return False
    if name in value.attributes or ANY_NAME in value.attributes:
        return False
    cls = value.cls
    if isinstance(cls, str):
        # on what wraps a module of PyTorch's, somebody knows what he does
        if cls == "keras.layers.TorchModuleWrapper":
            return False
        return cls != "keras.Model" or "outputs" in value.arguments or _is_loaded(value, name, context)
    return (
        cls.find(name) is None
        and cls.find("__getattr__") is None
        and cls.find("__getattribute__") is None
        and not cls.decorators
        and not cls.has_unknown_base
        and all(base.is_keras or base.name in _PLAIN_BASES for base in cls.external_bases)
    )


def _is_loaded(value: Instance, name: str, context: Context) -> bool:
    """Whether a model comes from a file, and is of none of the classes in sight that have the method."""
    return (
        "__loaded__" in value.arguments
        and "custom_objects" not in value.arguments
        and all(cls.find(name) is None for cls in context.interpretation.classes)
    )


def _draft(event: MethodCall, statement: bool, context: Context) -> Draft:
    receiver = event.receiver
    assert isinstance(receiver, Instance)
    what = "model" if is_model(receiver) else "layer"
    foreseen = isinstance(receiver.cls, str) and "__loaded__" not in receiver.arguments
    known = context.backend is not None
    text = event.receiver_text or receiver.class_name
    error = "raises AttributeError" if known else "raises AttributeError on the TensorFlow and JAX backends"
    return Draft(
        place=event.place,
        message=f"`{text}` is a Keras {what} and has no {event.name}(): this {error}",
        confidence=Confidence.HIGH if foreseen else Confidence.MEDIUM,
        label=f"a method of PyTorch's modules, not of {receiver.class_name}",
        help=_help(event.name),
        chain=chain_of(event.frames) if len(event.frames) > 1 else (),
        fix_title=f"remove {event.name}()",
        applicability=Applicability.UNSAFE,
        changes=(Change("remove-statement", event.place),) if statement and event.name in MODE_METHODS else (),
        probe=ProbeAt("raises", event.place, "AttributeError"),
    )


def _help(name: str) -> str:
    return {
        "eval": "remove it, and say training=False where the model is called; evaluate() and predict() do so",
        "train": "remove it, and say training=True where the model is called in a training step; fit() does so",
        "requires_grad_": "set trainable before compile()",
        "zero_grad": "remove it: a GradientTape starts from nothing",
    }.get(name, "use model.trainable_variables")


RULE = Rule(
    code="KTM303",
    name="torch-mode-method",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    since="0.1.0",
    applicability=Applicability.UNSAFE,
    triggers=(b".eval(", b".train(", b".requires_grad_(", b"parameters(", b".zero_grad("),
    needs=(frozenset({"torch-method"}),),
    check=check,
    doc=__doc__ or "",
)
