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
_NO_FEATURES: frozenset[str] = frozenset()


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

    def mentioning(self, names: Collection[str]) -> Iterable[Outline]:
        """The files that mention one of some names."""
        return [outline for outline in self.outlines if not outline.mentions.isdisjoint(names)]

    def known_by(self, unit: Unit, features: frozenset[str]) -> Iterable[str]:
        """The names by which others set a part going, for the sake of these features."""
        if unit.name == "compute_loss" and features & unit.features == {"flag-true-default"}:
            yield unit.name  # Keras says the mode; the default is for who calls it himself
            return
        decorators = unit.decorators
        if unit.kind != "function" or not unit.owner:
            yield unit.name
        elif unit.name.startswith(("__", "on_")) or unit.name in _CALLED_BY_KERAS:
            yield unit.owner
            decorators = decorators | self._decorators.get(unit.owner, set())
        else:
            yield unit.name
        for each in decorators:
            yield from self._keeps.get(each, ())


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
        found = _mentioning(fresh, parts.mentioning(fresh), seen)
    return True


def reaches_keras(
    entry: Outline, using: Sequence[tuple[str, Outline]], mentioning: Callable[[Collection[str]], Iterable[Outline]]
) -> bool:
    """Whether an entry that does not use Keras itself refers to a part of files that do, or to what refers to one.

    ``using`` are those files, near by, with the names of their modules; ``mentioning`` gives the other files that may
    mention one of some names.
    """
    outlines = [outline for _, outline in using]
    if any("anything" in outline.features for outline in (entry, *outlines)):
        return True
    parts = Parts(outlines)
    known = set(map(id, outlines))
    names = {name for module, outline in using for name in (module, *outline.keras)}
    found = [unit for outline in outlines for unit in outline.units if unit.kind != "module"]
    seen: set[Unit] = set()
    for _ in range(_MOST_BETWEEN + 1):
        # what puts a class away is known by where it does
        decorators = {name for unit in found for name in unit.decorators}
        for outline in mentioning(decorators) if decorators else ():
            if id(outline) not in known:
                known.add(id(outline))
                parts.add(outline)
        names.update(name for unit in found for name in parts.known_by(unit, _NO_FEATURES))
        if not names.isdisjoint(entry.mentions):
            return True
        seen.update(found)
        near = list(mentioning(names))
        if any("anything" in outline.features for outline in near):
            return True
        found = _mentioning(names, near, seen)
    return False


def _mentioning(names: set[str], outlines: Iterable[Outline], seen: set[Unit]) -> list[Unit]:
    """The parts, less those seen, that mention one of some names; what a module does as a whole is no part."""
    return [
        unit
        for outline in outlines
        for unit in outline.units
        if unit.kind != "module" and unit not in seen and not names.isdisjoint(unit.mentions)
    ]
