"""A fitted model whose `call` has no `training` parameter: on Keras 3 its dropout never runs in `fit()`.

## What it does

Finds subclasses of `keras.Model` whose `call` has no parameter named `training`, or one that Keras cannot see
(behind a decorator without `functools.wraps`, or in `**kwargs`), where `call` runs layers whose behaviour depends on
the mode without saying which one.

## Why is this bad

The train step of Keras 3 passes the mode only to a `call` that has the parameter. Without it `fit()` trains in
inference mode: dropout and noise never run, and BatchNormalization never learns its moving statistics, which
`predict()` then uses as they were initialised. Nothing is reported.

Keras 2 sets the mode for every layer below, so the same code works there. Layers (rather than models), models that
only run inside another model, models with a `train_step` of their own, and models without such layers are left alone.
A class of which no object is seen to be fitted is a low-confidence note.

## Example

```python
class Classifier(keras.Model):
    def call(self, x):
        return self.head(self.dropout(self.hidden(x)))
```

## Use instead

```python
class Classifier(keras.Model):
    def call(self, x, training=None):
        return self.head(self.dropout(self.hidden(x), training=training))
```

## Fix safety

Unsafe: it adds the parameter, with which dropout runs and statistics are learned in training. On the JAX backend the
parameter has to be handed to the layers as well.

## References

- https://keras.io/guides/making_new_layers_and_models_via_subclassing/#privileged-training-argument-in-the-call-method

## Evidence

All of Keras 3.3 to 3.15: dropout is active in none of the steps of `fit()` and the moving
mean never moves, on TensorFlow and JAX; active in all of them on tf_keras 2.21. keras/src/backend/tensorflow/trainer.py
(3.15.1), `train_step`. The programs in fixtures/model-call-without-training print how many layers ran in which mode.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dropout_lint.findings import Applicability, Confidence, Severity
from dropout_lint.rules.model import Change, Context, Draft, ProbeAt, Rule
from dropout_lint.semantics.events import Frame, LayerCall, ModelUse, Place
from dropout_lint.semantics.leaks import switched_on
from dropout_lint.semantics.models import MODEL_NAMES, content, mode_of
from dropout_lint.semantics.signatures import parameter, sees, visible, written
from dropout_lint.semantics.trials import is_test_code
from dropout_lint.semantics.values import ClassValue, Const, FunctionValue, Instance
from dropout_lint.syntax.lazy import cst

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dropout_lint.keras.versions import Holding
    from dropout_lint.semantics.events import Interpretation

_OWN_TRAINING = ("train_step", "train_on_batch", "make_train_function")
_FITTING = frozenset({"fit", "fit_generator", "train_on_batch"})


def check(context: Context) -> Iterator[Draft]:
    """Yield a finding for each model that ``fit()`` trains in inference mode."""
    holding = context.where("model-call-without-training-trains", truth=False)
    if not holding.possible:
        return
    # what inherits True from a sibling runs with that in `fit()` too
    elsewhere = frozenset(map(id, switched_on(context.interpretation, context.where)))
    for instance in context.interpretation.instances:
        call = _call_without_training(instance)
        if call is None:
            continue
        victims = _left_in_inference(instance, call, context, elsewhere)
        if not victims or is_test_code(victims[0].frames):
            continue
        fitted = _fitted(instance, context)
        if not fitted and (_fits_by_itself(instance) or _is_a_part(instance, context)):
            continue
        yield _draft(call, victims, fitted, holding)


def _call_without_training(instance: Instance) -> FunctionValue | None:
    """The project's ``call`` of a model to which the stock train step cannot say the mode."""
    cls = instance.cls
    if not isinstance(cls, ClassValue) or instance.keras_name not in MODEL_NAMES:
        return None
    call = cls.find("call")
    if not isinstance(call, FunctionValue) or sees(call, "training") or cls.find("__call__") is not None:
        return None
    if cls.has_unknown_base or any(cls.find(name) is not None for name in _OWN_TRAINING):
        return None
    return call


def _left_in_inference(
    instance: Instance, call: FunctionValue, context: Context, elsewhere: frozenset[int]
) -> list[LayerCall]:
    """The layers that ``call`` runs without a mode of its own, or of a sibling's."""
    hidden = written(call) is not visible(call) or written(call).node.params.star_kwarg is not None
    return [
        event
        for event in context.interpretation.that((LayerCall,), _entered, (id(instance), id(call)))
        if id(event) not in elsewhere
        and (event.direct or _hands_on(event))
        and _inherits(event, hidden or any(frame.hook == "call" for frame in event.frames[1:]))
        and (not event.direct or not _tells_its_own(event.callee))
        and any(mode_of(layer) != "augmentation" for layer in content(event.callee).layers)
    ]


def _entered(event: LayerCall) -> tuple[int, int] | None:
    """By what calls are found that happen in a ``call`` which Keras enters: its object and itself (their ids)."""
    outermost = event.frames[0]
    return (id(outermost.receiver), id(outermost.function)) if outermost.hook == "call" else None


