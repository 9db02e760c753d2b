"""Verdicts on toggles, at the points of a path where somebody reads the flags."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import compress
from operator import is_not
from typing import TYPE_CHECKING, Any

from dropout_lint.semantics.events import ModelUse, TrainableSet
from dropout_lint.semantics.flags import (
    DEFAULT,
    Flags,
    Function,
    Setting,
    Settings,
    State,
    is_consumed,
    settings_of,
    toggles_in,
    values_of,
)
from dropout_lint.semantics.models import mode_of, weightless
from dropout_lint.semantics.ownership import Ownership, Places, Token, is_inside, is_some_of
from dropout_lint.semantics.values import truth

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of one toggle."""

    kind: str
    """``stale``: the train function that runs was built before it. ``never-trains``: the frozen model was compiled
    open, and its train function is first built now. ``undone``: a toggle of the model round it overrides it.
    ``gated``: a layer is opened inside a model that stays frozen. ``ignored``: the model's flag had this value
    already. ``recompiled``: it is compiled while ``fit`` runs."""
    toggle: TrainableSet
    model: Token
    use: ModelUse | TrainableSet
    """The training (or compile) that does not see it; in a callback, the toggle itself."""
    other: TrainableSet | None = None
    """The toggle it contradicts."""
    certain: bool = True
    """Whether it is so on every path that leads there."""
    known: bool = True
    """Whether the value that is set is known."""


