"""What a file sets going in the files that it imports, told by names: who mentions whom.

A feature of an imported file counts for an entry only if the part of the file in which it stands may run for the
entry: the entry mentions its name, or that of something that mentions it. Methods that Python or Keras call by
themselves go with their class; others want to be mentioned; a class that a decorator puts away goes by the name of
what it is put into.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from dropout_lint.outline import Outline, Unit

__all__ = ["Parts", "reaches", "reaches_keras"]

_CALLED_BY_KERAS = frozenset(
    {
        "call", "build", "train_step", "test_step", "predict_step", "compute_loss", "compute_metrics",
        "compute_output_shape", "get_config", "from_config", "make_train_function", "forward",
    }
)  # fmt: skip
_MOST_ROUNDS = 24
_MOST_BETWEEN = 3
"""Parts between an entry and one that uses Keras. Of 98 entries in 46 repositories two had two, the others fewer."""
_OF_ANY_PROGRAM = frozenset(
    {
        "active", "any-name", "discarded", "fits", "keeps", "late", "mode-layer", "random", "removed-argument",
        "spread", "takes-spread", "torch-method", "traces", "trains", "true-by-position",
    }
)  # fmt: skip
"""Features of parts that neither make a layer nor handle a mode, and one that parts are only told of when asked for.

Who trains a model or calls it wrongly has it from somewhere: a part that does no more than that is no beginning.
"""
_NONE: frozenset[str] = frozenset()


class Parts:
    """The parts of some files, and by which names others set them going."""

    def __init__(self, outlines: Iterable[Outline] = ()) -> None:
        self.outlines: list[Outline] = []
        self._keeps: dict[str, set[str]] = {}
        """By function, where it stores what it is handed."""
        self._decorators: dict[str, set[str]] = {}
        """By class, what it is decorated with."""
        for each in outlines:
            self.add(each)

    def add(self, outline: Outline) -> None:
        """The parts of one more file."""
        self.outlines.append(outline)
        for unit in outline.units:
            if unit.keeps:
                self._keeps.setdefault(unit.name, set()).update(unit.keeps)
            if unit.kind == "class" and unit.decorators:
                self._decorators.setdefault(unit.name, set()).update(unit.decorators)

    def known_by(self, unit: Unit, features: frozenset[str]) -> Iterable[str]:
        """The names by which others set a part going, for the sake of these features."""
        if unit.name == "compute_loss" and features & unit.features == {"flag-true-default"}:
            yield unit.name  # Keras says the mode; the default is for who calls it himself
            return
        if unit.kind != "function" or not unit.owner or not _goes_with_class(unit):
            yield unit.name
        else:
            yield unit.owner
        yield from self.kept(unit)

    def kept(self, unit: Unit) -> Iterable[str]:
        """Where a decorator puts a part, or the class with which a method goes."""
        decorators = unit.decorators
        if unit.kind == "function" and unit.owner and _goes_with_class(unit):
            decorators = decorators | self._decorators.get(unit.owner, _NONE)
        for each in decorators:
            yield from self._keeps.get(each, ())


def _goes_with_class(method: Unit) -> bool:
    return method.name.startswith(("__", "on_")) or method.name in _CALLED_BY_KERAS


def reaches(entry: Outline, parts: Parts, features: frozenset[str]) -> bool:
    """Whether one of the ``parts`` that has one of the ``features`` may run for the entry."""
    if any("anything" in outline.features for outline in parts.outlines):
        return True
    # the features of a file are those of its parts, but for one that is told of the parts alone
    told = "mode-layer" in features
    holders = [each for each in parts.outlines if told or not features.isdisjoint(each.features)]
    found = [unit for outline in holders for unit in outline.units if not features.isdisjoint(unit.features)]
    if any(unit.kind == "module" for unit in found):
        return True
    names: set[str] = set()
    seen: set[Unit] = set()
    for _ in range(_MOST_ROUNDS):
        if not found:
            return False
        fresh = {name for unit in found for name in parts.known_by(unit, features)} - names
        if not fresh.isdisjoint(entry.mentions):
            return True
        names |= fresh
        seen.update(found)
        found = _mentioning(fresh, parts.outlines, seen)
    return True


def reaches_keras(
    entry: Outline,
    using: Sequence[Outline],
    mentioning: Callable[[Collection[str]], Iterable[Outline]],
    defining: Callable[[Collection[str]], Iterable[Outline]],
) -> bool:
    """Whether an entry that does not use Keras itself refers to a part of files that do, or to what refers to one.

    ``using`` are those files, near by. Of the other files that lead to one of them, ``mentioning`` gives those that may
    mention one of some names; of all others, ``defining`` those that may define one. A method goes by its class here:
    whoever has an object of that has it from where the class is mentioned.
    """
    if any("anything" in outline.features for outline in (entry, *using)):
        return True
    parts = Parts(using)
    own: dict[int, set[str]] = {}
    """By file, the names of its own that count: elsewhere a variable of such a name is another one."""
    names = {name for outline in using for name in outline.keras}
    found = [(outline, unit) for outline in using for unit in outline.units if unit.features - _OF_ANY_PROGRAM]
    seen: set[Unit] = set()
    for _ in range(_MOST_BETWEEN + 1):
        found = [(outline, unit) for outline, unit in found if unit.kind != "module"]
        decorators = {name for _, unit in found for name in unit.decorators}
        for outline in defining(decorators) if decorators else ():
            if not any(outline is each for each in parts.outlines):
                parts.add(outline)
        for outline, unit in found:
            own.setdefault(id(outline), set()).add(unit.owner or unit.name)
            names.add(unit.owner or unit.name)
        kept = {name for _, unit in found for name in parts.kept(unit)}
        if not names.isdisjoint(entry.refers) or not kept.isdisjoint(entry.mentions):
            return True
        seen.update(unit for _, unit in found)
        near = {id(each): each for each in (*parts.outlines, *mentioning(names | kept))}.values()
        if any("anything" in outline.features for outline in near):
            return True
        found = []
        for outline in near:
            meant = (names & outline.refers) | own.get(id(outline), _NONE) | kept
            found += [(outline, unit) for unit in _mentioning(meant, (outline,), seen)]
        # who mentions the names of this round has been found by now
        names = set()
    return False


def _mentioning(names: set[str], outlines: Iterable[Outline], seen: set[Unit]) -> list[Unit]:
    """The parts, less those seen, that mention one of some names."""
    return [unit for outline in outlines for unit in outline.mentioning(names) if unit not in seen]
