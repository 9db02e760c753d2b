"""Attributes that are read while a model is traced: the rates of layers, and flags of the project's own classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dropout_lint.semantics.attribute_reads import hooks_reading
from dropout_lint.semantics.joining import fingerprint
from dropout_lint.semantics.models import is_layer, mode_of
from dropout_lint.semantics.receivers import is_layer_of_known_model
from dropout_lint.semantics.tags import tags_of
from dropout_lint.semantics.values import ClassValue, Const, Instance, Opaque, alternatives

if TYPE_CHECKING:
    from dropout_lint.semantics.events import AttributeSet, Frame, Interpretation
    from dropout_lint.semantics.values import Value

_RATES = frozenset({"rate", "stddev"})
COUNTERS = frozenset({"epoch", "batch", "step", "iteration", "i", "idx"})
"""What a number that is another one in every call is called."""


def kind_of(event: AttributeSet, interpretation: Interpretation) -> str:
    """What is set: the ``rate`` of a layer, a ``flag`` of the project's that a traced function reads, or neither."""
    # nothing can be set on None: where it may be None, it is something else by then
    found = [each for each in alternatives(event.receiver) if not (isinstance(each, Const) and each.value is None)]
    if event.name in _RATES and found and all(_has_rate(each, event, interpretation) for each in found):
        return "rate"
    if event.name == "trainable":
        return ""
    if not all(isinstance(each, Opaque) or is_plain(each) for each in alternatives(event.value)):
        return ""
    return "flag" if hooks_of(event, interpretation) else ""


def _has_rate(value: Value, event: AttributeSet, interpretation: Interpretation) -> bool:
    if isinstance(value, Instance):
        return is_layer(value) and mode_of(value) in {"dropout", "noise"}
    return is_layer_of_known_model(value, interpretation)


def is_plain(value: Value) -> bool:
    return isinstance(value, Const) and isinstance(value.value, (bool, int, float, str, type(None)))


def is_made(frame: Frame) -> bool:
    return frame.name in {"__init__", "build"} and frame.receiver is not None


def hooks_of(event: AttributeSet, interpretation: Interpretation) -> frozenset[str]:
    """The traced functions that read the attribute of every object it may be set on."""
    found = [
        hooks_reading(interpretation, each.cls, event.name)
        if isinstance(each, Instance) and isinstance(each.cls, ClassValue) and is_layer(each)
        else frozenset()
        for each in alternatives(event.receiver)
    ]
    return frozenset.intersection(*found)


def is_same(event: AttributeSet, other: AttributeSet | None) -> bool:
    """Whether an attribute has the same value after both."""
    if event is other:
        return True
    then = other.value if other is not None else _made_with(event)
    if then is None:
        return False
    if isinstance(event.value, Const) and isinstance(then, Const):
        return bool(event.value.value == then.value)
    varies = any(tag[0] == "loop" for tag in tags_of(event.value) | tags_of(then))
    return not varies and _is_place(event.value) and fingerprint(event.value) == fingerprint(then)


def _is_place(value: Value) -> bool:
    return isinstance(value, Opaque) and value.key is not None


def _made_with(event: AttributeSet) -> Value | None:
    """What the attribute is before anybody sets it, where that is known."""
    if not isinstance(event.receiver, Instance):
        return None
    if isinstance(event.receiver.cls, ClassValue):
        found = event.receiver.cls.find(event.name)
        if found is not None:
            return found
    return event.receiver.arguments.get(event.name)


def is_computed(value: Value) -> bool:
    """Whether a value may change from one call of a hook to the next."""
    return any(
        isinstance(each, Opaque) and (each.key is None or "[]" in each.key or each.key[-1] in COUNTERS)
        for each in alternatives(value)
    )
