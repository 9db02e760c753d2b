"""Files as they are looked at before anything is parsed: what each one holds, what it imports, what lies near by.

Who imports whom is asked far more often than there are files, since every file is looked at with what it imports. So
files refer to each other directly, and each of them is read, searched and outlined once.
"""

from __future__ import annotations

import re
from heapq import merge
from typing import TYPE_CHECKING

from dropout_lint.keras.layers import LAYERS
from dropout_lint.keras.use import names_keras, uses_keras
from dropout_lint.locating import PACKAGE
from dropout_lint.outline import ANYTHING, is_python, outline_of
from dropout_lint.outline.names import is_mode_layer
from dropout_lint.reach import Parts, reaches, reaches_keras
from dropout_lint.semantics.words import is_test_module

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator
    from pathlib import Path

    from dropout_lint.outline import Outline

__all__ = ["LARGEST_CLOSURE", "Closure", "Scan", "Scans"]

_DEFINED = (re.compile(rb"def(?=[\s\\]+([^\s\\(:\[]+))"), re.compile(rb"class(?=[\s\\]+([^\s\\(:\[]+))"))
"""What stands behind the word is only looked at: ``dataclass`` may stand in the line above ``class``."""
_FUNCTION = re.compile(
    rb"^(?:async[ \t]+)?def[ \t]+(\w+)[^\n]*\n(?:[ \t)\]}#][^\n]*\n|\r?\n)*(?:[ \t)\]}#][^\n]*\Z)?", re.MULTILINE
)
"""A function of a module with its body, as far as its lines tell: what is cut off stays with the module."""
_LATE_IMPORT = re.compile(rb"^[ \t]+(?:from|import)[ \t]", re.MULTILINE)
_CALLED_BY_IMPORTS = b"__getattr__"
_ENCODING = re.compile(rb"(?:[^\n]*\n)?[ \t\f]*#[^\n]*?coding[:=][ \t]*([-\w.]+)")
_WITHIN_ASCII = re.compile(rb"(?i)(?:utf[-_]?8|(?:us[-_])?ascii|latin[-_]?\d|iso[-_]?8859[-_]\d+|cp125\d)(?:[-_].*)?")
_MAY_HOLD_MODES = frozenset({"applications", "load_model", "clone_model", "model_from_json", "KerasLayer", "TFSMLayer"})
_FARTHEST = 2
"""Steps from a file to what it imports within which it may decide what is found there."""
LARGEST_CLOSURE = 400
_MANY_NAMES = 40
"""To look for more of them takes as long as an outline, which is drawn once."""


class Scans:
    """The files of a project, as far as anybody has come upon them.

    ``read`` gives the content of a file, ``imports`` the project files that one imports; ``triggers`` are all that
    somebody may ask for, ``outlines`` those of the contents that are known.
    """

    def __init__(
        self,
        read: Callable[[Path], bytes],
        imports: Callable[[Path, bytes], Iterable[Path]],
        triggers: Iterable[bytes],
        outlines: dict[bytes, Outline],
    ) -> None:
        self.read = read
        self.imports = imports
        self.triggers = _by_length(triggers)
        self.outlines = outlines
        self._known: dict[Path, Scan] = {}

    def of(self, path: Path) -> Scan:
        """The file at an absolute path."""
        known = self._known.get(path)
        if known is None:
            known = self._known[path] = Scan(path, self.read(path), self)
        return known

    def entry(self, path: Path, data: bytes) -> Scan:
        """The same, with this content, whatever was read before."""
        known = self._known.get(path)
        if known is None:
            known = self._known[path] = Scan(path, data, self)
        known.give(data)
        return known


def _by_length(triggers: Iterable[bytes]) -> tuple[tuple[bytes, bytes], ...]:
    """The triggers, short ones first; each with one that is a part of it, and empty where there is none."""
    ordered = sorted(set(triggers), key=lambda each: (len(each), each))
    return tuple(
        (each, next((part for part in reversed(ordered) if part in each and part != each), b"")) for each in ordered
    )