class Judge:
    """What is found on one Keras generation: of each toggle and model the surest verdict of a kind."""

    def __init__(self, ownership: Ownership, generation: int, loaded: frozenset[Token]) -> None:
        self._ownership = ownership
        self._generation = generation
        self._loaded = loaded
        self._places = Places()
        self._compared: dict[Token, tuple[tuple[Any, ...], Flags]] = {}
        """By model: under which conditions its flags were compared last, and what they were then."""
        self.found: dict[tuple[str, int, Token], Verdict] = {}

    def flags(self, state: State, token: Token) -> Settings:
        """The flag of a token at a point."""
        return settings_of(state.flags, token, self._ownership, self._loaded)

    def knows(self, tokens: Iterable[Token]) -> None:
        """Remember what has a flag that is set."""
        self._places.add(tokens)

    def inside(self, model: Token, flags: Flags) -> list[Token]:
        """What has a flag that was set, and is the model or in it."""
        return self._ownership.inside(model, flags, self._places)

    def compare(self, use: ModelUse | TrainableSet | None, model: Token, function: Function, state: State) -> None:
        """Find the flags that have changed since the train function was built."""
        assert function.flags is not None
        flags = state.flags
        conditions = (function, state.beside, state.consumed, use is None, _trains(use))
        before = self._compared.get(model)
        self._compared[model] = (conditions, flags)
        waiting: Collection[Token] = self.inside(model, flags)
        if before is not None and before[0][0] is function and before[0][1:] == conditions[1:]:
            # nothing else is to be said of a flag that was compared with these
            waiting = [*compress(waiting, map(is_not, map(flags.get, waiting), map(before[1].get, waiting)))]
        elif use is not None:
            waiting = [token for token in waiting if flags[token] is not function.flags.get(token)]
        some_are_frozen = use is None and any(
            False in values_of(function.flags[each]) for each in self.inside(model, function.flags)
        )
        for token in waiting:
            built = settings_of(function.flags, token, self._ownership, self._loaded)
            then = values_of(built)
            # who opens a layer of an unknown model while it trains knows that it is frozen, and so does who opens some
            # layer of a model that holds frozen ones
            unknown = self._ownership.object_of(model) is None or (some_are_frozen and is_some_of(token))
            guessed = use is None and built == DEFAULT and unknown
            for each in flags[token]:
                if each.toggle is None or each.toggle in toggles_in(built) or None in then:
                    continue
                if each.value in then and not guessed:
                    continue
                if each.toggle in state.beside or is_consumed(each.toggle, state.consumed):
                    continue
                self._add(
                    Verdict(
                        "stale",
                        each.toggle,
                        model,
                        use or each.toggle,
                        certain=not function.open and not guessed,
                        known=each.value is not None,
                    )
                )

    def recompiled(self, toggle: TrainableSet, model: Token) -> None:
        """Note a toggle that a callback compiles, which takes the train function from the ``fit`` that calls it."""
        self._add(Verdict("recompiled", toggle, model, toggle))

    def first(self, use: ModelUse, model: Token, function: Function | None, state: State) -> None:
        """Find the model that was compiled open, frozen for another model, and is first trained frozen."""
        if function is None or function.compiled is None:
            return
        now = self.flags(state, model)
        then = settings_of(function.compiled, model, self._ownership, self._loaded)
        if values_of(then) != {True}:
            return
        if values_of(now) != {False} or any(each.partial for each in now):
            now = self._of_all_layers(model, state)
        for toggle in toggles_in(now):
            others = [
                other
                for other, toggles in state.consumed.items()
                if toggle in toggles and other != model and self._trains_all_of(other, model)
            ]
            if others:
                self._add(Verdict("never-trains", toggle, model, use, certain=not function.open))

    def _trains_all_of(self, other: Token, model: Token) -> bool:
        """Whether a model holds another one, or all of its layers: both may be made of one graph."""
        if self._ownership.contains(other, model):
            return True
        inside = self._ownership.members(model)
        layers = [token for token in inside.ordered if token != model and self._ownership.object_of(token) is not None]
        return inside.complete and bool(layers) and all(self._ownership.contains(other, token) for token in layers)

    def _of_all_layers(self, model: Token, state: State) -> Settings:
        """What froze the layers of a model one by one, if it left none open; batch normalisation counts for nothing."""
        found: set[Setting] = set()
        for token in self._ownership.members(model).ordered if self._ownership.members(model).complete else ():
            layer = self._ownership.object_of(token)
            if layer is None or values_of(self.flags(state, token)) != {False}:
                if layer is None or (weightless(layer) is not True and mode_of(layer) != "batch-statistics"):
                    return frozenset()
            else:
                found |= self.flags(state, token)
        return frozenset(found)

    def contradictions(self, use: ModelUse, model: Token, state: State) -> None:
        """Find toggles that others have undone or keep from working, where a compile or training reads the flags."""
        for kind, pairs in (("undone", state.undone), ("ignored", state.ignored)):
            for toggle, other, token in sorted(pairs, key=lambda pair: (pair[0].serial, pair[1].serial)):
                if not self._ownership.contains(model, token):
                    continue
                wanted = toggle if kind == "undone" else other
                if _written(toggles_in(self.flags(state, token))) == _written({wanted}):
                    self._add(Verdict(kind, toggle, model, use, other))
        outer = [model, *self._ownership.members(model).ordered] if self._generation == 2 else [model]
        for parent in outer:
            frozen = self.flags(state, parent)
            if values_of(frozen) != {False} or not all(each.direct and not each.partial for each in frozen):
                continue
            for token in self.inside(parent, state.flags):
                if not is_inside(token, parent):
                    continue
                for each in state.flags[token]:
                    if each.direct and each.toggle is not None and each.value is not False:
                        for toggle in toggles_in(frozen):
                            verdict = Verdict("gated", toggle, parent, use, each.toggle, known=each.value is True)
                            self._add(verdict)

    def _add(self, verdict: Verdict) -> None:
        slot = (verdict.kind, verdict.toggle.serial, verdict.model)
        before = self.found.get(slot)
        if before is None or _rank(verdict) > _rank(before):
            self.found[slot] = verdict


def _written(toggles: Iterable[TrainableSet]) -> set[tuple[int, bool | None]]:
    """Toggles as they stand in the program: on the turns of one loop, or on one call path, the same one."""
    return {(id(each.place.node), truth(each.value)) for each in toggles}


def _rank(verdict: Verdict) -> tuple[bool, bool, bool, int]:
    """What makes a verdict the better one; of equal ones that with the earlier contradiction, not either of them."""
    earlier = -verdict.other.serial if verdict.other is not None else 0
    return verdict.certain, verdict.known, _trains(verdict.use), earlier


def _trains(use: ModelUse | TrainableSet | None) -> bool:
    return isinstance(use, ModelUse) and use.kind == "train"
