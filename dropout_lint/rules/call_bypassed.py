"""A layer is run past Keras, which then cannot tell it the mode: `layer.call(x)`, or a `__call__` of one's own.

## What it does

Finds, inside `call`, `self.dropout.call(x)` without a flag on a layer whose behaviour depends on the mode; a training
step that runs `model.call(x)` of a model whose layers are not told the mode by its `call`; classes of layers and models
that override `__call__` with a mode parameter of their own (without `super().__call__`) that callers leave out; and
models that override it without one and are trained with `fit()`.

## Why is this bad

The mode travels in `Layer.__call__`. What is called as `layer.call(x)` does not get it: dropout is off and statistics
are not learned, in `fit()` too. A `__call__` of one's own replaces the machinery altogether. Then the default of its
parameter decides: with True, every bare call is in training mode and on Keras 3 `predict()` is too; with False, `fit()`
on Keras 3 trains in inference mode.

`layer.call(x, training=training)`, `super().call(…)` and calls that pass the flag are left alone.

## Example

```python
def call(self, x, training=None):
    return self.dropout.call(self.hidden(x))
```

## Use instead

```python
def call(self, x, training=None):
    return self.dropout(self.hidden(x), training=training)
```

## Fix safety

Unsafe: the layer follows the mode from then on.

## References

- https://keras.io/guides/making_new_layers_and_models_via_subclassing/

## Evidence

Measured on keras 3.15.1 and tf_keras 2.21: `self.dropout.call(x)` and `self.norm.call(x)` in a model's `call` are in
inference mode in fit on both. A model with `__call__(self, x, training=False)`: dropout off in fit on Keras 3, on in
tf_keras; with `training=True`: on in predict on Keras 3, off in tf_keras; with `__call__(self, x)` alone: off in fit on
Keras 3, TypeError in tf_keras. A layer with a mode in its `__call__`, called without it in a model's `call`: off in fit
on both. A step that trains `model.call(x)` runs the layers in it in inference mode (fixtures/call-bypassed).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dropout_lint.findings import Applicability, Confidence, Severity
from dropout_lint.rules.model import Change, Context, Draft, ProbeAt, Rule
from dropout_lint.rules.telling import chain_of, stays_inactive
from dropout_lint.semantics.events import Frame, LayerCall, ModelUse, Place
from dropout_lint.semantics.intent import class_says_intent
from dropout_lint.semantics.models import MODEL_NAMES, content, is_keras_class, is_model, mode_of
from dropout_lint.semantics.signatures import parameters
from dropout_lint.semantics.tags import tags_of
from dropout_lint.semantics.trials import is_test_code
from dropout_lint.semantics.untold import untold
from dropout_lint.semantics.values import ClassValue, FunctionValue, Instance
from dropout_lint.semantics.words import names_mode
from dropout_lint.syntax.lazy import cst

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dropout_lint.semantics.events import Interpretation


def check(context: Context) -> Iterator[Draft]:
    """Yield a finding for each layer that Keras cannot tell the mode."""
    for event in context.interpretation.events:
        if isinstance(event, LayerCall) and _bypasses(event):
            yield _direct_call(event)
    yield from _trained(context)
    for cls in context.interpretation.classes:
        function = cls.attributes.get("__call__")
        if isinstance(function, FunctionValue) and is_keras_class(cls) and not class_says_intent(cls):
            yield from _own_call(cls, function, context)


# layer.call(x) -----------------------------------------------------------------------------------------------


def _bypasses(event: LayerCall) -> bool:
    """Whether a sublayer's ``call`` is used without a flag, inside a ``call``."""
    func = event.place.node.func if isinstance(event.place.node, cst.Call) else None
    if event.direct or event.flag is not None or not isinstance(func, cst.Attribute) or func.attr.value != "call":
        return False
    if event.text_is_super or is_model(event.callee) or isinstance(event.callee.cls, ClassValue):
        return False
    if event.arguments.unknown_keywords is not None or is_test_code(event.frames):
        return False
    inside = any(frame.hook == "call" and frame.receiver is not event.callee for frame in event.frames)
    return inside and any(mode_of(layer) != "augmentation" for layer in content(event.callee).layers)