def _hands_on(event: LayerCall) -> bool:
    """Whether a layer of the project hands the mode it is told to the Keras layer it comes from."""
    frame = event.frames[-1]
    if not event.text_is_super or event.flag is None or frame.receiver is not event.callee:
        return False
    return event.flag.value is frame.parameters.get("training")


def _tells_its_own(callee: Instance) -> bool:
    """Whether the calls inside say more: a project class whose ``call`` is interpreted too."""
    return isinstance(callee.cls, ClassValue) and callee.cls.find("call") is not None


def _inherits(event: LayerCall, hidden: bool) -> bool:
    """Whether no line on the way says which mode a layer runs in."""
    if event.flag is not None and not (hidden and _unknown_flag(event)):
        return False
    return not any(_says_mode(frame) for frame in event.frames[1:])


def _unknown_flag(event: LayerCall) -> bool:
    flag = event.flag.value if event.flag is not None else None
    return not (isinstance(flag, Const) and flag.value is not None)


def _says_mode(frame: Frame) -> bool:
    given = frame.arguments.get("training")
    return frame.hook == "call" and given is not None and given.node is not None


def _fitted(instance: Instance, context: Context) -> bool:
    return bool(context.interpretation.that((ModelUse,), _model_if_fitted, id(instance)))


def _model_if_fitted(event: ModelUse) -> int | None:
    return id(event.receiver) if event.kind == "train" and event.method in _FITTING else None


def _fits_by_itself(instance: Instance) -> bool:
    """Whether the project wrote a ``fit`` of its own: one that ends in Keras's is seen to fit the model."""
    return isinstance(instance.cls, ClassValue) and instance.cls.find("fit") is not None


def _is_a_part(instance: Instance, context: Context) -> bool:
    """Whether a model runs inside another one, which hands it the mode, or is trained by a loop of the project."""
    return id(instance) in context.interpretation.once(_parts)


def _parts(interpretation: Interpretation) -> frozenset[int]:
    """Everything of which that can be said (the ids)."""
    found: set[int] = set()
    for event in interpretation.events:
        if isinstance(event, LayerCall):
            if event.graph or event.flag is not None or any(frame.hook == "call" for frame in event.frames):
                found.add(id(event.callee))
        elif isinstance(event, ModelUse) and event.kind == "gradient":
            found.add(id(event.receiver))
    for other in interpretation.instances:
        if other.keras_name is not None:
            found.update(map(id, other.attributes.values()))
    return frozenset(found)


def _draft(call: FunctionValue, victims: list[LayerCall], fitted: bool, holding: Holding) -> Draft:
    function = written(call)
    node = function.node
    assert isinstance(node, cst.FunctionDef)
    owner = function.owner.name if function.owner is not None else "the model"
    certain = holding.certain and fitted
    return Draft(
        place=Place(function.module, node.name),
        message=_message(owner, call, victims, fitted, holding),
        confidence=Confidence.HIGH if fitted else Confidence.LOW,
        severity=None if certain else Severity.NOTE,
        label=_label(call),
        help=_help(call),
        fix_title="add training=None",
        applicability=Applicability.UNSAFE,
        changes=_changes(call),
        probe=ProbeAt("mode", Place(function.module, node.name), "phase"),
        keras=() if holding.certain else holding.versions,
    )


def _message(owner: str, call: FunctionValue, victims: list[LayerCall], fitted: bool, holding: Holding) -> str:
    fit = "fit()" if fitted else "fit() of such a model"
    return f"{owner}.{_why(call)}, so on {holding.text} {fit} {_effect(victims)}"


def _why(call: FunctionValue) -> str:
    if parameter(written(call), "training") is not None:
        return "call() hides its `training` parameter behind a decorator"
    return "call() has no `training` parameter"


def _effect(victims: list[LayerCall]) -> str:
    layers = [layer for event in victims for layer in content(event.callee).layers]
    statistics = any(mode_of(layer) in {"batch-statistics", "power-iteration"} for layer in layers)
    names = list(
        dict.fromkeys(
            layer.class_name
            for layer in layers
            if mode_of(layer) not in {"batch-statistics", "power-iteration", "augmentation"}
        )
    )
    told = [f"never runs {' or '.join(names[:2])} in training mode"] if names else []
    if statistics:
        told.append("never updates the statistics of BatchNormalization")
    return " and ".join(told)


def _label(call: FunctionValue) -> str:
    return (
        "Keras sees the parameters of the decorator's function, not these"
        if parameter(written(call), "training") is not None
        else "Keras looks for a parameter named `training` here"
    )


def _help(call: FunctionValue) -> str:
    if parameter(written(call), "training") is not None:
        return "put functools.wraps on the function that the decorator returns"
    return "add training=None to call() and hand it to the layers: training=training"


def _changes(call: FunctionValue) -> tuple[Change, ...]:
    function = written(call)
    if function is not call or function.node.params.star_kwarg is not None:
        return ()
    return (Change("add-parameter", Place(function.module, function.node), "training=None"),)


RULE = Rule(
    code="KTM403",
    name="model-call-without-training",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    since="0.1.0",
    applicability=Applicability.UNSAFE,
    triggers=(b"class ",),
    needs=(frozenset({"deaf-model"}),),
    check=check,
    doc=__doc__ or "",
)
