"""The rates that a program hands to dropout: to layers, to functions, and what they are called on the way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dropout_lint.keras.layers import layer as layer_facts
from dropout_lint.keras.rates import DROPOUT_ARGUMENTS
from dropout_lint.semantics.events import Constructed, FunctionCall, Place
from dropout_lint.semantics.values import Argument, ClassValue, Const, FunctionValue, Value, alternatives
from dropout_lint.semantics.words import keeps
from dropout_lint.syntax.lazy import cst
from dropout_lint.syntax.walk import contains

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dropout_lint.semantics.events import Frame, Interpretation
    from dropout_lint.semantics.naming import GoesBy


@dataclass(frozen=True, slots=True, eq=False)
class GivenRate:
    """One rate at one layer or function."""

    event: Constructed | FunctionCall
    receiver: str
    """The canonical name of the layer's class or of the function."""
    shown: str
    """What a reader calls it."""
    argument: str
    value: Value
    node: object
    """The expression handed over, where there is one."""
    names: tuple[GoesBy, ...] = ()

    @property
    def place(self) -> Place:
        """The expression that chooses the value on this path; the default where nobody spells it."""
        from dropout_lint.semantics.choices import choice_of

        frame: Frame = self.event.frames[-1]
        given = Argument(self.value, self.node)  # type: ignore[arg-type]
        choice = choice_of(frame, given, self.event.place.node)
        origin = self.value.origin if isinstance(self.value, Const) else None
        if choice.place.node is choice.call and origin is not None:
            return Place(origin.module, origin.node)
        return choice.place

    @property
    def constants(self) -> tuple[Const, ...]:
        """The constants the value may be."""
        return tuple(each for each in alternatives(self.value) if isinstance(each, Const))


def rates_of(interpretation: Interpretation, generation: int | None = None) -> Iterator[GivenRate]:
    """Every rate that is handed over, in the order of events; ``generation`` decides what positions mean."""
    for event in interpretation.events:
        if isinstance(event, Constructed):
            yield from _of_layer(interpretation, event, generation or 3)
        elif isinstance(event, FunctionCall) and event.name in DROPOUT_ARGUMENTS:
            name, position = DROPOUT_ARGUMENTS[event.name]
            given = event.arguments.get(name, position)
            if given is not None and not event.arguments.spread:
                last = event.name.rpartition(".")[2]
                yield _given(interpretation, event, event.name, last, name, given)


def _of_layer(interpretation: Interpretation, event: Constructed, generation: int) -> Iterator[GivenRate]:
    instance = event.instance
    facts = layer_facts(instance.keras_name or "")
    if facts is None or event.arguments.spread:
        return
    own = isinstance(instance.cls, ClassValue) and isinstance(instance.cls.find("__init__"), FunctionValue)
    for rate in facts.rate_arguments:
        if own:
            # what the class's own constructor hands on
            value = instance.arguments.get(rate.name)
            origin = value.origin if isinstance(value, Const) else None
            given = Argument(value, origin.node) if value is not None and origin is not None else None
        else:
            given = event.arguments.get(rate.name, rate.position(generation))
        if given is not None:
            yield _given(interpretation, event, facts.canonical_name, instance.class_name, rate.name, given)


def _given(
    interpretation: Interpretation,
    event: Constructed | FunctionCall,
    receiver: str,
    shown: str,
    argument: str,
    given: Argument,
) -> GivenRate:
    from dropout_lint.semantics.naming import names_of

    names = names_of(interpretation.assigned, event.frames[-1], given.node)
    return GivenRate(event, receiver, shown, argument, given.value, given.node, names)


def written_at(rate: GivenRate) -> bool:
    """Whether the rate is an argument that stands in the call itself."""
    return isinstance(rate.node, cst.CSTNode) and contains(rate.event.place.node, rate.node)


def said_to_keep(names: tuple[GoesBy, ...]) -> GoesBy | None:
    """The name by which a rate is a probability to keep: the outermost one that says anything decides."""
    found: GoesBy | None = None
    for each in names:
        says = keeps(each.name)
        if says is not None:
            found = each if says is not each.complement else None
    return found
