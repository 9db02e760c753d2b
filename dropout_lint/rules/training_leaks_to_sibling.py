"""On Keras 3 the flag given to one sublayer reaches the sublayers called after it without one.

## What it does

Finds, in one `call`, a sublayer whose behaviour depends on the mode and that is called without `training=`, after
another one was called with a constant `training=True` or `training=False`; and, in the `call` of a model without a
`training` parameter, after a layer whose own default is True (every `Random*` layer, `Resizing`, `CenterCrop`).

## Why is this bad

Keras 3 keeps one mode for the whole outermost call. An explicit flag replaces it, and nothing puts the old one back:
the layers that follow inherit the flag of their sibling instead of the mode of `fit()` or `predict()`. After
`self.base(x, training=False)` the dropout of the head never runs, and its BatchNormalization never learns; after
`training=True` they stay in training mode in `predict()`. Even `Dense(…)(x, training=False)` does it. Keras 2 restores
the mode after every layer.

A flag that is the mode itself (`training=training`) puts the mode back for what follows and is left alone, as are flags
inside `if training:` and `layer.call(…)`, which does not touch the mode.

## Example

```python
def call(self, x, training=None):
    x = self.base(x, training=False)
    return self.head(self.dropout(x))
```

## Use instead

```python
def call(self, x, training=None):
    x = self.base(x, training=False)
    return self.head(self.dropout(x, training=training))
```

## Fix safety

Unsafe: the layer then follows the mode of the call, which changes what is trained or predicted.

## References

- https://keras.io/guides/making_new_layers_and_models_via_subclassing/#privileged-training-argument-in-the-call-method
- https://github.com/keras-team/keras/pull/23166

## Evidence

All of Keras 3.3 to 3.15: with `self.base(x, training=False)` before it dropout is
active in no step of fit (tf_keras 2.21: in all), test loss .643 against 1.791 on the toy task. Measured again on
3.15.1: `training=training` on a layer in between restores the mode, `layer.call(x, training=False)` does not disturb
it, and what a layer of a Functional or Sequential model is given inside stays inside. The default of one does not:
after `Sequential([Rescaling(1.0), Resizing(8, 8)])`, in a model whose `call` takes no `training`, dropout is active in
predict and evaluate, and with the Rescaling alone it is not.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING

from dropout_lint.findings import Applicability, Confidence, Severity
from dropout_lint.keras.layers import layer as layer_facts
from dropout_lint.rules.model import Change, Context, Draft, ProbeAt, Rule
from dropout_lint.rules.telling import chain_of
from dropout_lint.semantics.events import Frame, LayerCall, ModeCall
from dropout_lint.semantics.intent import class_says_intent
from dropout_lint.semantics.models import content, inner_layers, is_model, mode_of
from dropout_lint.semantics.signatures import own_call, parameter, sees
from dropout_lint.semantics.trials import is_test_code
from dropout_lint.semantics.values import ClassValue, Const, Instance, Method, Value, truth
from dropout_lint.semantics.words import is_mode_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dropout_lint.keras.versions import Holding


_Told = LayerCall | ModeCall
"""A call of a known layer, or of something unknown with a flag."""


@dataclass(frozen=True, slots=True)
class _Cause:
    """The call that changes the mode for those after it."""

    event: _Told
    flag: bool
    default: bool = False


def check(context: Context) -> Iterator[Draft]:
    """Yield a finding for each sublayer that runs in the mode of its sibling."""
    explicit = context.where("explicit-flag-leaks-to-siblings")
    by_default = context.where("default-true-leaks-to-siblings")
    if not explicit.possible and not by_default.possible:
        return
    for calls in _activations(context):
        if is_test_code(calls[0].frames):
            continue
        for victim, cause in _leaks(calls):
            holding = by_default if cause.default else explicit
            if holding.possible:
                yield _draft(victim, cause, holding)


def _activations(context: Context) -> list[list[_Told]]:
    """The calls below each ``call`` that Keras itself enters, in their order."""
    found: dict[int, list[_Told]] = {}
    for event in context.interpretation.events:
        if isinstance(event, (LayerCall, ModeCall)) and event.frames[0].hook == "call":
            known = isinstance(event.callee, Instance)
            if known is isinstance(event, LayerCall) and not isinstance(event.callee, Method):
                found.setdefault(id(event.frames[0]), []).append(event)
    return list(found.values())


def _leaks(calls: list[_Told]) -> Iterator[tuple[LayerCall, _Cause]]:
    cause: _Cause | None = None
    open_mode = _mode_is_open(calls[0].frames[0])
    for event in calls:
        if not event.direct:
            continue
        flag = _flag(event)
        if isinstance(event, LayerCall) and flag is None:
            if cause is not None:
                if _reaches(cause.event, event) and _follows(event, calls):
                    yield event, cause
            elif open_mode:
                # nobody has said a mode yet: the default of the first layer that has one becomes it
                default = _default(event.callee, set())
                if default is True:
                    cause = _Cause(event, flag=True, default=True)
                open_mode = default is None
            continue
        open_mode = False
        if isinstance(flag, Const) and isinstance(flag.value, (bool, int)):
            inside = cause is not None and cause.flag is truth(flag) and _within(event, cause.event)
            if not inside and not any(is_mode_name(name) for guard in event.guards for name in guard):
                cause = _Cause(event, flag=bool(flag.value))
        elif _innermost_call(event) is event.frames[0]:
            cause = None


def _flag(event: _Told) -> Value | None:
    if isinstance(event, ModeCall):
        return event.flag
    return event.flag.value if event.flag is not None else None


def _mode_is_open(frame: Frame) -> bool:
    """Whether Keras enters a ``call`` without saying a mode: a model that has no parameter for it."""
    receiver, function = frame.receiver, frame.function
    return (
        isinstance(receiver, Instance)
        and is_model(receiver)
        and function is not None
        and not sees(function, "training")
    )


def _default(callee: Instance, seen: set[int]) -> bool | None:
    """What ``call`` says of ``training`` where nobody else does; None where it says nothing, or is ``seen`` already."""
    if id(callee) in seen:
        return None
    seen.add(id(callee))
    call = own_call(callee)
    if call is not None:
        given = parameter(call, "training")
        text = call.module.tree.code_for_node(given.default).strip() if given and given.default else ""
        return {"True": True, "False": False}.get(text)
    if is_model(callee):
        # of a row of layers, the first that says something
        inner = inner_layers(callee) or ()
        known = takewhile(lambda each: isinstance(each, Instance), inner)
        said = (_default(each, seen) for each in known if isinstance(each, Instance))
        return next((each for each in said if each is not None), None)
    facts = layer_facts(callee.keras_name or "")
    return {"true": True, "false": False}.get(facts.training3) if facts is not None else None


def _innermost_call(event: _Told) -> Frame:
    return next(frame for frame in reversed(event.frames) if frame.hook == "call")


def _reaches(cause: _Told, event: _Told) -> bool:
    """Whether every way to ``event`` leads through ``cause``, and ``event`` is not a part of it."""
    return event.branches[: len(cause.branches)] == cause.branches and not _within(event, cause)


def _within(event: _Told, outer: _Told) -> bool:
    depth = len(outer.frames)
    if len(event.frames) <= depth or event.frames[depth - 1] is not outer.frames[-1]:
        return False
    call = event.frames[depth].call
    return call is not None and call.node is outer.place.node


def _follows(event: LayerCall, calls: list[_Told]) -> bool:
    """Whether what is called depends on the mode it inherits."""
    if not content(event.callee).layers:
        return False
    cls = event.callee.cls
    if not isinstance(cls, ClassValue) or cls.find("call") is None:
        return True
    if class_says_intent(cls):
        return False
    flags = [_flag(other) for other in calls if _within(other, event) and content(other.callee).layers]
    return not flags or any(not isinstance(flag, Const) or flag.value is None for flag in flags)


def _draft(victim: LayerCall, cause: _Cause, holding: Holding) -> Draft:
    held = content(victim.callee)
    flag = f"training={cause.flag}"
    given = f"`{cause.event.callee_text}` has by default" if cause.default else f"`{cause.event.callee_text}` is given"
    function = victim.frames[-1].function
    forwards = function is not None and function.inner is None and parameter(function, "training") is not None
    names = " and ".join(list(dict.fromkeys(layer.class_name for layer in held.layers))[:2])
    return Draft(
        place=victim.place,
        message=(
            f"on {holding.text} `{victim.callee_text}` inherits the {flag} that {given} before it, "
            f"not the mode of the call: {_consequence(victim, cause, names)}"
        ),
        confidence=Confidence.HIGH if held.complete and isinstance(cause.event, LayerCall) else Confidence.MEDIUM,
        severity=None if holding.certain else Severity.NOTE,
        label=f"runs with {flag}",
        help="pass the mode on: training=training"
        if forwards
        else "take training=None in call() and pass it on: training=training",
        chain=(
            (cause.event.place, f"{cause.event.callee_text}({flag})"),
            *(chain_of(victim.frames) if len(victim.frames) > 1 else ()),
        ),
        fix_title="pass training=training",
        applicability=Applicability.UNSAFE,
        changes=(Change("add-argument", victim.place, "training=training"),) if forwards else (),
        probe=ProbeAt("layer-call", victim.place, "inherit"),
        keras=() if holding.certain else holding.versions,
    )


def _consequence(victim: LayerCall, cause: _Cause, names: str) -> str:
    several = " and " in names
    kinds = {mode_of(layer) for layer in content(victim.callee).layers}
    if cause.flag:
        return f"{names} {'stay' if several else 'stays'} in training mode in evaluate() and predict()"
    if kinds == {"batch-statistics"}:
        return f"{names} never learns its statistics"
    return f"{names} never {'run' if several else 'runs'} in training mode"


RULE = Rule(
    code="KTM405",
    name="training-leaks-to-sibling",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    since="0.1.0",
    applicability=Applicability.UNSAFE,
    triggers=(b"training", b"Random", b"def call"),
    needs=(
        frozenset({"flag-true", "flag-other", "flag-true-default", "flag-by-position", "flag-false", "leaking-model"}),
        frozenset({"defines-call"}),
        frozenset({"chosen-in-call", "leaking-model"}),
    ),
    local=True,
    check=check,
    doc=__doc__ or "",
)
