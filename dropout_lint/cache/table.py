"""One cache file: what was read and looked for, which files are still as they were, and what rests on them.

Two lines of JSON. The first holds the facts and the findings, the second what rests on what; it is read only where a
fact no longer holds, and when something new is written.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from typing import Any

from dropout_lint.cache.facts import Status, digest_of, glance, holds, settled, status, status_of, told_by_folder
from dropout_lint.cache.packing import Damaged, items
from dropout_lint.trail import FILE, NO_FILE, NOT_THERE, THERE, digest

FORMAT = 4
MARKS = frozenset({FILE, NO_FILE, THERE, NOT_THERE})

Json = Any


_AS_IMPORTER = "\0"


def name_of(path: str, asked: frozenset[str] | None) -> str:
    """The name of an entry: the path, and for what a file says as an importer, the rules that are asked for, too.

    NUL stands between them, which no path holds.
    """
    return path if asked is None else f"{path}{_AS_IMPORTER}{' '.join(sorted(asked))}"


def path_of(name: str) -> str:
    """The path of the file that an entry of this name is of."""
    return name.partition(_AS_IMPORTER)[0]


@dataclass(slots=True)
class Folder:
    """What was looked for in a folder. While it has the ``status``, only ``links`` can have changed."""

    status: Status | None
    names: dict[str, str] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    listed: tuple[str, ...] | None = None

    def seen(self, name: str) -> str | None:
        """What was seen under this name."""
        return self.names.get(name) or self.links.get(name)


@dataclass(slots=True)
class Asker:
    """What one file, or the folder that files are in, has led to."""

    reads: set[str] = field(default_factory=set)
    looks: set[tuple[str, str]] = field(default_factory=set)
    """Folders and names in them."""
    lists: set[str] = field(default_factory=set)
    glance: bool | None = None
    """Of a file that was only glanced at, the answer."""

    def gone(self, files: set[str], looks: set[tuple[str, str]], lists: set[str]) -> bool:
        """Whether something of it no longer holds; ``files`` have another content."""
        if not (self.looks.isdisjoint(looks) and self.lists.isdisjoint(lists)):
            return True
        changed = self.reads & files
        if self.glance is None or not changed:
            return bool(changed)
        return any(glance(path) is not self.glance for path in changed)


@dataclass(slots=True)
class Entry:
    """What is known of a file; ``speakers`` are codes with a space between them, ``findings`` are packed."""

    speakers: str
    marked: bool
    findings: list[Json] = field(default_factory=list)
    doubtful: bool = False
    """By which rules it is analysed is to be found out anew."""


@dataclass(slots=True)
class Table:
    """See the module."""

    contents: dict[str, str | None] = field(default_factory=dict)
    statuses: dict[str, Status | None] = field(default_factory=dict)
    folders: dict[str, Folder] = field(default_factory=dict)
    entries: dict[str, Entry] = field(default_factory=dict)
    askers: dict[str, Asker] = field(default_factory=dict)
    uses: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """The askers that count for what was found, by the name of the entry."""
    weighs: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Those that count for the rules by which it is analysed, if by any."""
    stale: set[str] = field(default_factory=set)
    """Entries that do not hold in this run."""
    _names: dict[str, list[str]] = field(default_factory=dict)
    """The names of entries by path."""
    renewed: bool = False
    """Some status can be trusted now that could not before."""
    _second: bytes | None = None

    def names_of(self, path: str) -> list[str]:
        """The names of the entries of a file."""
        if not self._names:
            for name in self.entries:
                self._names.setdefault(path_of(name), []).append(name)
        return self._names.get(path, [])

    def uses_of(self, path: str, entry: Entry) -> tuple[str, ...]:
        """The askers that count for what was found in a file, by one of its entries that says the same."""
        for name in self.names_of(path):
            known = self.entries.get(name)
            if known is not None and (known.speakers, known.findings) == (entry.speakers, entry.findings):
                return self.uses.get(name, ())
        return ()

    # Validity -------------------------------------------------------------------------------------------------

    def examine(self, now: int, overlaid: frozenset[str] = frozenset()) -> None:
        """Forget what no longer holds, and find out what does not in this run: where ``overlaid`` files hold something
        else than on disk.
        """
        files = {path for path, known in self.statuses.items() if not self._same_file(path, known, now)}
        looks: set[tuple[str, str]] = set()
        lists: set[str] = set()
        for path, folder in self.folders.items():
            found = status_of(path)
            unchanged = folder.status is not None and found is not None and status(found) == folder.status
            checked = folder.links if unchanged else {**folder.names, **folder.links}
            looks.update((path, name) for name, seen in checked.items() if not holds(os.path.join(path, name), seen))
            if folder.listed is not None and (not unchanged or any("/" in name for name in folder.listed)):
                from pathlib import Path

                from dropout_lint.sources.dependencies import declaring

                if declaring(Path(path)) != folder.listed:
                    lists.add(path)
            if not unchanged:
                folder.status = settled(found, now)
                self.renewed = self.renewed or folder.status is not None
        if files or looks or lists:
            self.details()
            gone, doubtful = self._resting_on(files, looks, lists)
            self._forget(gone)
            for entry in doubtful - gone:
                self.entries[entry].doubtful = True
        if overlaid:
            self.details()
            self.stale = set().union(*self._resting_on(set(overlaid), set(), set()))

    def _forget(self, entries: set[str]) -> None:
        """What is left holds for the files as they are now, and can be written as it is."""
        for entry in entries:
            for each in (self.entries, self.uses, self.weighs):
                each.pop(entry, None)
        self._second = None
        self.renewed = True

    def _same_file(self, path: str, known: Status | None, now: int) -> bool:
        found = status_of(path)
        if known is not None and found is not None and status(found) == known:
            return True
        content = digest_of(path, found)
        same = content == self.contents[path]
        self.contents[path], self.statuses[path] = content, settled(found, now)
        self.renewed = self.renewed or self.statuses[path] is not None
        return same

    def _resting_on(self, files: set[str], looks: set[tuple[str, str]], lists: set[str]) -> tuple[set[str], set[str]]:
        """The entries that do not hold any more, and those of which it is not known by which rules to analyse them."""
        changed = {path for path, asker in self.askers.items() if asker.gone(files, looks, lists)}
        gone = {entry for entry, askers in self.uses.items() if not changed.isdisjoint(askers)}
        doubtful = {entry for entry, askers in self.weighs.items() if not changed.isdisjoint(askers)}
        known = self.entries.keys() & self.weighs.keys()
        gone |= self.entries.keys() - known
        gone |= {entry for entry in known if self.entries[entry].speakers and entry not in self.uses}
        # of what was not analysed nothing is left without that
        gone |= {entry for entry in doubtful & known if not self.entries[entry].speakers}
        return gone, doubtful & known

    # JSON -----------------------------------------------------------------------------------------------------

    def dump(self, key: str) -> bytes:
        """The content of the cache file."""
        second = self._second if self._second is not None else self._dump_details()
        head = {
            "format": FORMAT,
            "key": key,
            "files": [[path, self.statuses.get(path), known] for path, known in self.contents.items()],
            "folders": [
                [path, each.status, each.names, each.links, each.listed] for path, each in self.folders.items()
            ],
            "entries": {
                path: [each.speakers, int(each.marked), int(each.doubtful), *each.findings]
                for path, each in self.entries.items()
            },
            "second": digest(second),
        }
        return json.dumps(head, separators=(",", ":")).encode() + b"\n" + second

    def _dump_details(self) -> bytes:
        files = {path: number for number, path in enumerate(self.contents)}
        folders = {path: number for number, path in enumerate(self.folders)}
        askers = {path: number for number, path in enumerate(self.askers)}
        described = []
        for path, asker in self.askers.items():
            by_folder: dict[int, list[str]] = {}
            for folder, name in sorted(asker.looks):
                by_folder.setdefault(folders[folder], []).append(name)
            described.append(
                [
                    path,
                    sorted(files[each] for each in asker.reads),
                    list(by_folder.items()),
                    sorted(folders[each] for each in asker.lists),
                    asker.glance,
                ]
            )
        details = {
            "askers": described,
            "uses": {path: sorted(askers[each] for each in used) for path, used in self.uses.items()},
            "weighs": {path: sorted(askers[each] for each in used) for path, used in self.weighs.items()},
        }
        return json.dumps(details, separators=(",", ":")).encode()

    @classmethod
    def load(cls, data: bytes, key: str) -> Table:
        """The table that `dump` was given.

        Raises:
            Damaged: There is none in ``data``, or it is that of another key.
        """
        first, _, second = data.partition(b"\n")
        head = _parsed(first)
        if head.get("format") != FORMAT or head.get("key") != key:
            raise Damaged("another key")
        if head.get("second") != digest(second):
            raise Damaged("cut short")
        table = cls(_second=second)
        for each in items(head.get("files")):
            path, known, content = items(each, 3)
            table.contents[_text(path)] = None if content is None else _text(content)
            table.statuses[path] = _status(known)
        for each in items(head.get("folders")):
            path, known, names, links, listed = items(each, 5)
            folder = Folder(_status(known), _marks(names), _marks(links))
            if listed is not None:
                folder.listed = tuple(_text(name) for name in items(listed))
            table.folders[_text(path)] = folder
        for path, value in _mapping(head.get("entries")).items():
            if len(items(value)) < 3 or any(type(flag) is not int for flag in value[1:3]):
                raise Damaged("no such entry")
            table.entries[path] = Entry(_text(value[0]), bool(value[1]), value[3:], bool(value[2]))
        return table

    def details(self) -> None:
        """Read what rests on what, if that has not been done.

        Raises:
            Damaged: It cannot be read.
        """
        if self._second is None or self.askers:
            return
        details = _parsed(self._second)
        files, folders = list(self.contents), list(self.folders)
        askers: list[str] = []
        for each in items(details.get("askers")):
            path, reads, looks, lists, seen = items(each, 5)
            if seen not in (None, True, False):
                raise Damaged("no answer")
            asker = Asker({_at(files, number) for number in items(reads)}, glance=seen)
            for look in items(looks):
                number, names = items(look, 2)
                folder = _at(folders, number)
                asker.looks.update((folder, _text(name)) for name in items(names))
            asker.lists.update(_at(folders, number) for number in items(lists))
            self.askers[_text(path)] = asker
            askers.append(path)
        for name, table in (("uses", self.uses), ("weighs", self.weighs)):
            for path, used in _mapping(details.get(name)).items():
                table[path] = tuple(_at(askers, number) for number in items(used))


