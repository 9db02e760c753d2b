"""The `trainable` flags on one path of execution, and what each model's train function has made of them.

Keras 2 and Keras 3 differ in two ways. *When flags are read*: Keras 2 at ``compile``
(tf_keras/src/engine/training_utils.py:155, 2.21), Keras 3 when the train function is first traced, in the first
``fit`` or ``train_on_batch`` after ``compile`` (keras/src/backend/tensorflow/trainer.py:255, 3.15.1). *How they
spread*: a model's flag is set on all its layers, except that Keras 3 on TensorFlow does nothing at all when the
model's own flag has that value already (keras/src/backend/tensorflow/trackable.py:18).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import compress, filterfalse
from operator import is_not
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dropout_lint.semantics.events import TrainableSet
    from dropout_lint.semantics.ownership import Ownership, Token

MOST_SETTINGS = 8


@dataclass(frozen=True, slots=True)
class Setting:
    """One value a flag may have on the paths that lead here."""

    value: bool | None
    """None where it is not known."""
    toggle: TrainableSet | None = None
    """What set it; None where it is what Keras gave it."""
    direct: bool = False
    """Whether it was set on this very layer, rather than on a model round it."""
    partial: bool = False
    """Whether only some of the layers that the token stands for, or of the loop it was set in, have it."""


Settings = frozenset[Setting]
Flags = dict["Token", Settings]
Consumed = dict["Token", "frozenset[TrainableSet]"]
DEFAULT: Settings = frozenset({Setting(True)})
UNKNOWN: Settings = frozenset({Setting(None)})


@dataclass(frozen=True, slots=True)
class Function:
    """A model's train function."""

    flags: Flags | None
    """The flags it was built with; None where it is not built on any path."""
    open: bool = False
    """Whether on some path it is not built, or not known to be."""
    compiled: Flags | None = None
    """The flags at the last ``compile``; None where none was seen."""


@dataclass(frozen=True, slots=True)
class State:
    """What is known at one point of one or several joined paths. Never changed; its dicts are copied on writing."""

    flags: Flags = field(default_factory=dict)
    functions: dict[Token, Function] = field(default_factory=dict)
    used: frozenset[TrainableSet] = frozenset()
    """The toggles that some ``compile`` or training has read."""
    consumed: Consumed = field(default_factory=dict)
    """The toggles that the ``compile`` of a model has read, by that model."""
    beside: frozenset[TrainableSet] = frozenset()
    """The toggles that were made for a ``compile`` together with others which it has read."""
    undone: frozenset[tuple[TrainableSet, TrainableSet, Token]] = frozenset()
    """A toggle of a model, the toggle of a layer in it that it undoes, and the layer."""
    ignored: frozenset[tuple[TrainableSet, TrainableSet, Token]] = frozenset()
    """A toggle of a model that does nothing, the toggle that froze a layer in it, and the layer."""
    repeated: frozenset[tuple[TrainableSet, Token]] = frozenset()
    """A toggle that singles a layer out among others and gives it the value it has from a model round it already."""
    made: frozenset[Token] = frozenset()
    again: frozenset[Token] = frozenset()
    """What was made more than once: the token stands for several objects."""


def settings_of(flags: Flags, token: Token, ownership: Ownership, unknown: frozenset[Token] = frozenset()) -> Settings:
    """The flag of a token; that of the place it is read from where it was not set itself."""
    found = flags.get(token)
    if found is not None:
        return found
    for parent in ownership.parents(token):
        found = flags.get(parent)
        if found is not None:
            return frozenset(Setting(each.value, each.toggle, False, each.partial) for each in found)
    return UNKNOWN if token in unknown else DEFAULT


def values_of(settings: Settings) -> frozenset[bool | None]:
    """The values a flag may have."""
    return frozenset(each.value for each in settings)


def united(one: Settings, two: Settings) -> Settings:
    """A flag that has a setting of either."""
    both = one | two
    return both if len(both) <= MOST_SETTINGS else UNKNOWN


def merged(one: State | None, two: State | None, ownership: Ownership, before: State | None = None) -> State | None:
    """Where two paths join.

    With ``before``, they are turns on different layers of one loop: what either did is done.
    """
    if one is None or two is None:
        return one or two
    if one is two:
        return one
    flags = one.flags if one.flags is two.flags else _merged_flags(one.flags, two.flags, ownership, before)
    functions = one.functions
    if functions is not two.functions:
        functions = {
            model: _merged_functions(one.functions.get(model), two.functions.get(model), ownership)
            for model in {**one.functions, **two.functions}
        }
    return State(
        flags,
        functions,
        _either(one.used, two.used),
        _either_consumed(one.consumed, two.consumed),
        _either(one.beside, two.beside),
        _either(one.undone, two.undone),
        _either(one.ignored, two.ignored),
        _either(one.repeated, two.repeated),
        _either(one.made, two.made),
        _either(one.again, two.again),
    )


def _either(one: frozenset[Any], two: frozenset[Any]) -> frozenset[Any]:
    # most branches change little of all that is known by then
    return one if one is two else one | two


def _either_consumed(one: Consumed, two: Consumed) -> Consumed:
    if one is two:
        return one
    return {**one, **{model: _either(one.get(model, toggles), toggles) for model, toggles in two.items()}}


def is_consumed(toggle: TrainableSet, consumed: Consumed) -> bool:
    """Whether the ``compile`` of some model has read a toggle."""
    return any(toggle in toggles for toggles in consumed.values())


def _merged_flags(one: Flags, two: Flags, ownership: Ownership, before: State | None) -> Flags:
    found: Flags = {**one, **two}
    # there may be thousands of flags, and as many branches that each change one of them
    changed = compress(found, map(is_not, map(one.get, found), found.values()))
    for token in [*changed, *filterfalse(two.__contains__, one)]:
        first, second = settings_of(one, token, ownership), settings_of(two, token, ownership)
        if before is not None:
            present = settings_of(before.flags, token, ownership)
            if present in (first, second):
                found[token] = second if first == present else first
                continue
        found[token] = united(first, second)
    return found


def _merged_functions(one: Function | None, two: Function | None, ownership: Ownership) -> Function:
    if one is None or two is None:
        known = one or two
        assert known is not None
        return Function(known.flags, True, known.compiled)
    if one is two:
        return one
    if one.flags is None or two.flags is None:
        return Function(one.flags or two.flags, one.flags is not two.flags, one.compiled or two.compiled)
    compiled = one.compiled if two.compiled is None else two.compiled
    if one.compiled is not None and two.compiled is not None and one.compiled is not two.compiled:
        compiled = _merged_flags(one.compiled, two.compiled, ownership, None)
    flags = one.flags if one.flags is two.flags else _merged_flags(one.flags, two.flags, ownership, None)
    return Function(flags, one.open or two.open, compiled)


def toggles_in(settings: Iterable[Setting]) -> frozenset[TrainableSet]:
    """What set them."""
    return frozenset(each.toggle for each in settings if each.toggle is not None)