class Scan:
    """One file: which triggers it holds, what it imports, what its outline is. Everything is found out when asked."""

    __slots__ = (
        "_defined",
        "_held",
        "_imported",
        "_imports",
        "_is_python",
        "_late",
        "_lazy",
        "_may_define_all",
        "_names_keras",
        "_outline",
        "_scans",
        "_told_modes",
        "_uses_keras",
        "data",
        "is_package",
        "path",
    )

    def __init__(self, path: Path, data: bytes, scans: Scans) -> None:
        self.path = path
        self.is_package = path.name == PACKAGE
        self._scans = scans
        self._set(data)

    def _set(self, data: bytes) -> None:
        self.data = data
        self._held: frozenset[bytes] | None = None
        self._imports: tuple[Scan, ...] | None = None
        self._defined: frozenset[str] | None = None
        self._may_define_all = False
        self._outline: Outline | None = None
        self._names_keras: bool | None = None
        self._uses_keras: bool | None = None
        self._is_python: bool | None = None
        self._told_modes = False
        self._lazy: tuple[tuple[bytes, bytes], ...] | None = None
        self._imported: dict[tuple[bytes, ...], Scan] = {}
        self._late: dict[bytes, tuple[Scan, ...]] = {}

    def give(self, data: bytes) -> None:
        """This is its content."""
        if self.data != data:
            self._set(data)

    @property
    def names_keras(self) -> bool:
        """Whether Keras occurs in it, if only in a comment."""
        if self._names_keras is None:
            self._names_keras = names_keras(self.data)
        return self._names_keras

    @property
    def uses_keras(self) -> bool:
        """Whether it imports Keras, or calls it by the names that it is imported as."""
        if self._uses_keras is None:
            notebook = self.path.suffix == ".ipynb"
            self._uses_keras = (notebook and self.names_keras) or uses_keras(self.data)
        return self._uses_keras

    @property
    def imports(self) -> tuple[Scan, ...]:
        """The project files that it imports."""
        if self._imports is None:
            self._imports = tuple(map(self._scans.of, self._scans.imports(self.path, self.data)))
        return self._imports

    def as_imported(self, *by: Scan) -> Scan:
        """A package as it is for files that import it; every other file is for all what it is.

        What it only imports in a function, as packages do with what they can do without, comes with that function:
        for those that mention it.
        """
        if not self.is_package or not self.lazy:
            return self
        unmentioned = tuple(name for name, _ in self.lazy if not any(name in each.data for each in by))
        if not unmentioned:
            return self
        if unmentioned not in self._imported:
            data = self.data
            for name, block in self.lazy:
                if name in unmentioned:
                    data = data.replace(block, b"")
            self._imported[unmentioned] = Scan(self.path, data, self._scans)
        return self._imported[unmentioned]

    def leads_to(self, *by: Scan) -> Iterator[Scan]:
        """The files that it imports, seen by those that import it, and what comes with functions of packages there."""
        for other in self.as_imported(*by).imports:
            yield other
            if other.is_package and other.lazy:
                yield from other.late(self)

    def late(self, by: Scan) -> tuple[Scan, ...]:
        """What the functions of a package import that another file mentions."""
        if by.data not in self._late:
            blocks = (block for name, block in self.lazy if name in by.data)
            found = (each for block in blocks for each in self._scans.imports(self.path, block))
            self._late[by.data] = tuple(map(self._scans.of, found))
        return self._late[by.data]

    @property
    def lazy(self) -> tuple[tuple[bytes, bytes], ...]:
        """The functions of a package that import something and that it does not call itself: names and texts."""
        if self._lazy is None:
            imports_late = self.is_package and _LATE_IMPORT.search(self.data) is not None
            blocks = [(each[1], each[0]) for each in _FUNCTION.finditer(self.data)] if imports_late else []
            self._lazy = tuple(
                (name, block)
                for name, block in blocks
                if _LATE_IMPORT.search(block) is not None
                and name != _CALLED_BY_IMPORTS
                and self.data.count(name) == block.count(name)
            )
        return self._lazy

    @property
    def held(self) -> frozenset[bytes]:
        """The triggers that occur in it."""
        if self._held is None:
            data = self.data
            found = {b""}
            for trigger, part in self._scans.triggers:
                if part in found and trigger in data:
                    found.add(trigger)
            found.discard(b"")
            self._held = frozenset(found)
        return self._held

    def holds(self, triggers: Iterable[bytes]) -> bool:
        """Whether one of some triggers occurs in it; who asks for all of them is faster with `held`."""
        if self._held is not None:
            return not self._held.isdisjoint(triggers)
        return any(trigger in self.data for trigger in triggers)

    @property
    def outline(self) -> Outline:
        """Its features."""
        if self._outline is None:
            self._outline = self._drawn() if self.path.suffix != ".ipynb" else ANYTHING
        return self._outline

    def _drawn(self) -> Outline:
        known = self._scans.outlines.get(self.data)
        if known is None:
            known = self._scans.outlines[self.data] = outline_of(self.data)
        return known

    def defines(self, names: Collection[str]) -> bool:
        """Whether it may define a function or a class of one of these names, which takes no outline to tell."""
        defined = self.defined
        return defined is None or not defined.isdisjoint(names)

    @property
    def defined(self) -> frozenset[str] | None:
        """The functions and classes that it may define, or None where its text does not tell."""
        if self._defined is None:
            found = {name for pattern in _DEFINED for name in pattern.findall(self.data)}
            self._defined = frozenset(name.decode("utf-8", "replace") for name in found)
            # Python takes several spellings of other letters for the same name, and some encodings write them in ASCII
            self._may_define_all = not all(map(bytes.isascii, found)) or _is_encoded(self.data)
        return None if self._may_define_all else self._defined

    def may_mention(self, names: Collection[str]) -> bool:
        """Whether one of some names may occur in it, which takes no outline to tell; of many names it may."""
        if self._outline is not None and self._outline is not ANYTHING:
            return not self._outline.mentions.isdisjoint(names)
        if len(names) > _MANY_NAMES or not self.data.isascii() or _is_encoded(self.data):
            return True
        return any(name.encode() in self.data for name in names)

    def concerns(self, importer: Scan) -> bool:
        """Whether it uses Keras by what its tree says, as far as it runs for those that import it."""
        imported = self.as_imported(importer)
        return imported.uses_keras and imported.outline.uses_keras

    def class_named(self, name: str) -> tuple[tuple[str, ...], str] | None:
        """The bases of a class that it defines, and whether its ``call`` is told the mode."""
        return self.outline.classes.get(name) if self.defines((name,)) else None

    def tell_modes(self) -> None:
        """Add to the features of the parts that may make a layer with a mode, or something unknown, that they do."""
        if not self._told_modes:
            self._told_modes = True
            for unit in self.outline.units:
                if any(_may_have_mode(name) for name in unit.mentions):
                    unit.features.add("mode-layer")

    @property
    def is_test(self) -> bool:
        """Whether it holds unit tests, of which most rules say nothing."""
        return self.path.suffix != ".ipynb" and is_test_module(self.path.name, self.data.decode("utf-8", "replace"))

    @property
    def is_python(self) -> bool:
        """Whether this Python can parse it."""
        if self._outline is not None:
            return not self._outline.has("anything")
        if self._is_python is None:
            self._is_python = self.path.suffix != ".ipynb" and is_python(self.data)
        return self._is_python


