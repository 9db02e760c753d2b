"""A model with augmentation layers is exported: the served signature augments.

## What it does

Finds `model.export(...)`, and `ExportArchive.add_endpoint(fn=model.call)`, `model.__call__` or a function that calls
the model without a flag, of functional and Sequential models that hold augmentation layers such as `RandomFlip`.

## Why is this bad

The signature is traced from the model called without a flag, and the default of augmentation layers is
`training=True`. The served model flips and crops every request at random, and answers the same request
differently each time, although `predict()` of the same model is exact.

`model.save()`, `TFLiteConverter.from_keras_model` and `tf.saved_model.save` of Keras 2 trace in inference mode and
are left alone.

## Example

```python
model = keras.Sequential([keras.Input((64, 64, 3)), keras.layers.RandomFlip(), backbone, head])
model.export("served")
```

## Use instead

```python
trained = keras.Sequential([keras.layers.RandomFlip(), core])
trained.fit(images, labels)
core.export("served")
```

## Fix safety

There is no fix: the model that should be exported has to be built.

## References

- https://keras.io/api/models/model_saving_apis/export/

## Evidence

Keras 3.15.1 and tf_keras 2.21: of Sequential and functional models with RandomFlip and RandomTranslation, two calls
of the served signature of `export()` and of an endpoint made from `model.call` differ, two `predict()` calls agree to
the last bit, and so do two runs of the TFLite model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dropout_lint.findings import Confidence, Severity
from dropout_lint.rules.model import Context, Draft, ProbeAt, Rule
from dropout_lint.rules.telling import chain_of, version_text
from dropout_lint.semantics.events import MethodCall, ModelUse
from dropout_lint.semantics.models import augmenting_layers, is_model, switched_off_in_graph
from dropout_lint.semantics.trials import is_test_code
from dropout_lint.semantics.values import Const, FunctionValue, Instance, Method, Value, alternatives

if TYPE_CHECKING:
    from collections.abc import Iterator


def check(context: Context) -> Iterator[Draft]:
    """Yield a finding for each export of a model that augments."""
    for event in context.interpretation.events:
        if not isinstance(event, MethodCall) or is_test_code(event.frames):
            continue
        for model in _exported(event, context):
            layers = augmenting_layers(model)
            if layers and not switched_off_in_graph(layers, context.interpretation):
                yield _draft(event, layers, context)
                break


def _exported(event: MethodCall, context: Context) -> tuple[Value, ...]:
    if event.name == "export":
        written = event.arguments.keywords.get("format")
        if written is not None and not (isinstance(written.value, Const) and written.value.value == "tf_saved_model"):
            return ()
        return tuple(each for each in alternatives(event.receiver) if is_model(each))
    if event.name == "add_endpoint":
        given = event.arguments.get("fn", 1)
        found = alternatives(given.value) if given is not None else ()
        models: list[Value] = []
        for each in found:
            if isinstance(each, FunctionValue):
                models += _called_bare(each, context)
            else:
                models.append(each.receiver if isinstance(each, Method) else each)
        return tuple(models)
    return ()


def _called_bare(function: FunctionValue, context: Context) -> tuple[Value, ...]:
    """The models that a function calls without a word on the mode."""
    calls = context.interpretation.that((ModelUse,), _function_if_bare, id(function.node))
    return tuple(event.receiver for event in calls)


def _function_if_bare(event: ModelUse) -> int | None:
    """By what calls are found that say nothing of the mode: the function in which they stand (id of its node)."""
    function = event.frames[-1].function
    bare = event.kind == "call" and event.bare is not None and not event.bare.none
    return id(function.node) if bare and function is not None else None


def _draft(event: MethodCall, layers: tuple[Instance, ...], context: Context) -> Draft:
    names = list(dict.fromkeys(layer.class_name for layer in layers))
    holding = context.where("export-augments")
    return Draft(
        place=event.place,
        message=(
            f"the exported model augments: {' and '.join(names[:2])} {'act' if len(names) > 1 else 'acts'} on every "
            "request, since the signature is traced without a flag"
        ),
        confidence=Confidence.HIGH,
        severity=None if holding.certain else Severity.NOTE,
        label=f"traces {names[0]} with its default, training=True",
        help="export a model without the augmentation layers: keep them in the input pipeline or in an outer model",
        notes=(f"on {version_text(context.keras)} predict() of the same model does not augment",),
        chain=chain_of(event.frames) if len(event.frames) > 1 else (),
        probe=ProbeAt("export", event.place, False),
        keras=() if holding.certain else holding.versions,
    )


RULE = Rule(
    code="KTM602",
    name="augmentation-in-export",
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    since="0.1.0",
    applicability=None,
    triggers=(b".export(", b"add_endpoint"),
    needs=(frozenset({"augmentation"}),),
    check=check,
    doc=__doc__ or "",
)
