"""Results of earlier runs for the engine to take, and those of this run to keep."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dropout_lint.cache import folder, replay
from dropout_lint.cache.facts import settled, status_of
from dropout_lint.cache.packing import Damaged, pack, unpack
from dropout_lint.cache.table import Asker, Entry, Folder, Table, name_of, noted, path_of, place_of
from dropout_lint.cache.tool import fingerprint, own_files
from dropout_lint.discovery import ARCHIVES
from dropout_lint.settings import Settings, normal, shown
from dropout_lint.trail import FILE, THERE, Kept, digest
from dropout_lint.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from dropout_lint.findings import Finding, Span
    from dropout_lint.trail import Trail

_WITHOUT_EFFECT = frozenset(
    {
        "baseline",
        "cache_dir",
        "exclude",
        "extend_exclude",
        "extend_select",
        "fail_on",
        "file",
        "fixable",
        "force_exclude",
        "ignore",
        "jobs",
        "min_confidence",
        "min_severity",
        "output_format",
        "per_file_ignores",
        "respect_gitignore",
        "select",
        "severity",
        "unfixable",
        "unsafe_fixes",
    }
)
"""Settings that count before or after the analysis of a file."""


class Store:
    """The caches in the folder ``top``, for one run after another."""

    def __init__(self, top: Path) -> None:
        self._top = top
        self._began = time.time_ns()
        self._overlaid: frozenset[str] = frozenset()
        self.complete = True
        """Whether all that the run rests on is known to it."""
        self._rests: dict[str, bool] = {}
        """What the run rests on besides what is kept of single files, and whether it was there."""
        self._trails: Mapping[Settings, Trail] = {}
        self._tables: dict[Settings, tuple[Path, str, Table]] = {}
        self.new: dict[Settings, dict[str, Entry]] = {}
        self.problem: str | None = None
        """Why nothing could be kept."""

    def begin(self, overlaid: Iterable[Path]) -> None:
        """Begin a run in which these files hold something else than on disk; nothing of an earlier one counts."""
        self._began = time.time_ns()
        self._overlaid = frozenset(str(path) for path in overlaid)
        self._tables, self.new, self._rests, self._trails = {}, {}, {}, {}
        self.complete, self.problem = not self._overlaid, None

    def get(
        self,
        settings: Settings,
        path: Path,
        lines: Callable[[Path], Sequence[str]],
        asked: frozenset[str] | None = None,
    ) -> Kept | None:
        """What is known of the file at ``path``, if nothing has changed that it depends on.

        ``lines`` gives the lines that places in a file are counted in. With the codes of rules that are ``asked`` for
        of what the file imports, this is what it says as an importer.
        """
        return self._known(settings, path, lines, name_of(str(path.absolute()), asked))

    def _known(self, settings: Settings, path: Path, lines: Callable[[Path], Sequence[str]], name: str) -> Kept | None:
        table = self._table(settings)[2]
        entry = table.entries.get(name)
        if entry is None or name in table.stale:
            return None
        try:
            found = tuple(unpack(each) for each in entry.findings)
            for finding in found:
                _check(finding, settings, path, lines)
        except (Damaged, OSError, ValueError):
            table.stale.add(name)
            return None
        return Kept(frozenset(entry.speakers.split()), entry.marked, found, entry.doubtful)

    def like(
        self,
        settings: Settings,
        path: Path,
        lines: Callable[[Path], Sequence[str]],
        speakers: frozenset[str],
    ) -> Kept | None:
        """What these very rules have found in the file at ``path``, whoever asked for them."""
        for name in self._table(settings)[2].names_of(str(path.absolute())):
            kept = self._known(settings, path, lines, name)
            if kept is not None and kept.speakers == speakers and not kept.doubtful:
                return kept
        return None

    def put(self, settings: Settings, path: Path, kept: Kept, asked: frozenset[str] | None = None) -> None:
        """Keep what was found out about the file at ``path``, as an importer if rules are ``asked`` for."""
        packed = [pack(finding) for finding in kept.findings]
        try:
            if tuple(unpack(each) for each in packed) != kept.findings:
                return
        except Damaged:
            return
        entry = Entry(" ".join(sorted(kept.speakers)), kept.marked, packed)
        self.new.setdefault(settings, {})[name_of(str(path.absolute()), asked)] = entry

    def write(self, trails: Mapping[Settings, Trail]) -> None:
        """Write what is new; ``trails`` say what it depends on, and what the run does when it has come to its end."""
        self._trails = trails
        for settings, (path, key, known) in list(self._tables.items()):
            table = known
            new = self.new.get(settings, {})
            trail = trails.get(settings)
            if trail is not None and new:
                table = _Merging(self._latest(path, key, known), trail, self._began, self._overlaid).with_new(new)
                self._tables[settings] = (path, key, table)
            elif not table.renewed:
                continue
            try:
                self.problem = folder.write(path, table.dump(key)) or self.problem
            except (Damaged, UnicodeError):
                continue

    def rest_on(self, files: Iterable[str], folders: Iterable[str]) -> None:
        """The run depends on these files, and on there being no others in these folders."""
        self._rests.update(dict.fromkeys((*files, *folders), True))

    def _rest_on_trail(self, trail: Trail) -> None:
        """The run depends on all that was read and looked for, by those of which nothing is kept as well."""
        for file, known in trail.contents.items():
            self._rests[str(file)] = known is not None or status_of(str(file)) is not None
        for looks in trail.looks.values():
            for path, seen in looks.items():
                self._rest_on_look(path, there=seen in (FILE, THERE))
        for lists in trail.lists.values():
            for place, names in lists.items():
                paths = (str(place), *(os.path.join(place, name) for name in _folders_among(names)))
                self._rests.update((each, status_of(each) is not None) for each in paths)

    def _rest_on_look(self, path: str, *, there: bool) -> None:
        """The run depends on something being there, or not: which its folder tells, if that is one of the project's.

        Outside of it, others come and go: in a home folder, or in one for what is temporary.
        """
        above = os.path.dirname(path)
        if above not in self._rests and self._is_inside(above):
            self._rests[above] = status_of(above) is not None
        if there or above not in self._rests:
            self._rests[path] = there

    def _is_inside(self, path: str) -> bool:
        return any(Path(path).is_relative_to(settings.root) for settings in self._tables)

    def keep_run(self, key: list[object], text: str, code: int, files: Iterable[str], seen: Mapping[str, bool]) -> None:
        """Keep what a run has printed, with its exit status, if all that it rests on is known.

        ``files`` were checked, ``seen`` is what was looked at to find them.
        """
        for trail in self._trails.values():
            self._rest_on_trail(trail)
        rests = {**seen, **self._rests}
        kept: set[str] = set()
        for _, _, table in self._tables.values():
            kept |= {name for name, each in table.entries.items() if not each.doubtful} - table.stale
            for name, each in table.folders.items():
                folders = [name] if each.listed is not None or self._is_inside(name) else []
                looked = [*_folders_among(each.listed or ()), *each.links, *(() if folders else each.names)]
                paths = (*folders, *(os.path.join(name, n) for n in looked))
                rests.update((path, status_of(path) is not None) for path in paths)
            rests.update(
                (name, known is not None or status_of(name) is not None) for name, known in table.contents.items()
            )
        for name in map(os.path.abspath, files):
            self.complete = self.complete and (name in kept or name.endswith(ARCHIVES))
            rests[name] = True
        if not self.complete or self.problem is not None:
            return
        rests.update((path, True) for path in own_files())
        data = replay.record(key, text, code, rests, lambda path: settled(status_of(path), self._began))
        if data is not None:
            folder.write(self._top / __version__ / replay.file_of(key), data)

    def _table(self, settings: Settings) -> tuple[Path, str, Table]:
        if settings not in self._tables:
            described = _described(settings)
            path = self._top / __version__ / f"{digest(described.encode('utf-8', 'surrogatepass'))}.json"
            key = f"{fingerprint()}\n{described}"
            self._tables[settings] = (path, key, self._read(path, key))
        return self._tables[settings]

    def _read(self, path: Path, key: str) -> Table:
        try:
            data = folder.read(path)
            table = Table.load(data, key) if data is not None else Table()
            table.examine(self._began, self._overlaid)
        except Damaged:
            return Table()
        return table

    def _latest(self, path: Path, key: str, table: Table) -> Table:
        """What is to be added to: what another run has written meanwhile, if it holds."""
        other = self._read(path, key)
        try:
            other.details()
        except Damaged:
            return Table()
        return other if other.entries else Table() if not table.entries else table


def _folders_among(names: Iterable[str]) -> list[str]:
    """Those of the names of what may declare dependencies that are folders with more of them."""
    return [name for name in names if name.endswith("/")]


def _described(settings: Settings) -> str:
    """All that decides findings besides files: settings, what paths are told relative to, and the Python."""
    values: dict[str, Any] = {each.name: getattr(settings, each.name) for each in fields(settings)}
    told = [f"{name} = {value!r}" for name, value in sorted(values.items()) if name not in _WITHOUT_EFFECT]
    python = f"{sys.implementation.name} {sys.version_info[0]}.{sys.version_info[1]}"
    return "\n".join((python, str(Path.cwd()), *told))


def _check(finding: Finding, settings: Settings, entry: Path, lines: Callable[[Path], Sequence[str]]) -> None:
    """Raises:
    ValueError: We would not have said that: of no such rule, of a file elsewhere, or of a place that is not in it.
    """
    from dropout_lint.selection import known_rules

    if known_rules().get(finding.code) != finding.name:
        raise Damaged("no such rule")
    path = normal(Path(finding.path))
    inside = (settings.root, *settings.src, normal(entry).parent, Path.cwd())
    if shown(path) != finding.path or not any(path.is_relative_to(normal(each)) for each in inside):
        raise Damaged("a file elsewhere")
    text = lines(path)
    _check_span(finding.span, text)
    for edit in finding.fix.edits if finding.fix is not None else ():
        _check_span(edit.span, text)


def _check_span(span: Span, lines: Sequence[str]) -> None:
    for place in (span.start, span.end):
        length = len(lines[place.line - 1]) if place.line <= len(lines) else 0
        if place.line > len(lines) + 1 or place.column > length + 1:
            raise Damaged("outside the text")


class _Merging:
    """A table of what still holds of an earlier one and what is new."""

    def __init__(self, old: Table, trail: Trail, began: int, overlaid: frozenset[str]) -> None:
        self._old = old
        self._began = began
        self._contents = {str(path): known for path, known in trail.contents.items()}
        self._used = {str(entry): [str(each) for each in used] for entry, used in trail.used.items()}
        self._weighed = {str(entry): [str(each) for each in used] for entry, used in trail.weighed.items()}
        self._trail = trail
        self._bad = overlaid | {str(path) for path in trail.torn}
        self._table = Table(renewed=True)
        self._placed: dict[str, dict[str, tuple[tuple[str, str], bool]]] = {}
        """By what was seen and of what: under which folder and name it is noted, and whether it could be."""

    def with_new(self, new: Mapping[str, Entry]) -> Table:
        """The table with these entries."""
        by_name = {str(path): path for path in (*self._trail.weighed, *self._trail.looks, *self._trail.reads)}
        by_name.update({str(path): path for path in self._trail.lists})
        self._fine: dict[str, bool] = {}
        self._held: dict[str, bool] = {}
        for entry, value in new.items():
            path = path_of(entry)
            weighed, used = self._weighed.get(path), self._used.get(path)
            if weighed is None or not self._all_new(weighed, by_name):
                continue
            if used is not None:
                if self._all_new(used, by_name):
                    self._add(entry, value, used, weighed)
            elif not value.speakers:
                self._add(entry, value, (), weighed)
            else:
                # it was not analysed in this run: the same was known already, of itself or as that of another importer
                kept = self._old.uses_of(path, value)
                if kept and self._all_old(kept):
                    self._add(entry, value, kept, weighed)
        for entry, value in self._old.entries.items():
            uses, weighs = self._old.uses.get(entry, ()), self._old.weighs.get(entry)
            if entry in new or entry in self._old.stale or weighs is None or (value.speakers and not uses):
                continue
            if self._all_old((*uses, *weighs)):
                self._add(entry, value, uses, weighs)
        self._finish()
        return self._table

    def _add(self, entry: str, value: Entry, used: Iterable[str], weighed: Iterable[str]) -> None:
        self._table.entries[entry] = value
        if used:
            self._table.uses[entry] = tuple(used)
        self._table.weighs[entry] = tuple(weighed)

    def _all_new(self, askers: Iterable[str], by_name: Mapping[str, Path]) -> bool:
        for asker in askers:
            if asker not in self._fine:
                self._fine[asker] = self._add_new(asker, by_name.get(asker, Path(asker)))
        return all(self._fine[asker] for asker in askers)

    def _all_old(self, askers: Iterable[str]) -> bool:
        for asker in askers:
            if asker not in self._held:
                self._held[asker] = self._fine.get(asker, True) and self._add_old(asker)
        return all(self._held[asker] for asker in askers)

    def _add_new(self, name: str, path: Path) -> bool:
        """Note what ``path`` has led to; False where that is not clear."""
        asker = self._table.askers.setdefault(name, Asker())
        trail = self._trail
        reads = {str(each) for each in trail.reads.get(path, ())}
        if name in self._contents:
            reads.add(name)
        # of what was used without being read nothing could be told: it has another content than on disk
        told = name in self._contents or path in trail.lists or path in trail.glances
        fine = told and reads.isdisjoint(self._bad) and name not in self._bad
        for each in reads:
            self._table.contents[each] = self._contents[each]
        asker.reads |= reads
        asker.glance = trail.glances.get(path)
        for looked, seen in trail.looks.get(path, {}).items():
            # a project has some fifty of them a file, most of them those of its neighbours, too
            place, could = self._placed.setdefault(seen, {}).get(looked) or self._note(looked, seen)
            asker.looks.add(place)
            fine = could and fine
        for folder_path, names in trail.lists.get(path, {}).items():
            where = str(folder_path)
            known = self._table.folders.setdefault(where, Folder(None))
            fine = fine and known.listed in (None, names)
            known.listed = names
            asker.lists.add(where)
        return fine

    def _note(self, path: str, seen: str) -> tuple[tuple[str, str], bool]:
        where, name, told = place_of(path, seen)
        could = noted(self._table.folders.setdefault(where, Folder(None)), where, name, told)
        known = self._placed[seen][path] = ((where, name), could)
        return known

    def _add_old(self, name: str) -> bool:
        """Note what was known of an asker that others still depend on; False where that is no longer so."""
        old = self._old.askers[name]
        for path in old.reads:
            if self._table.contents.setdefault(path, self._old.contents[path]) != self._old.contents[path]:
                return False
        for where, each in old.looks:
            seen = self._old.folders[where].seen(each) if where in self._old.folders else None
            target = self._table.folders.setdefault(where, Folder(None))
            if seen is None or not noted(target, where, each, seen):
                return False
        for where in old.lists:
            target = self._table.folders.setdefault(where, Folder(None))
            if target.listed not in (None, self._old.folders[where].listed):
                return False
            target.listed = self._old.folders[where].listed
        asker = self._table.askers.setdefault(name, Asker())
        asker.reads |= old.reads
        asker.looks |= old.looks
        asker.lists |= old.lists
        asker.glance = old.glance
        return True

    def _finish(self) -> None:
        for path in self._table.contents:
            self._table.statuses[path] = settled(status_of(path), self._began)
        for path, each in self._table.folders.items():
            each.status = settled(status_of(path), self._began)
        both = (*self._table.uses.values(), *self._table.weighs.values())
        counted = {asker for used in both for asker in used}
        self._table.askers = {name: asker for name, asker in self._table.askers.items() if name in counted}


def location(settings: Settings) -> Path:
    """Where the caches of a run lie whose own settings these are."""
    given = os.environ.get(replay.VARIABLE)
    if settings.cache_dir is not None:
        return settings.cache_dir
    return Path(given).absolute() if given else settings.root / replay.NAME
