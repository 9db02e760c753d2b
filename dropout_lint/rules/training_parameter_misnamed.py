"""`call` takes the mode under a name that Keras does not know, and nobody passes it.

## What it does

Finds a `call` with a parameter like `is_training`, `train`, `mode` or `phase` (and none named `training`) that decides
how the layers inside run, or whether dropout does, where no caller in sight passes it. And, for Keras 3, the `call`
of a layer that looks for `training` among its `**kwargs`.

## Why is this bad

Keras sets one parameter of `call`: `training`. A parameter of another name stays at its default in `fit()`,
`evaluate()` and `predict()` alike. With a default of False or None dropout never runs and statistics are never learned;
with a default of True dropout never stops.

A parameter that a custom loop passes, that callers outside the file may pass, or that has no default (then somebody has
to) is left alone.

## Example

```python
class Encoder(keras.layers.Layer):
    def call(self, x, is_training=False):
        return self.dropout(self.dense(x), training=is_training)
```

## Use instead

```python
class Encoder(keras.layers.Layer):
    def call(self, x, training=None):
        return self.dropout(self.dense(x), training=training)
```

## Fix safety

Unsafe: it renames the parameter inside `call`, and what Keras passes then decides.

## References

- https://keras.io/guides/making_new_layers_and_models_via_subclassing/#privileged-training-argument-in-the-call-method

## Evidence

keras 3.15.1 and tf_keras 2.21: `is_training`, `train` and `mode` are never set by fit;
`is_training=True` is on in predict. `call(self, x, **kwargs)`: Keras 3.15.1 hands on no `training`, in fit and in
`layer(x, training=True)` alike; tf_keras hands it on. The programs in fixtures/training-parameter-misnamed print it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dropout_lint.findings import Applicability, Confidence, Severity
from dropout_lint.keras.entry_points import DROPOUT_FUNCTIONS, KEEP_PROBABILITY_FUNCTIONS
from dropout_lint.rules.model import Change, Context, Draft, ProbeAt, Rule
from dropout_lint.semantics.events import FunctionCall, LayerCall, ModelUse, Place
from dropout_lint.semantics.intent import class_says_intent
from dropout_lint.semantics.models import MODEL_NAMES, content, is_keras_class, mode_of
from dropout_lint.semantics.signatures import own_call, parameters, reading_among_keywords, readings, sees
from dropout_lint.semantics.tags import tags_of
from dropout_lint.semantics.trials import is_test_code
from dropout_lint.semantics.values import ClassValue, FunctionValue, Instance
from dropout_lint.semantics.words import is_mode_name, names_mode
from dropout_lint.syntax.lazy import cst

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dropout_lint.semantics.arguments import Arguments
    from dropout_lint.semantics.events import Interpretation

_FUNCTIONS = DROPOUT_FUNCTIONS | KEEP_PROBABILITY_FUNCTIONS


def check(context: Context) -> Iterator[Draft]:
    """Yield a finding for each mode parameter that Keras does not set."""
    handed: set[int] | None = None
    for cls in context.interpretation.classes:
        call = cls.attributes.get("call")
        if not isinstance(call, FunctionValue) or call.inner is not None or sees(call, "training"):
            continue
        if call.node.params.star_kwarg is not None:
            handed = _handed_on(context) if handed is None else handed
            if id(call) not in handed:
                yield from _among_keywords(cls, call, context)
        if cls.keras_base is None or call.node.params.star_kwarg is not None or class_says_intent(cls):
            continue
        for position, each in enumerate(parameters(call)[1:]):
            name = each.name.value
            if not names_mode(name) or each.default is None:
                continue
            decided = _decides(call, each, context)
            if decided and not _passed(call, name, position, context):
                confidence = _confidence(cls, call, context)
                if confidence is not None:
                    yield _draft(cls, call, each, decided, confidence)


def _among_keywords(cls: ClassValue, call: FunctionValue, context: Context) -> Iterator[Draft]:
    """``kwargs.get("training")`` in a ``call`` without such a parameter, to which Keras 3 hands no flag."""
    # of models, KTM403 speaks
    layer = is_keras_class(cls) and cls.keras_base not in MODEL_NAMES
    node = reading_among_keywords(call, "training") if layer else None
    holding = context.on(3)
    if node is None or not holding.possible:
        return
    yield Draft(
        place=Place(call.module, node),
        message=(
            f"on {holding.text} the keywords of {cls.name}.call() never hold `training`, not even where it is passed: "
            "the mode goes to a parameter of that name"
        ),
        confidence=Confidence.HIGH,
        severity=None if holding.certain else Severity.NOTE,
        label="finds nothing in fit() either",
        help="give call() the parameter: def call(self, x, training=None, …)",
        notes=("Keras 2 hands it on among the keywords",),
        keras=() if holding.certain else holding.versions,
    )


def _handed_on(context: Context) -> set[int]:
    """Each ``call`` (its id) that the program is seen to run itself, with the flag: ``super().call(x, training=…)``."""
    return {
        id(frame.function)
        for event in context.interpretation.events
        for frame in event.frames
        if frame.hook != "call" and "**training" in frame.arguments
    }


def _decides(call: FunctionValue, given: cst.Param, context: Context) -> list[str]:
    """What a parameter switches: the layers it is handed to, the functions and the dropout that run under it."""
    name = given.name.value
    is_off = isinstance(given.default, cst.Name) and given.default.value in {"False", "None"}
    found: list[str] = []
    for event in context.interpretation.that((LayerCall, FunctionCall), _entered, id(call)):
        if is_test_code(event.frames):
            continue
        if isinstance(event, LayerCall):
            layers = content(event.callee).layers
            if _is_told(event, name) or (
                _is_under(event, name) and (event.flag is not None or (is_off and _drop(layers)))
            ):
                found += [layer.class_name for layer in layers]
        elif event.name in _FUNCTIONS and (_is_under(event, name) or ("mode", name) in event.input_tags):
            found.append(event.name.rpartition(".")[2])
    return list(dict.fromkeys(found))


def _entered(event: LayerCall | FunctionCall) -> int | None:
    """By what is found that happens in a ``call`` which Keras enters: this (its id)."""
    return id(event.frames[0].function) if event.frames[0].hook == "call" else None


def _drop(layers: Sequence[Instance]) -> bool:
    """Whether layers do nothing but in training mode: under a condition that never holds they are not there at all."""
    return bool(layers) and all(mode_of(layer) in {"dropout", "noise"} for layer in layers)


def _is_told(event: LayerCall, name: str) -> bool:
    return event.flag is not None and ("mode", name) in tags_of(event.flag.value)


def _is_under(event: LayerCall | FunctionCall, name: str) -> bool:
    """Whether an event only happens under a condition on the parameter; a ``mode`` may select other things."""
    return is_mode_name(name) and any(name in guard for guard in event.guards)


def _passed(call: FunctionValue, name: str, position: int, context: Context) -> bool:
    """Whether somebody in sight passes the parameter, or may do so."""
    if name in context.interpretation.handed_to_unknown:
        return True
    return (id(call), name) in context.interpretation.once(_given) or any(
        _passes(event.arguments, name, position) for event in context.interpretation.that((LayerCall,), _run, id(call))
    )


def _passes(given: Arguments, name: str, position: int) -> bool:
    return (
        name in given.keywords or len(given.positional) > position or given.spread or given.unknown_keywords is not None
    )


def _given(interpretation: Interpretation) -> frozenset[tuple[int, str]]:
    """The functions (their ids) with the parameters that somebody in sight passes."""
    frames = {id(frame): frame for event in interpretation.events for frame in event.frames}
    return frozenset(
        (id(frame.function), name)
        for frame in frames.values()
        for name, argument in frame.arguments.items()
        if argument.node is not None
    )


def _run(event: LayerCall) -> int | None:
    """By what calls of layers are found: the ``call`` of the project that is run (its id)."""
    call = own_call(event.callee)
    return id(call) if call is not None else None


def _run_by_keras(event: ModelUse) -> int | None:
    """The same of models that Keras trains or evaluates."""
    call = own_call(event.receiver) if isinstance(event.receiver, Instance) else None
    return id(call) if call is not None and event.kind in {"train", "inference"} else None


def _confidence(cls: ClassValue, call: FunctionValue, context: Context) -> Confidence | None:
    """High where Keras itself is seen to run it, or somebody calls it without the parameter."""
    interpretation = context.interpretation
    trained = bool(interpretation.that((ModelUse,), _run_by_keras, id(call)))
    if trained or bool(interpretation.that((LayerCall,), _run, id(call))):
        return Confidence.HIGH
    return Confidence.MEDIUM if id(cls) in interpretation.once(_made) else Confidence.LOW


def _made(interpretation: Interpretation) -> frozenset[int]:
    """The classes of the project (their ids) of which it makes objects."""
    return frozenset(
        id(each.cls)
        for each in interpretation.instances
        if isinstance(each.cls, ClassValue) and each.node is not each.cls.node
    )


def _draft(cls: ClassValue, call: FunctionValue, each: cst.Param, decided: list[str], confidence: Confidence) -> Draft:
    name = each.name.value
    default = call.module.tree.code_for_node(each.default).strip() if each.default is not None else ""
    told = " and ".join(decided[:2])
    consequence = {
        "False": f"{told} never {_runs_word(decided)} in training mode",
        "None": f"{told} never {_runs_word(decided)} in training mode",
        "True": f"{told} {'stay' if len(decided) > 1 else 'stays'} in training mode, also in evaluate() and predict()",
    }.get(default, f"the mode of {told} never changes")
    return Draft(
        place=Place(call.module, each),
        message=(
            f"Keras never sets `{name}` of {cls.name}.call(), only `training`: it stays {default}, so {consequence}"
        ),
        confidence=confidence,
        label="not the name Keras looks for",
        help="call it `training`",
        fix_title="rename it to training",
        applicability=Applicability.UNSAFE,
        changes=_changes(call, each, default),
        probe=ProbeAt("mode", Place(call.module, each), "phase"),
    )


def _runs_word(decided: list[str]) -> str:
    return "run" if len(decided) > 1 else "runs"


def _changes(call: FunctionValue, each: cst.Param, default: str) -> tuple[Change, ...]:
    name = each.name.value
    places = readings(call, name)
    if not is_mode_name(name) or places is None or default not in {"False", "None", "True"}:
        return ()
    renamed = [Change("replace", Place(call.module, node), "training") for node in (each.name, *places)]
    if default == "True" and each.default is not None:
        renamed.append(Change("replace", Place(call.module, each.default), "None"))
    return tuple(renamed)


RULE = Rule(
    code="KTM402",
    name="training-parameter-misnamed",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    since="0.1.0",
    applicability=Applicability.UNSAFE,
    triggers=(b"def call",),
    needs=(frozenset({"flag-misnamed"}),),
    local=True,
    check=check,
    doc=__doc__ or "",
)