def _parsed(data: bytes) -> dict[str, Json]:
    try:
        return _mapping(json.loads(data))
    except (ValueError, RecursionError, MemoryError) as error:
        raise Damaged("no JSON") from error


def _mapping(value: Json) -> dict[str, Json]:
    if type(value) is not dict:
        raise Damaged("no table")
    return value


def _text(value: Json) -> str:
    if type(value) is not str:
        raise Damaged("no text")
    return value


def _marks(value: Json) -> dict[str, str]:
    marks = _mapping(value)
    if not all(type(mark) is str for mark in marks.values()) or not MARKS.issuperset(marks.values()):
        raise Damaged("no marks")
    return marks


def _status(value: Json) -> Status | None:
    if value is None:
        return None
    if len(items(value)) != 4 or not all(type(each) is int for each in value):
        raise Damaged("no status")
    status: Status = value
    return status


def _at(table: list[str], number: Json) -> str:
    if type(number) is not int or not 0 <= number < len(table):
        raise Damaged("no such number")
    return table[number]


def place_of(path: str, seen: str) -> tuple[str, str, str]:
    """Under which folder a look-up is noted, by which name, and what was seen: a folder that does not exist itself
    is noted as missing from the first one above it that does.
    """
    folder, name = os.path.split(path)
    if seen in (FILE, THERE):
        return folder, name, seen
    while not os.path.isdir(folder) and os.path.dirname(folder) != folder and not os.path.lexists(folder):
        folder, name = os.path.split(folder)
        seen = NOT_THERE
    return folder, name, seen


def noted(folder: Folder, path: str, name: str, seen: str) -> bool:
    """Note what was seen; False where the folder says otherwise."""
    known = folder.seen(name)
    if known is None:
        (folder.names if told_by_folder(os.path.join(path, name), seen) else folder.links)[name] = seen
        return True
    return known == seen
