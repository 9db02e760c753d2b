"""What is kept of a file: its features, and by which names its parts refer to each other and to other files."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

__all__ = ["Outline", "Unit"]


@dataclass(slots=True, eq=False)
class Unit:
    """A function, a method, the body of a class or of the module: what runs together, or not at all."""

    name: str
    """Empty for the body of the module, the name of the class for its body, of the variable for its value."""
    owner: str = ""
    """The class whose method it is, or whose body."""
    kind: str = "function"
    """``module``, ``variable``, ``class`` or ``function``."""
    parent: Unit | None = None
    features: set[str] = field(default_factory=set)
    mentions: set[str] = field(default_factory=set)
    """Every name and attribute that occurs in it, and short texts that could be one."""
    reads: set[str] = field(default_factory=set)
    """The plain names that it reads."""
    calls: set[str] = field(default_factory=set)
    """The functions and methods of its own that it calls by name."""
    reads_from_self: set[str] = field(default_factory=set)
    """The attributes that it reads from its own object."""
    makers: set[tuple[str, str]] = field(default_factory=set)
    """The classes that it makes objects of, each with what it is reached by."""
    draws: set[str] = field(default_factory=set)
    """The functions it calls that may drop, draw or normalise."""
    sets: set[str] = field(default_factory=set)
    """The attributes that it sets, of whatever object."""
    keeps: set[str] = field(default_factory=set)
    """Where it stores what it is handed: a class that it decorates may be asked for by another name."""
    decorators: set[str] = field(default_factory=set)

    @property
    def within(self) -> str:
        """The function that it is, or that it stands in; empty outside of all functions."""
        unit = self
        while unit.kind == "class" and unit.parent is not None:
            unit = unit.parent
        return unit.name if unit.kind == "function" else ""


@dataclass(frozen=True, slots=True)
class Outline:
    """The features of one file, and the functions by which it meets other files."""

    features: frozenset[str]
    units: tuple[Unit, ...] = ()
    makers: frozenset[str] = frozenset()
    """Its functions that make objects of classes."""
    called_in_call: frozenset[str] = frozenset()
    """The functions defined elsewhere that a ``call`` reaches."""
    rated: dict[str, int] = field(default_factory=dict)
    """Its functions and classes that take a rate, and at which position."""
    handed: dict[str, frozenset[int]] = field(default_factory=dict)
    """By called function the positions of arguments that are no plain rate; -1 where arguments are unpacked."""
    classes: dict[str, tuple[tuple[str, ...], str]] = field(default_factory=dict)
    """Its classes: the last names of their bases, and whether their ``call`` is ``told`` the mode or ``deaf``."""
    late: frozenset[str] = frozenset()
    """The attributes that are set outside of constructors."""
    read_in_steps: frozenset[str] = frozenset()
    """The attributes that a ``call``, a step or a compiled function reads from its own object."""
    operators: frozenset[str] = frozenset()
    """Its classes with a ``__call__`` of their own that has a mode by default."""
    mentions: frozenset[str] = frozenset()
    """The mentions of all its units."""
    keras: frozenset[str] = frozenset()
    """The names under which it imports parts of Keras and TensorFlow: others may import them from here."""
    uses_keras: bool = False
    """Whether it imports any, or reads a name that stands for one by convention and that it binds nowhere."""
    refers: frozenset[str] = frozenset()
    """The names by which it may refer to what others define: imported ones, attributes, after a star import any."""
    made_of: frozenset[str] = frozenset()
    """The packages of whose classes a ``call`` makes objects, if they are no libraries."""
    _mentioning: dict[str, list[Unit]] = field(default_factory=dict, init=False, compare=False, repr=False)

    def mentioning(self, names: Collection[str]) -> Iterable[Unit]:
        """The parts that mention one of some names; what the module does as a whole is no part."""
        if not self._mentioning:
            for unit in self.units:
                for name in unit.mentions if unit.kind != "module" else ():
                    self._mentioning.setdefault(name, []).append(unit)
        found = self._mentioning.keys() & names
        return dict.fromkeys(unit for name in found for unit in self._mentioning[name])

    def has(self, feature: str) -> bool:
        """Whether it has a feature; what is no source of Python has every one."""
        return feature in self.features or "anything" in self.features
