"""Modes that reach the siblings of the layer that they are said to.

Keras 3 keeps the mode of a call in a context which all that is called below shares: an explicit flag, or the default of
a layer that has one, is written into it and stays (keras/src/layers/layer.py:1079, 3.15.1). Keras 2 takes it back.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING

from dropout_lint.keras.layers import layer as layer_facts
from dropout_lint.semantics.events import Frame, LayerCall, ModeCall
from dropout_lint.semantics.intent import class_says_intent
from dropout_lint.semantics.models import content, inner_layers, is_model
from dropout_lint.semantics.signatures import own_call, parameter, sees
from dropout_lint.semantics.values import ClassValue, Const, Instance, Method, Value, truth
from dropout_lint.semantics.words import is_mode_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dropout_lint.keras.versions import Holding
    from dropout_lint.semantics.events import Interpretation

Told = LayerCall | ModeCall
"""A call of a known layer, or of something unknown with a flag."""


@dataclass(frozen=True, slots=True)
class Cause:
    """The call that changes the mode for those after it."""

    event: Told
    flag: bool
    default: bool = False


def leaks(interpretation: Interpretation) -> tuple[tuple[LayerCall, Cause], ...]:
    """The calls of layers that run in the mode of a sibling, each with the call that changed it."""
    return tuple(found for calls in _activations(interpretation) for found in _leaks(calls))


def leaking(
    interpretation: Interpretation, where: Callable[[str], Holding]
) -> Iterator[tuple[LayerCall, Cause, Holding]]:
    """The same, each with the versions on which it is so; ``where`` tells on which a behaviour holds."""
    explicit, default = where("explicit-flag-leaks-to-siblings"), where("default-true-leaks-to-siblings")
    if not explicit.possible and not default.possible:
        return
    for victim, cause in interpretation.once(leaks):
        holding = default if cause.default else explicit
        if holding.possible:
            yield victim, cause, holding


def switched_on(interpretation: Interpretation, where: Callable[[str], Holding]) -> tuple[LayerCall, ...]:
    """The calls of layers that may inherit True from a sibling."""
    return tuple(victim for victim, cause, _ in leaking(interpretation, where) if cause.flag)


def _activations(interpretation: Interpretation) -> list[list[Told]]:
    """The calls below each ``call`` that Keras itself enters, in their order."""
    found: dict[int, list[Told]] = {}
    for event in interpretation.events:
        if isinstance(event, (LayerCall, ModeCall)) and event.frames[0].hook == "call":
            known = isinstance(event.callee, Instance)
            if known is isinstance(event, LayerCall) and not isinstance(event.callee, Method):
                found.setdefault(id(event.frames[0]), []).append(event)
    return list(found.values())


def _leaks(calls: list[Told]) -> Iterator[tuple[LayerCall, Cause]]:
    cause: Cause | None = None
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
                    cause = Cause(event, flag=True, default=True)
                open_mode = default is None
            continue
        open_mode = False
        if isinstance(flag, Const) and isinstance(flag.value, (bool, int)):
            inside = cause is not None and cause.flag is truth(flag) and _within(event, cause.event)
            if not inside and not any(is_mode_name(name) for guard in event.guards for name in guard):
                cause = Cause(event, flag=bool(flag.value))
        elif _innermost_call(event) is event.frames[0]:
            cause = None


def _flag(event: Told) -> Value | None:
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


def _innermost_call(event: Told) -> Frame:
    return next(frame for frame in reversed(event.frames) if frame.hook == "call")


def _reaches(cause: Told, event: Told) -> bool:
    """Whether every way to ``event`` leads through ``cause``, and ``event`` is not a part of it."""
    return event.branches[: len(cause.branches)] == cause.branches and not _within(event, cause)


def _within(event: Told, outer: Told) -> bool:
    depth = len(outer.frames)
    if len(event.frames) <= depth or event.frames[depth - 1] is not outer.frames[-1]:
        return False
    call = event.frames[depth].call
    return call is not None and call.node is outer.place.node


def _follows(event: LayerCall, calls: list[Told]) -> bool:
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