def _is_encoded(data: bytes) -> bool:
    """Whether a file says that it is in an encoding in which letters of ASCII may be something else."""
    found = _ENCODING.match(data)
    return found is not None and _WITHIN_ASCII.fullmatch(found[1]) is None


def _may_have_mode(name: str) -> bool:
    """Whether a class is called like a layer whose mode matters; of those that attend, only Keras's own."""
    return name in _MAY_HOLD_MODES or (is_mode_layer(name) and ("Attention" not in name or name in LAYERS))


class Closure:
    """A file with what it imports, at whatever distance; ``use`` is told which files count for it."""

    def __init__(self, entry: Scan, use: Callable[[Iterable[Path]], None]) -> None:
        self.entry = entry
        self._use = use
        self._scans: tuple[Scan, ...] | None = None
        self._near: tuple[Scan, ...] | None = None
        self._held: frozenset[bytes] | None = None
        self._parts: Parts | None = None
        self._places: dict[str, list[int]] | None = None
        """By name the files that may define it; with an empty name those that may define any."""
        self._reached: dict[frozenset[str], bool] = {}
        self._classes: dict[str, tuple[tuple[str, ...], str] | None] = {}

    @property
    def scans(self) -> tuple[Scan, ...]:
        """The file itself first."""
        if self._scans is None:
            self._scans = self._collected(None)
        return self._scans

    @property
    def near(self) -> tuple[Scan, ...]:
        """The file, what it imports, and what that imports; a package that only passes names on is no step."""
        if self._near is None:
            self._near = self._collected(_FARTHEST)
        return self._near

    def look_for_all(self) -> None:
        """Look near by for all triggers at once, since most of them will be asked for."""
        self._held = frozenset().union(*(each.held for each in self.near))

    def holds(self, triggers: Iterable[bytes]) -> bool:
        """Whether one of some triggers occurs near by."""
        if self._held is not None:
            return not self._held.isdisjoint(triggers)
        return any(each.holds(triggers) for each in self.near)

    @property
    def parts(self) -> Parts:
        """The parts of the other files near by."""
        if self._parts is None:
            self._parts = Parts(each.outline for each in self.near[1:])
        return self._parts

    def reached(self, features: frozenset[str]) -> bool:
        """Whether the file refers to something with one of the features, near by; see `dropout_lint.reach`."""
        if features not in self._reached:
            self._reached[features] = reaches(self.entry.outline, self.parts, features)
        return self._reached[features]

    def concerns_keras(self) -> bool:
        """Whether the file uses Keras by what its tree says, or refers to what does near by."""
        if self.entry.concerns(self.entry):
            return True
        using = [each for each in self.near[1:] if each.concerns(self.entry)]
        leading = self._leading_to(using)
        others = [each for each in self.near[1:] if each not in using]
        between = [each for each in others if each in leading]
        return reaches_keras(
            self.entry.outline,
            [each.outline for each in using],
            lambda names: (each.outline for each in between if each.may_mention(names)),
            lambda names: (each.outline for each in others if each.defines(names)),
        )

    def _leading_to(self, scans: Collection[Scan]) -> set[Scan]:
        """Some of the files near by, and those that import one of them, directly or through others."""
        importing: dict[Scan, list[Scan]] = {}
        for each in self.near[1:]:
            for other in each.leads_to(self.entry):
                importing.setdefault(other, []).append(each)
        found = set(scans)
        waiting = list(scans)
        while waiting:
            new = [each for each in importing.get(waiting.pop(), ()) if each not in found]
            found.update(new)
            waiting += new
        return found

    def class_named(self, name: str) -> tuple[tuple[str, ...], str] | None:
        """The bases of a class, and whether its ``call`` is told the mode; the nearest of this name counts."""
        if name not in self._classes:
            known = (each.class_named(name) for each in self._defining(name))
            self._classes[name] = next((found for found in known if found is not None), None)
        return self._classes[name]

    def _defining(self, name: str) -> Iterable[Scan]:
        """The files that may define something of this name, the nearest first."""
        if self._places is None:
            self._places = {"": []}
            for place, each in enumerate(self.scans):
                for defined in ("",) if each.defined is None else each.defined:
                    self._places.setdefault(defined, []).append(place)
        return (self.scans[place] for place in merge(self._places.get(name, ()), self._places[""]))

    def _collected(self, farthest: int | None) -> tuple[Scan, ...]:
        # this is where a large project's time goes: everything is put into the queue once
        order = [self.entry]
        steps = [0]
        queued = {self.entry}
        for place, each in enumerate(order):
            if place >= LARGEST_CLOSURE:
                break
            step = steps[place]
            if each.is_package and place:
                step -= 1
            if farthest is None or step < farthest:
                for other in each.leads_to(self.entry):
                    if other not in queued:
                        queued.add(other)
                        order.append(other)
                        steps.append(step + 1)
        del order[LARGEST_CLOSURE:]
        self._use(each.path for each in order)
        return tuple(order)
