"""What an analysis has read and looked for: as long as all of that is as it was, its results are, too.

A trail is kept by file of the project, not by file that is checked: whoever is checked uses some files, and each of
these leads to look-ups. More may be noted than one file's findings depend on, never less.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from dropout_lint.files import LARGEST_SOURCE, read_regular

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dropout_lint.findings import Finding

FILE, NO_FILE, THERE, NOT_THERE = "f", "-", "e", "n"
"""What was seen of a path: a regular file, none, anything, nothing."""


GLANCE = "?"
"""What is asked of a file stands under its path with this behind it."""

_CHOICES = (b"KERAS_BACKEND", b"TF_USE_LEGACY_KERAS")
_LARGEST_SCAN = 1_000_000


def chooses_keras(data: bytes) -> bool:
    """Whether a file names an environment variable by which Keras is chosen."""
    head = data[:_LARGEST_SCAN]
    return any(name in head for name in _CHOICES)


def digest(data: bytes) -> str:
    """By what a content is known."""
    return blake2b(data, digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class Kept:
    """What is known of a file that is as it was."""

    speakers: frozenset[str]
    """Codes of the rules that could say something of it; without any it is not analysed."""
    marked: bool
    """Whether it holds suppressions."""
    findings: tuple[Finding, ...] = ()
    doubtful: bool = False
    """Something has changed that decides by which rules it is analysed; what each of them would find has not."""


@dataclass(slots=True)
class Trail:
    """See the module; paths are absolute. ``looks``, ``lists`` and ``reads`` are by what led there."""

    contents: dict[Path, str | None] = field(default_factory=dict)
    """Digests of what was read; None where it could not be read."""
    torn: set[Path] = field(default_factory=set)
    """Files that were not the same each time they were read."""
    looks: dict[Path, dict[str, str]] = field(default_factory=dict)
    lists: dict[Path, dict[Path, tuple[str, ...]]] = field(default_factory=dict)
    """Folders whose files may declare dependencies, and the names of those that do."""
    reads: dict[Path, set[Path]] = field(default_factory=dict)
    """Files that were read besides."""
    glances: dict[Path, bool] = field(default_factory=dict)
    """Files of which only one thing was asked, see `chooses_keras`, and the answer."""
    used: dict[Path, set[Path]] = field(default_factory=dict)
    """The files and folders that count for what is found, by the file that is analysed."""
    weighed: dict[Path, set[Path]] = field(default_factory=dict)
    """Those that count for the rules by which it is analysed, if by any."""
    _current: set[Path] = field(default_factory=set)
    _answers: dict[Path, bool] = field(default_factory=dict)

    def begin(self, entry: Path, *, triage: bool = False) -> None:
        """What is used from here on is used for ``entry``: for what is found, or for by which rules it is analysed."""
        self._current = (self.weighed if triage else self.used).setdefault(entry, {entry})

    def use(self, path: Path) -> None:
        """The content of ``path``, or what it led to, counts."""
        self._current.add(path)

    def use_all(self, paths: Iterable[Path]) -> None:
        """The content of all these files counts."""
        self._current.update(paths)

    def glance(self, path: Path) -> bool:
        """Whether a file `chooses_keras`: nothing else of it counts."""
        place = path / GLANCE
        self._current.add(place)
        if place not in self._answers:
            try:
                data = read_regular(path, LARGEST_SOURCE)
            except OSError:
                data = None
            self.note(path, data)
            self._answers[place] = chooses_keras(data or b"")
        self.reads[place] = {path}
        self.glances[place] = self._answers[place]
        return self._answers[place]

    def note(self, path: Path, data: bytes | None) -> None:
        """``path`` was read."""
        self._note(path, digest(data) if data is not None else None)

    def _note(self, path: Path, known: str | None) -> None:
        if self.contents.setdefault(path, known) != known:
            self.torn.add(path)

    def read(self, path: Path) -> bytes | None:
        """The content of a file that counts, or None where it cannot be read."""
        self.use(path)
        try:
            data = read_regular(path, LARGEST_SOURCE)
        except OSError:
            data = None
        self.note(path, data)
        return data

    def look(self, asker: Path, seen: dict[str, str]) -> None:
        """These paths were looked for on behalf of ``asker``, and this was seen of them."""
        self.looks.setdefault(asker, {}).update(seen)

    def list(
        self, asker: Path, folder: Path, names: tuple[str, ...], read: tuple[tuple[Path, str | None], ...]
    ) -> None:
        """The names in ``folder`` counted for ``asker``, and the files that were ``read`` for that."""
        self.lists.setdefault(asker, {})[folder] = names
        for path, known in read:
            self._note(path, known)
            self.reads.setdefault(asker, set()).add(path)

    def take(self) -> Trail:
        """What was noted since this was last asked, which is not known here any more."""
        taken = Trail(self.contents, self.torn, self.looks, self.lists, self.reads, self.glances, self.used)
        taken.weighed, self.weighed = self.weighed, {}
        self.contents, self.torn, self.looks, self.lists = {}, set(), {}, {}
        self.reads, self.glances, self.used, self._current = {}, {}, {}, set()
        return taken

    def merge(self, other: Trail) -> None:
        """Add what somebody else has noted; where two have seen different things, nothing can rest on them."""
        for path, known in other.contents.items():
            self._note(path, known)
        self.torn |= other.torn
        for asker, looks in other.looks.items():
            _join(self.looks.setdefault(asker, {}), looks, asker, self.torn)
        for asker, lists in other.lists.items():
            _join(self.lists.setdefault(asker, {}), lists, asker, self.torn)
        for place, answer in other.glances.items():
            if self.glances.setdefault(place, answer) is not answer:
                self.torn.add(place)
        for asker, reads in other.reads.items():
            self.reads.setdefault(asker, set()).update(reads)
        for mine, others in ((self.used, other.used), (self.weighed, other.weighed)):
            for entry, used in others.items():
                mine.setdefault(entry, set()).update(used)


_Path = TypeVar("_Path")
_Seen = TypeVar("_Seen")


def _join(known: dict[_Path, _Seen], more: dict[_Path, _Seen], asker: Path, torn: set[Path]) -> None:
    for path, seen in more.items():
        if known.setdefault(path, seen) != seen:
            torn.add(asker)