def _direct_call(event: LayerCall) -> Draft:
    func = event.place.node.func if isinstance(event.place.node, cst.Call) else None
    receiver = func.value if isinstance(func, cst.Attribute) else None
    layer = content(event.callee).layers[0]
    effect = (
        "never updates its statistics"
        if mode_of(layer) in {"batch-statistics", "power-iteration"}
        else "never runs in training mode"
    )
    changes: tuple[Change, ...] = ()
    if func is not None and receiver is not None:
        text = event.place.module.tree.code_for_node(receiver).strip()
        changes = (Change("replace", Place(event.place.module, func), text),)
    return Draft(
        place=event.place,
        message=f"`{event.callee_text}` goes past Keras, which hands on the mode: {layer.class_name} {effect}",
        confidence=Confidence.HIGH,
        label=f"calls {layer.class_name} without a mode",
        help="call the layer itself and pass the mode on",
        chain=chain_of(event.frames) if len(event.frames) > 1 else (),
        fix_title="call the layer itself",
        applicability=Applicability.UNSAFE,
        changes=changes,
        probe=ProbeAt("layer-call", event.place, "inherit"),
    )


def _trained(context: Context) -> Iterator[Draft]:
    """Models whose ``call`` a training step runs by itself, and whose layers wait for Keras to tell them the mode."""
    told: set[int] = set()
    for each in untold(context.interpretation):
        if each.bypass is None or not each.layers or not each.sure:
            continue
        call, model = each.bypass
        if id(call.node) in told:
            continue
        told.add(id(call.node))
        subject = call.module.source_of(model)
        yield Draft(
            place=call,
            message=(
                f"`{subject}.call()` goes past Keras, which hands on the mode: what is trained here is in inference "
                f"mode, {stays_inactive(each.layers)}"
            ),
            confidence=Confidence.HIGH,
            label="Keras does not see this call",
            help=f"call the model itself: {subject}(…, training=True)",
            chain=(*chain_of(each.event.frames), (each.event.place, "says nothing of the mode")),
            probe=ProbeAt("mode", each.event.place, True),
        )


# def __call__(self, x, training=…) ---------------------------------------------------------------------------


def _own_call(cls: ClassValue, function: FunctionValue, context: Context) -> Iterator[Draft]:
    calls = context.interpretation.among((LayerCall,), _functions, id(function))
    if not calls or is_test_code(calls[0].frames) or any(_is_super(event, function) for event in calls):
        return
    modes = [each for each in parameters(function)[1:] if names_mode(each.name.value)]
    if not modes and function.node.params.star_kwarg is None:
        yield from _without_mode(cls, function, calls, context)
    for each in modes:
        if each.default is None:
            continue
        told = [event for event in calls if _is_told(event, function, each.name.value)]
        held = [layer for event in told for layer in content(event.callee).layers]
        default = function.module.tree.code_for_node(each.default).strip()
        if held and default in {"True", "False", "None"}:
            yield from _by_default(cls, function, each, default, held, calls, context)


def _without_mode(
    cls: ClassValue, function: FunctionValue, calls: Sequence[LayerCall], context: Context
) -> Iterator[Draft]:
    """A model whose ``__call__`` takes no mode at all, and which ``fit()`` trains."""
    untold = [layer for event in calls if event.flag is None for layer in content(event.callee).layers]
    held = [layer for layer in untold if mode_of(layer) != "augmentation"]
    if not held or (cls.keras_base or "") not in MODEL_NAMES or cls.find("train_step") is not None:
        return
    holding = context.on(3)
    if holding.possible and _fitted(cls, context):
        told = " and ".join(list(dict.fromkeys(layer.class_name for layer in held))[:2])
        yield _draft(
            cls,
            function,
            function.node.name if isinstance(function.node, cst.FunctionDef) else function.node,
            f"on {holding.text} fit() trains in inference mode, {told} included",
            Confidence.HIGH,
            severity=None if holding.certain else Severity.NOTE,
            keras=() if holding.certain else holding.versions,
        )


def _functions(event: LayerCall) -> Iterator[int]:
    return (id(frame.function) for frame in event.frames)


def _frame_of(event: LayerCall, function: FunctionValue) -> Frame | None:
    return next((frame for frame in reversed(event.frames) if frame.function is function), None)


