"""What a file sets going in the files that it imports, told by names: who mentions whom.

A feature of an imported file counts for an entry only if the part of the file in which it stands may run for the
entry: the entry mentions its name, or that of something that mentions it. Methods that Python or Keras call by
themselves go with their class; others want to be mentioned; a class that a decorator puts away goes by the name of
what it is put into.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dropout_lint.outline import Outline, Unit

__all__ = ["reaches"]

_CALLED_BY_KERAS = frozenset(
    {
        "call", "build", "train_step", "test_step", "predict_step", "compute_loss", "compute_metrics",
        "compute_output_shape", "get_config", "from_config", "make_train_function", "forward",
    }
)  # fmt: skip
_MOST_ROUNDS = 24


def reaches(entry: Outline, others: Sequence[Outline], features: frozenset[str]) -> bool:
    """Whether a part of the ``others`` that has one of the ``features`` may run for the entry."""
    if any("anything" in outline.features for outline in others):
        return True
    # the features of a file are those of its parts, but for one that is told of the parts alone
    told = "mode-layer" in features
    holders = [each for each in others if told or not features.isdisjoint(each.features)]
    found = [unit for outline in holders for unit in outline.units if not features.isdisjoint(unit.features)]
    if not found:
        return False
    if any(unit.kind == "module" for unit in found):
        return True
    units = [unit for outline in others for unit in outline.units]
    names: set[str] = set()
    waiting = {unit for unit in units if unit.kind != "module"}
    for _ in range(_MOST_ROUNDS):
        if not found:
            return False
        names.update(name for unit in found for name in _known_by(unit, units, features))
        if not names.isdisjoint(entry.mentions):
            return True
        waiting.difference_update(found)
        found = [unit for unit in waiting if not names.isdisjoint(unit.mentions)]
    return True


def _known_by(unit: Unit, units: Iterable[Unit], features: frozenset[str]) -> Iterable[str]:
    """The names by which others set a part going."""
    if unit.name == "compute_loss" and features & unit.features == {"flag-true-default"}:
        yield unit.name  # Keras says the mode; the default is for who calls it himself
        return
    decorators = unit.decorators
    if unit.kind != "function" or not unit.owner:
        yield unit.name
    elif unit.name.startswith(("__", "on_")) or unit.name in _CALLED_BY_KERAS:
        yield unit.owner
        of_class = (each.decorators for each in units if each.kind == "class" and each.name == unit.owner)
        decorators = decorators.union(*of_class)
    else:
        yield unit.name
    if decorators:
        for each in units:
            if each.name in decorators:
                yield from each.keeps
