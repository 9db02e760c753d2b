"""Files to findings: what there is to do, what is known already, and what is reported of it in the end.

What fails in one file is a finding of that file (KTM990, KTM991) and never stops the others. A file without any of the
words that a rule needs is not parsed, and without such a file the parser is not even loaded.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING

from dropout_lint.collecting import not_collecting, set_aside
from dropout_lint.discovery import Problem, discover, excluded, is_archive, unsupported
from dropout_lint.examining import Entry, Examined, Examiner, examine
from dropout_lint.hearing import File, Gathered, file_of, one_voice, silenced_by, wanted, weighed
from dropout_lint.report import Report
from dropout_lint.selection import ALWAYS_ON, UNUSED_SUPPRESSION
from dropout_lint.semantics.shelf import Shelf
from dropout_lint.settings import Resolver, Settings, normal, shown
from dropout_lint.sources.notebook import Notebook
from dropout_lint.sources.reading import in_cells, is_notebook
from dropout_lint.sources.text import SourceError, narrowed, read_bytes
from dropout_lint.suppressions import MARK, Comment
from dropout_lint.texts import Texts
from dropout_lint.trail import Kept
from dropout_lint.unanalysed import crashed, not_analysed

if TYPE_CHECKING:
    from dropout_lint.cache.store import Store
    from dropout_lint.examining import Analyser, AnalyserFactory
    from dropout_lint.findings import Finding
    from dropout_lint.outline import Outline
    from dropout_lint.trail import Trail


def run(
    paths: Iterable[Path],
    resolver: Resolver | None = None,
    *,
    stdin: bytes | None = None,
    stdin_path: Path | None = None,
    contents: Mapping[Path, bytes] | None = None,
    ignores: bool = True,
    importers: bool = True,
    factory: AnalyserFactory | None = None,
    progress: Callable[[int, int], None] | None = None,
    processes: bool = False,
    store: Store | None = None,
) -> Report:
    """Check the files that ``paths`` name or hold.

    ``stdin``, if given, is checked besides them as the content of the file ``stdin_path``, which need not exist.
    ``contents`` are files, by their absolute paths, that are taken to hold something else than they do on disk.
    Without ``ignores``, comments silence nothing. Without ``importers``, files are not read from the side of those
    that import them, too. ``progress`` is told how many of the files to analyse are done, and how many are known
    so far. With ``processes`` the work is done by others, see `dropout_lint.pool`; the report is the same. ``store``
    keeps results of runs for later ones.

    Raises:
        SettingsError: A configuration file cannot be used.
    """
    resolver = resolver or Resolver()
    found = discover(paths, resolver)
    problems = list(found.problems)
    overlay = dict(contents or {})
    if stdin is not None:
        # it stands for the file for those who import it, too
        overlay.setdefault(normal(stdin_path or Path("-")), stdin)
    work = []
    settings_in: dict[str, Settings] = {}
    for path, place in zip(found.files, found.places, strict=True):
        folder = os.path.dirname(place)  # noqa: PTH120  # of every file of a run
        if folder not in settings_in:
            settings_in[folder] = resolver.of(Path(folder))
        work.append(_Work(path, settings_in[folder], overlay.get(Path(place)) if overlay else None))
    if stdin is not None:
        virtual = stdin_path or Path("-")
        settings = resolver.of(normal(virtual).parent)
        reason = unsupported(virtual)
        if reason:
            problems.append(Problem(shown(virtual), reason))
        elif not excluded(virtual, settings):
            work.append(_Work(virtual, settings, stdin, "buffer"))
    default = resolver.of(Path.cwd())
    if store is not None:
        store.begin((*overlay, *(normal(item.path) for item in work if item.data is not None)))
    outcome = _Outcome(
        factory or _Analyses(overlay),
        overlay,
        ignores=ignores,
        importers=importers,
        progress=progress,
        store=store,
    )
    outcome.check(work, spread=processes, jobs=default.jobs)
    return outcome.report(tuple(sorted(problems)), default)


def check_paths(paths: Iterable[str | Path], resolver: Resolver | None = None) -> Report:
    """Check files and folders as the command line does.

    Raises:
        SettingsError: A configuration file cannot be used.
    """
    return run([Path(path) for path in paths], resolver)


def check_source(source: str | bytes, path: str | Path = "source.py", resolver: Resolver | None = None) -> Report:
    """Check ``source`` as the content of the file ``path``, which need not exist but says where the project is.

    Raises:
        SettingsError: A configuration file cannot be used.
    """
    data = source.encode() if isinstance(source, str) else source
    return run((), resolver, stdin=data, stdin_path=Path(path))


@dataclass(frozen=True, slots=True)
class _Work:
    """One file to check; ``data`` is its content where that is not on disk."""

    path: Path
    settings: Settings
    data: bytes | None = None
    role: str = "file"
    """``"file"``, ``"buffer"`` (nobody is asked who imports it), or ``"importer"`` (only read for what it says of files
    that are checked)."""
    asked: frozenset[str] | None = None
    """For an importer, the rules that may say something of what it imports."""

    @property
    def on_disk(self) -> bool:
        """Whether its content is that of the file."""
        return self.data is None

    @property
    def size(self) -> int:
        """How many bytes there are to look at, as far as anybody can tell."""
        if self.data is not None:
            return len(self.data)
        try:
            return self.path.stat().st_size
        except (OSError, ValueError):
            return 0


def _entry(item: _Work, data: bytes, speakers: frozenset[str], kept: Kept | None) -> Entry:
    return Entry(item.path, item.settings, data, speakers, item.role, on_disk=item.on_disk, kept=kept, asked=item.asked)


_MOST_IMPORTERS = 32
"""Importers that are read in one run besides the files that are checked."""
_MOST_BY_SIZE = 5_000
"""Files above which they are looked at folder by folder, since these share look-ups: 5 % less for 11,000 files."""


class _Outcome:
    """Findings as they come in, and the files they are in."""

    def __init__(
        self,
        factory: AnalyserFactory,
        contents: Mapping[Path, bytes],
        *,
        ignores: bool = True,
        importers: bool = True,
        progress: Callable[[int, int], None] | None = None,
        store: Store | None = None,
    ) -> None:
        self._examiner = Examiner(factory, trailing=store is not None)
        self._trails: dict[Settings, Trail] = {}
        self._with_importers = importers
        self._progress = progress
        self._store = store
        self.ignores = ignores
        self._contents = contents
        self._texts = Texts(contents)
        self._gathered = Gathered()
        self._settings: dict[str, Settings] = {}
        self._files: list[str] = []
        self._candidates = 0

    def check(self, work: Sequence[_Work], *, spread: bool = False, jobs: int | None = None) -> None:
        entries: list[Entry] = []
        for item in work:
            name = shown(item.path)
            self._files.append(name)
            self._settings[name] = item.settings
        with ExitStack() as stack:
            large_first = spread and jobs != 1 and len(work) <= _MOST_BY_SIZE
            todo = self._todo(work, entries, stack, large_first=large_first)
            examined = examine(todo, self._examiner, spread=spread, jobs=jobs, progress=self._progress)
            self._gather(entries, examined)

    def _todo(
        self, work: Sequence[_Work], entries: list[Entry], stack: ExitStack, *, large_first: bool
    ) -> Iterator[Entry | None]:
        """The entries to analyse, and None for what needs none; those of which all is known, too, go to ``entries``.

        With ``large_first`` others have something to do soon, and that which takes them longest. What there is when
        all have been looked at is not looked through by the garbage collector within ``stack``.
        """
        with not_collecting():
            found: list[tuple[int, Entry]] = []
            order = sorted(range(len(work)), key=lambda place: -work[place].size) if large_first else range(len(work))
            for place in order:
                entry = self._sifted(work[place])
                if entry is not None:
                    found.append((place, entry))
                yield entry if entry is not None and entry.kept is None else None
            entries += [entry for _, entry in sorted(found, key=itemgetter(0))]
            stack.enter_context(set_aside())
        self._candidates += len(entries)
        importers = self._importers(entries)
        entries += importers
        if self._store is not None:
            for settings, trail in self._examiner.trails():
                self._follow(settings, trail)
        yield from (entry for entry in importers if entry.kept is None)

    def _gather(self, entries: Sequence[Entry], examined: Iterable[tuple[Entry, Examined]]) -> None:
        """Take in what was found, in the order of the entries, and not of who was done first."""
        named = set(self._files)
        results = {id(entry): result for entry, result in examined}
        for entry in entries:
            if entry.kept is not None:
                result = Examined(entry.kept.findings)
            else:
                result = results[id(entry)]
                self._note(entry, result)
            # what is wrong with an importer itself is reported where it is checked
            known = named if entry.role == "importer" else None
            self._gathered.add(each for each in result.findings if known is None or each.path in known)
        if self._store is not None:
            self._store.write(self._trails)

    def _sifted(self, item: _Work) -> Entry | None:
        """What there is to do for a file that may hold something; where nothing is left to do, it is done."""
        name = shown(item.path)
        try:
            kept = self._kept(item, name)
            if kept is not None:
                return _entry(item, b"", kept.speakers, kept) if kept.speakers else None
            if is_archive(item.path):
                from dropout_lint.archives import check_archive

                self._candidates += 1
                self._gathered.add(check_archive(name, item.path if item.data is None else item.data, item.settings))
                return None
            data = read_bytes(item.path) if item.data is None else item.data
            speakers = self._speakers(item, data)
            if speakers:
                return _entry(item, data, speakers, self._kept_otherwise(item, speakers))
            if MARK in data and item.role != "importer":
                self._texts.add(item.path, data)
            self._keep(item, Kept(frozenset(), marked=MARK in data))
        except SourceError as error:
            self._fail(item, not_analysed(name, str(error)))
        except Exception as error:
            self._fail(item, crashed(name, error))
        return None

    def _speakers(self, item: _Work, data: bytes) -> frozenset[str]:
        analyser = self._examiner.analyser(item.settings)
        return analyser.speakers(item.path, narrowed(data), item.asked or frozenset())

    def _fail(self, item: _Work, finding: Finding) -> None:
        # what is wrong with an importer itself is reported where it is checked
        if item.role != "importer":
            self._gathered.add([finding])
        elif self._store is not None:
            self._store.complete = False

    def _note(self, entry: Entry, result: Examined) -> None:
        """Keep what was found out about a file, and its text where something will be said of it."""
        if result.trail is not None:
            self._follow(entry.settings, result.trail)
        if result.lasting:
            self._keep(entry, Kept(entry.speakers, marked=MARK in entry.data, findings=result.findings))
        if entry.role == "importer":
            if self._store is not None and not result.lasting:
                self._store.complete = False
            return
        if result.findings or MARK in entry.data or is_notebook(entry.path):
            with suppress(SourceError):
                self._texts.add(entry.path, entry.data)

    def _follow(self, settings: Settings, trail: Trail) -> None:
        if settings in self._trails:
            self._trails[settings].merge(trail)
        else:
            self._trails[settings] = trail

    def _kept(self, item: _Work, name: str) -> Kept | None:
        """What an earlier run has found out about a file, if that still holds."""
        if self._store is None or item.data is not None or is_archive(item.path):
            return None
        kept = self._store.get(item.settings, item.path, self._texts.lines_of, item.asked)
        if kept is not None and item.role != "importer" and (kept.marked or kept.findings):
            try:
                self._texts.of(name)
            except SourceError:
                return None
        return self._weighed_anew(item, kept) if kept is not None and kept.doubtful else kept

    def _weighed_anew(self, item: _Work, kept: Kept) -> Kept | None:
        """What is known of a file of which it was in doubt what could be said of it."""
        speakers = self._speakers(item, read_bytes(item.path))
        if speakers != kept.speakers:
            return None
        kept = replace(kept, doubtful=False)
        self._keep(item, kept)
        return kept

    def _kept_otherwise(self, item: _Work, speakers: frozenset[str]) -> Kept | None:
        """What was found in an importer by the same rules, when it was checked itself or when others were asked for.

        An analysis depends on the rules that speak, and not on why they do.
        """
        if self._store is None or item.role != "importer" or item.data is not None:
            return None
        kept = self._store.like(item.settings, item.path, self._texts.lines_of, speakers)
        if kept is not None:
            self._keep(item, kept)
        return kept

    def _keep(self, item: _Work | Entry, kept: Kept) -> None:
        if self._store is not None and item.on_disk:
            self._store.put(item.settings, item.path, kept, item.asked)

    def _importers(self, entries: Sequence[Entry]) -> list[Entry]:
        """What imports the files that are checked, and is not checked itself."""
        if not self._with_importers or not entries:
            return []
        known = set(map(os.path.abspath, self._files))
        if not self._others(entries, known):
            return []
        found: list[Entry] = []
        for entry in entries:
            if len(found) >= _MOST_IMPORTERS:
                break
            if entry.role != "file" or entry.path.suffix != ".py":
                continue
            for path in self._examiner.analyser(entry.settings).importers(normal(entry.path)):
                if str(path) in known or len(found) >= _MOST_IMPORTERS:
                    continue
                known.add(str(path))
                data = self._contents.get(path)
                importer = self._sifted(_Work(path, entry.settings, data, "importer", entry.speakers))
                if importer is not None:
                    found.append(importer)
        return found

    def _others(self, entries: Sequence[Entry], checked: set[str]) -> bool:
        """Whether the projects of these entries hold files that are not checked."""
        found = False
        for settings in dict.fromkeys(entry.settings for entry in entries if entry.role == "file"):
            files, folders = self._examiner.analyser(settings).surroundings()
            found = found or any(file not in checked for file in files)
            if self._store is not None:
                # whatever one of them imports may make it say something of what is checked
                self._store.rest_on(files, folders)
        return found

    def report(self, problems: tuple[Problem, ...], default: Settings) -> Report:
        found = self._gathered.findings()
        files: dict[str, File] = {}
        heard: list[Finding] = []
        for finding in sorted(found, key=lambda finding: finding.sort_key):
            if finding.path not in files:
                files[finding.path] = self._file(finding.path, default)
            judged = weighed(finding, files[finding.path].settings)
            if wanted(judged, files[finding.path]):
                heard.append(judged)
        kept: list[Finding] = []
        silenced = 0
        # one voice first: whoever silences the most specific rule has said all there is to say
        for finding in one_voice(heard):
            if self.ignores and silenced_by(finding, files[finding.path]):
                silenced += 1
            else:
                kept.append(finding)
        if self.ignores:
            kept = sorted(
                (*kept, *self._about_suppressions(found, files, default)), key=lambda finding: finding.sort_key
            )
        shown_findings = tuple(in_cells(finding, self._texts.read) for finding in kept)
        return Report(
            findings=shown_findings,
            errors=problems,
            files=tuple(self._files),
            candidates=self._candidates,
            suppressed=silenced,
            keras_version=default.keras_version,
            sources=tuple(sorted({finding.source: self._lines(finding, files) for finding in shown_findings}.items())),
        )

    def _lines(self, finding: Finding, files: dict[str, File]) -> tuple[str, ...]:
        """The lines that a finding's places are counted in."""
        text = self._texts.read.get(finding.path)
        if finding.cell is not None and isinstance(text, Notebook):
            return text.lines_of(finding.cell)
        return files[finding.path].lines

    def _about_suppressions(
        self, found: Sequence[Finding], files: dict[str, File], default: Settings
    ) -> Iterator[Finding]:
        """What is to be said of the suppressions in the files that were checked."""
        from dropout_lint.housekeeping import about_suppressions

        used: dict[str, set[tuple[Comment, str]]] = {}
        broken = {finding.path for finding in found if finding.code in ALWAYS_ON}
        for finding in found:
            used.setdefault(finding.path, set()).update(silenced_by(finding, files[finding.path]))
        for name, text in sorted(self._texts.read.items()):
            if name not in self._settings or MARK.decode() not in text.text:
                continue
            file = files[name] if name in files else self._file(name, default)
            files[name] = file
            said = about_suppressions(name, text.text, used.get(name, ()), file.selection, complete=name not in broken)
            judged = [each for each in (weighed(finding, file.settings) for finding in said) if wanted(each, file)]
            unused = any(each.code == UNUSED_SUPPRESSION[0] for each in judged)
            # what a file that was not checked finds here is not known
            elsewhere = unused and self._imported_elsewhere(name)
            yield from (each for each in judged if not elsewhere or each.code != UNUSED_SUPPRESSION[0])

    def _imported_elsewhere(self, name: str) -> bool:
        """Whether a file that was not checked imports this one."""
        checked = frozenset(normal(Path(each)) for each in self._files)
        analyser = self._examiner.analyser(self._settings[name])
        found = analyser.imported_by_others(normal(Path(name)), checked)
        if self._store is not None:
            self._store.rest_on(*analyser.surroundings())
            for settings, trail in self._examiner.trails():
                self._follow(settings, trail)
        return found

    def _file(self, name: str, default: Settings) -> File:
        # A finding may be anchored in a module that was not named itself: it is judged by the run's own settings.
        path = Path(name)
        try:
            text = "" if is_archive(path) else self._texts.of(name).text
        except SourceError:
            text = ""
        return file_of(path, text, self._settings.get(name, default))


class _Analyses:
    """Makes what analyses the files of a project. Projects share outlines and room for trees; processes do not."""

    def __init__(self, contents: Mapping[Path, bytes]) -> None:
        self._contents = contents
        self._outlines: dict[bytes, Outline] = {}
        self._shelf = Shelf()

    def __call__(self, settings: Settings, root: Path) -> Analyser:
        from dropout_lint.analysis import Analysis

        return Analysis(settings, root, self._contents, self._outlines, self._shelf)

    def __reduce__(self) -> tuple[object, ...]:
        return _Analyses, (self._contents,)