def _is_super(event: LayerCall, function: FunctionValue) -> bool:
    frame = _frame_of(event, function)
    return event.text_is_super and frame is event.frames[-1] and event.callee is frame.receiver


def _is_told(event: LayerCall, function: FunctionValue, name: str) -> bool:
    frame = _frame_of(event, function)
    if frame is None or event.flag is None:
        return False
    value = event.flag.value
    return value is frame.parameters.get(name) or ("mode", name) in tags_of(value)


def _by_default(
    cls: ClassValue,
    function: FunctionValue,
    each: cst.Param,
    default: str,
    held: list[Instance],
    calls: Sequence[LayerCall],
    context: Context,
) -> Iterator[Draft]:
    name = each.name.value
    model = (cls.keras_base or "") in MODEL_NAMES
    told = " and ".join(list(dict.fromkeys(layer.class_name for layer in held))[:2])
    several = len({layer.class_name for layer in held}) > 1
    if default == "True":
        where = " and, on Keras 3, in evaluate() and predict()" if model and context.on(3).possible else ""
        yield _draft(
            cls,
            function,
            each,
            f"{told} {'stay' if several else 'stays'} in training mode in every call that leaves `{name}` out{where}",
            Confidence.HIGH,
            (Change("replace", Place(function.module, each.default), "False"),) if each.default is not None else (),
        )
    elif model and _fitted(cls, context):
        holding = context.on(3)
        if holding.possible:
            yield _draft(
                cls,
                function,
                each,
                f"on {holding.text} fit() leaves `{name}` out, so {told} never {'run' if several else 'runs'} "
                "in training mode",
                Confidence.HIGH,
                severity=None if holding.certain else Severity.NOTE,
                keras=() if holding.certain else holding.versions,
            )
    elif not model and _left_out(function, name, calls):
        yield _draft(
            cls,
            function,
            each,
            f"nobody passes `{name}`, so {told} never {'run' if several else 'runs'} in training mode",
            Confidence.MEDIUM,
        )


def _fitted(cls: ClassValue, context: Context) -> bool:
    return id(cls) in context.interpretation.once(_fitted_classes)


def _fitted_classes(interpretation: Interpretation) -> frozenset[int]:
    """The classes whose models are trained, and those that they derive from (their ids)."""
    classes = {
        id(event.receiver.cls): event.receiver.cls
        for event in interpretation.events
        if isinstance(event, ModelUse)
        and event.kind == "train"
        and isinstance(event.receiver, Instance)
        and isinstance(event.receiver.cls, ClassValue)
    }
    return frozenset(id(each) for cls in classes.values() for each in cls.ancestry())


def _left_out(function: FunctionValue, name: str, calls: Sequence[LayerCall]) -> bool:
    """Whether some ``call`` runs the layer without its flag, and nobody in sight passes it."""
    frames = [frame for event in calls for frame in [_frame_of(event, function)] if frame is not None]
    passed = any(name in frame.arguments for frame in frames)
    return not passed and any(
        name in frame.defaulted and any(outer.hook == "call" for outer in frame.chain()) for frame in frames
    )


def _draft(
    cls: ClassValue,
    function: FunctionValue,
    node: cst.CSTNode,
    consequence: str,
    confidence: Confidence,
    changes: tuple[Change, ...] = (),
    severity: Severity | None = None,
    keras: tuple[str, ...] = (),
) -> Draft:
    return Draft(
        place=Place(function.module, node),
        message=f"{cls.name} overrides __call__(), where Keras would set the mode: {consequence}",
        confidence=confidence,
        severity=severity,
        label="Keras does not know of this parameter" if isinstance(node, cst.Param) else "",
        help="rename __call__ to call and let Keras set training=None",
        fix_title="make inference the default",
        applicability=Applicability.UNSAFE if changes else None,
        changes=changes,
        keras=keras,
    )


RULE = Rule(
    code="KTM408",
    name="call-bypassed",
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    since="0.1.0",
    applicability=Applicability.UNSAFE,
    triggers=(b".call(", b"def __call__"),
    needs=(frozenset({"call-bypassed", "own-call-operator"}),),
    check=check,
    doc=__doc__ or "",
)
