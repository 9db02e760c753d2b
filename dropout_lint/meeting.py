"""What shows only where files meet: a feature of a file that takes what it imports to tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dropout_lint.choosing import chooses_in_call
from dropout_lint.keras.layers import LAYERS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dropout_lint.scans import Closure

__all__ = ["JOINT"]

_MODELS = frozenset({"Model", "Sequential", "Functional"})
_FITTING = (b".fit(", b".fit_generator(", b".train_on_batch(")
_RATES = frozenset({"rate", "stddev"})
_WITHOUT_RATE = frozenset({"__init__", "get_config"})
"""Methods that nearly every file defines; a constructor goes by the name of its class."""


def _makes_in_call(around: Closure) -> bool:
    """Whether a ``call`` makes objects of classes of the project, or uses a function of another module that does."""
    outline = around.entry.outline
    if any(not outline.made_of.isdisjoint((*each.path.parts, each.path.stem)) for each in around.entry.imports):
        return True
    called = outline.called_in_call
    return bool(called) and any(
        each.defines(called) and not called.isdisjoint(each.outline.makers) for each in around.scans[1:]
    )


def _hands_rate(around: Closure) -> bool:
    """Whether a rate is handed by position, or left to an odd default."""
    outline = around.entry.outline
    mentions = outline.mentions - _WITHOUT_RATE
    handed = {name: positions for name, positions in outline.handed.items() if name not in _WITHOUT_RATE}
    names = mentions | handed.keys()
    rated = dict(outline.rated)
    spread = outline.has("spread")
    for each in around.scans[1:]:
        if not each.defines(names):
            continue
        rated.update(each.outline.rated)
        if not mentions.isdisjoint(each.outline.rated):
            if each.outline.has("rate"):
                return True
            spread = spread or each.outline.has("spread")
    if spread and any(each.outline.has("takes-spread") for each in around.scans):
        return True
    return any(
        not handed[name].isdisjoint({-1, *range(position, position + 3)})
        for name, position in rated.items()
        if name in handed
    )


def _is_deaf(around: Closure) -> bool:
    """Whether a class of the file is a model that Keras cannot tell the mode; or one that it imports and fits."""
    asked = dict(around.entry.outline.classes)
    if any(each in around.entry.data for each in _FITTING):
        for each in around.near:
            asked.update(each.outline.classes)
    if not any(_may_be_deaf(bases, call) for bases, call in asked.values()):
        return False
    deaf = any(_call_of(name, around, 0) == "deaf" and _is_model(name, around, 0) for name in asked)
    return deaf and _holds_modes(around)


def _holds_modes(around: Closure) -> bool:
    """Whether the file makes a layer with a mode, by itself or by what it imports."""
    around.entry.tell_modes()
    if any("mode-layer" in unit.features for unit in around.entry.outline.units):
        return True
    for each in around.near:
        each.tell_modes()
    return around.reached(frozenset({"mode-layer"}))


def _leaks(around: Closure) -> bool:
    """Whether a model that Keras cannot tell the mode may get it from the default of one of its layers."""
    outline = around.entry.outline
    return (outline.has("acts-by-default") or outline.has("augmentation")) and _is_deaf(around)


def _may_be_deaf(bases: tuple[str, ...], call: str) -> bool:
    """Whether bases in other files may make a class a model that Keras cannot tell the mode."""
    own = [base for base in bases if base not in LAYERS and not base.endswith(("Layer", "object"))]
    return bool(own) and call != "told" and (call == "deaf" or any(base not in _MODELS for base in own))


def _call_of(name: str, around: Closure, depth: int) -> str:
    """How the ``call`` of a class hears of the mode: ``deaf``, ``told``, or nothing where it has none."""
    bases, own = around.class_named(name) or ((), "")
    if own or depth > _DEEPEST:
        return own
    return next((found for base in bases if base != name and (found := _call_of(base, around, depth + 1))), "")


def _is_model(name: str, around: Closure, depth: int) -> bool:
    """Whether a class may be a model: it is one, or has a base of which nothing is known."""
    found = around.class_named(name)
    if found is None:
        return bool(name) and not name.endswith(("Layer", "object")) and name not in LAYERS
    bases, _ = found
    return depth <= _DEEPEST and any(
        base in _MODELS or (base != name and _is_model(base, around, depth + 1)) for base in bases
    )


def _calls_itself(around: Closure) -> bool:
    """Whether a class with a ``__call__`` of its own may be one of Keras."""
    if not around.entry.outline.operators:
        return False
    return any(_is_of_keras(name, around, 0) for name in around.entry.outline.operators)


def _is_of_keras(name: str, around: Closure, depth: int) -> bool:
    """Whether a class has a base of which nothing is known, or which is a layer or a model."""
    found = around.class_named(name)
    if found is None:
        return name not in _PLAIN
    bases, _ = found
    return depth <= _DEEPEST and any(base != name and _is_of_keras(base, around, depth + 1) for base in bases)


_PLAIN = frozenset({"object", "ABC", "Generic", "Protocol", "Callback", "Sequence", "Exception", "Enum", "TestCase"})
_DEEPEST = 16


def _sets_late(around: Closure) -> bool:
    """Whether an attribute is set late which a layer has, or a method of the project reads."""
    late = around.entry.outline.late
    return bool(late) and any(not late.isdisjoint(_RATES | each.outline.read_in_steps) for each in around.near)


def _hands_flag(around: Closure) -> bool:
    """Whether True is handed by position to what may be a model: where modes are known of at all."""
    if not around.entry.outline.has("true-by-position"):
        return False
    return around.entry.uses_keras or any(each.outline.has("mode-parameter") for each in around.near)


JOINT: Mapping[str, Callable[[Closure], bool]] = {
    "made-in-call": _makes_in_call,
    "rate": _hands_rate,
    "deaf-model": _is_deaf,
    "leaking-model": _leaks,
    "own-call-operator": _calls_itself,
    "late": _sets_late,
    "flag-by-position": _hands_flag,
    "chosen-in-call": chooses_in_call,
}
