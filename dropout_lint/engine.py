"""Files to findings: triage, analysis, crash isolation, selection.

What fails in one file is a finding of that file (KTM990, KTM991) and never stops the others. A file without any of the
words that a rule needs is not parsed, and without such a file the parser is not even loaded.
"""

from __future__ import annotations

import gc
import traceback
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from dropout_lint import pool
from dropout_lint.discovery import ARCHIVES, Problem, discover, excluded, matching, unsupported
from dropout_lint.findings import Confidence, Finding, Position, Severity, Span
from dropout_lint.selection import (
    ALWAYS_ON,
    NOT_ANALYSED,
    SYNTAX_ERROR,
    UNUSED_SUPPRESSION,
    Selection,
    configured_severity,
)
from dropout_lint.settings import Resolver, Settings, normal, shown
from dropout_lint.sources.notebook import Notebook, broken_cells
from dropout_lint.sources.reading import decode_source, in_cells, is_notebook
from dropout_lint.sources.text import SourceError, Text, narrowed, read_bytes, split_lines
from dropout_lint.suppressions import MARK, Comment, Suppression, silencing, suppressions
from dropout_lint.syntax.failures import NotAnalysed, SyntaxFailure
from dropout_lint.syntax.stack import on_deep_stack
from dropout_lint.tool_rules import all_rules
from dropout_lint.trail import Kept, Trail

if TYPE_CHECKING:
    from dropout_lint.cache.store import Store


class Analyser(Protocol):
    """What analyses the files of one project; see `dropout_lint.analysis.Analysis`."""

    @property
    def trail(self) -> Trail:
        """What was read and looked for."""
        ...

    def is_candidate(self, path: Path, data: bytes) -> bool:
        """Whether a rule could fire in the file."""
        ...

    def check(self, path: Path, text: Text) -> tuple[Finding, ...]:
        """The findings whose analysis starts in the file."""
        ...

    def others(self, checked: Collection[Path]) -> tuple[bool, tuple[Path, ...]]:
        """Whether the project holds a Python file that is not among those ``checked``, and where it was looked for."""
        ...

    def imported_by_others(self, path: Path, checked: frozenset[Path]) -> bool:
        """Whether a file of the project that is not among those ``checked`` imports ``path``."""
        ...

    def importers(self, path: Path) -> tuple[Path, ...]:
        """Programs of the project that import ``path``, which say what its functions are called with."""
        ...


AnalyserFactory = Callable[[Settings, Path], Analyser]


@dataclass(frozen=True, slots=True)
class Report:
    """What a run found. ``findings`` are sorted; ``sources`` are the lines of the files with findings."""

    findings: tuple[Finding, ...] = ()
    errors: tuple[Problem, ...] = ()
    files: tuple[str, ...] = ()
    candidates: int = 0
    suppressed: int = 0
    known: int = 0
    """Findings that the baseline knows."""
    keras_version: str | None = None
    fixed: tuple[Finding, ...] = ()
    """What ``--fix`` has repaired, or would repair; none of it is among ``findings``."""
    sources: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def failing(self, severity: Severity = Severity.WARNING) -> bool:
        """Whether a finding of this severity or a worse one is among the findings."""
        return any(finding.severity.rank >= severity.rank for finding in self.findings)


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
    that import them, too. ``progress`` is told how many of the files to analyse are done, and of how many. With
    ``processes`` the work is done by others, see `dropout_lint.pool`; the report is the same. ``store`` keeps results
    of runs for later ones.

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
    for path in found.files:
        place = normal(path)
        work.append(_Work(path, resolver.of(place.parent), overlay.get(place) if overlay else None))
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
        factory or partial(_analysis, contents=overlay),
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


_MOST_IMPORTERS = 32
"""Importers that are read in one run besides the files that are checked."""


@dataclass(frozen=True, slots=True)
class _File:
    """What is needed of a file in which there are findings."""

    lines: tuple[str, ...]
    suppressions: tuple[Suppression, ...]
    selection: Selection
    settings: Settings


@dataclass(frozen=True, slots=True)
class _Entry:
    """A file to analyse, and its content."""

    path: Path
    settings: Settings
    data: bytes
    role: str = "file"
    on_disk: bool = True
    kept: Kept | None = None
    """What an earlier run has found out."""


@dataclass(frozen=True, slots=True)
class _Examined:
    """What was found in a file, whether it will be found again, and what that rests on, if that was asked for."""

    findings: tuple[Finding, ...]
    lasting: bool = False
    trail: Trail | None = None


class _Examiner:
    """What is found in one file, whatever happens in it. Pickled to where the work is done."""

    def __init__(self, factory: AnalyserFactory, *, trailing: bool = False) -> None:
        self._factory = factory
        self._trailing = trailing
        self._analysers: dict[tuple[Settings, Path], Analyser] = {}

    def __reduce__(self) -> tuple[object, ...]:
        return partial(_Examiner, trailing=self._trailing), (self._factory,)

    def trails(self) -> Iterator[tuple[Settings, Trail]]:
        """What was read and looked for since this was last asked."""
        for (settings, _), analyser in self._analysers.items():
            yield settings, analyser.trail.take()

    def prepare(self) -> None:
        """Load what reading any file takes, so that who is forked has it."""
        import dropout_lint.semantics.interpreter
        import dropout_lint.syntax.parse  # noqa: F401

    def analyser(self, settings: Settings) -> Analyser:
        """What analyses the files that these settings are for."""
        place = (settings, settings.root)
        if place not in self._analysers:
            self._analysers[place] = self._factory(settings, settings.root)
        return self._analysers[place]

    def __call__(self, entry: _Entry) -> _Examined:
        """The findings of an entry file, its failure among them."""
        name = shown(entry.path)
        found: list[Finding] = []
        lasting = False
        try:
            text = decode_source(entry.data, entry.path)
            found += _broken_cells(name, text)
            found += self.analyser(entry.settings).check(entry.path, text)
            lasting = True
        except SyntaxFailure as failure:
            found.append(_syntax_error(name, failure))
            lasting = True
        except NotAnalysed as failure:
            found.append(_not_analysed(name, failure.reason))
        except SourceError as error:
            found.append(_not_analysed(name, str(error)))
        except Exception as error:
            found.append(_crashed(name, error))
        trail = self.analyser(entry.settings).trail.take() if self._trailing and lasting else None
        return _Examined(tuple(found), lasting, trail)


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
        self._examiner = _Examiner(factory, trailing=store is not None)
        self._trails: dict[Settings, Trail] = {}
        self._with_importers = importers
        self._progress = progress
        self._store = store
        self.ignores = ignores
        self._contents = contents
        self._findings: dict[tuple[object, ...], Finding] = {}
        self._withdrawn: set[tuple[object, ...]] = set()
        self._texts: dict[str, Text] = {}
        self._settings: dict[str, Settings] = {}
        self._files: list[str] = []
        self._candidates = 0

    def check(self, work: Sequence[_Work], *, spread: bool = False, jobs: int | None = None) -> None:
        pending: list[_Entry] = []
        for item in work:
            name = shown(item.path)
            self._files.append(name)
            self._settings[name] = item.settings
            try:
                kept = self._kept(item, name)
                if kept is not None and kept.doubtful:
                    kept = self._weighed_anew(item, kept)
                if kept is not None:
                    if kept.candidate:
                        pending.append(_Entry(item.path, item.settings, b"", item.role, kept=kept))
                    continue
                if is_archive(item.path):
                    from dropout_lint.archives import check_archive

                    self._candidates += 1
                    self._add(check_archive(name, item.path if item.data is None else item.data, item.settings))
                    continue
                data = read_bytes(item.path) if item.data is None else item.data
                candidate = self._examiner.analyser(item.settings).is_candidate(item.path, narrowed(data))
                if not candidate:
                    if MARK in data:
                        self._texts[name] = decode_source(data, item.path)
                    if item.data is None:
                        self._keep(item.settings, item.path, Kept(candidate=False, marked=MARK in data))
            except SourceError as error:
                self._add([_not_analysed(name, str(error))])
            except Exception as error:
                self._add([_crashed(name, error)])
            else:
                if candidate:
                    pending.append(_Entry(item.path, item.settings, data, item.role, on_disk=item.data is None))
        self._candidates += len(pending)
        entries = [*pending, *self._importers(pending)]
        if self._store is not None:
            for settings, trail in self._examiner.trails():
                self._follow(settings, trail)
        todo = [entry for entry in entries if entry.kept is None]
        results = self._examined(todo, jobs, spread=spread)
        examined = iter([results[number] for number in range(len(todo))])
        named = set(self._files)
        # Where several entries find the same thing, their order decides, and not who was done first.
        for entry in entries:
            result = _Examined(entry.kept.findings) if entry.kept is not None else next(examined)
            if result.trail is not None:
                self._follow(entry.settings, result.trail)
            if entry.role == "importer":
                # what is wrong with it itself is reported where it is checked
                self._add(finding for finding in result.findings if finding.path in named)
                continue
            self._add(result.findings)
            if entry.kept is not None:
                continue
            if result.lasting and entry.on_disk:
                kept = Kept(candidate=True, marked=MARK in entry.data, findings=result.findings)
                self._keep(entry.settings, entry.path, kept)
            if result.findings or MARK in entry.data or is_notebook(entry.path):
                with suppress(SourceError):
                    self._texts[shown(entry.path)] = decode_source(entry.data, entry.path)
        if self._store is not None:
            self._store.write(self._trails)

    def _follow(self, settings: Settings, trail: Trail) -> None:
        self._trails.setdefault(settings, Trail()).merge(trail)

    def _examined(self, entries: Sequence[_Entry], jobs: int | None, *, spread: bool) -> dict[int, _Examined]:
        """What is found in each of the entries."""
        found: dict[int, _Examined] = {}
        if spread and entries:
            tasks = [pool.Task(entry, len(entry.data), str(entry.path.parent)) for entry in entries]
            count = pool.processes(tasks, jobs)
            with closing(pool.spread(tasks, self._examiner, count, self._examiner.prepare)) as results:
                for number, result in results:
                    name = shown(entries[number].path)
                    found[number] = _Examined((_lost(name, result),)) if isinstance(result, pool.Lost) else result
                    self._tell(len(found), len(entries))
        left = [number for number in range(len(entries)) if number not in found]
        if left:
            thresholds = gc.get_threshold()
            gc.set_threshold(*pool.GC_THRESHOLDS)
            try:
                on_deep_stack(lambda: self._examine_here(entries, left, found))
            finally:
                gc.set_threshold(*thresholds)
        return found

    def _kept(self, item: _Work, name: str) -> Kept | None:
        """What an earlier run has found out about a file, if that still holds."""
        if self._store is None or item.data is not None or is_archive(item.path):
            return None
        kept = self._store.get(item.settings, item.path, self._lines_of)
        if kept is not None and (kept.marked or kept.findings):
            try:
                self._text_of(name)
            except SourceError:
                return None
        return kept

    def _weighed_anew(self, item: _Work, kept: Kept) -> Kept:
        """What is known of a file of which it was in doubt whether it is worth an analysis."""
        data = read_bytes(item.path)
        candidate = self._examiner.analyser(item.settings).is_candidate(item.path, data)
        kept = replace(kept, candidate=candidate, findings=kept.findings if candidate else (), doubtful=False)
        self._keep(item.settings, item.path, kept)
        return kept

    def _lines_of(self, path: Path) -> tuple[str, ...]:
        try:
            return split_lines(self._text_of(shown(path)).text)
        except SourceError:
            return ()

    def _keep(self, settings: Settings, path: Path, kept: Kept) -> None:
        if self._store is not None:
            self._store.put(settings, path, kept)

    def _examine_here(self, entries: Sequence[_Entry], numbers: Iterable[int], found: dict[int, _Examined]) -> None:
        for number in numbers:
            self._tell(len(found), len(entries))
            found[number] = self._examiner(entries[number])

    def _tell(self, done: int, total: int) -> None:
        if self._progress is not None:
            self._progress(done, total)

    def _importers(self, entries: Sequence[_Entry]) -> list[_Entry]:
        """What imports the files that are checked, and is not checked itself."""
        if not self._with_importers:
            return []
        known = {normal(Path(name)) for name in self._files}
        if not self._others(entries, known):
            return []
        found: list[_Entry] = []
        for entry in entries:
            if entry.role != "file" or entry.path.suffix != ".py":
                continue
            for path in self._examiner.analyser(entry.settings).importers(normal(entry.path)):
                if path in known or len(found) >= _MOST_IMPORTERS:
                    continue
                known.add(path)
                try:
                    data = self._contents.get(path) or read_bytes(path)
                except SourceError:
                    continue
                kept = self._store.get(entry.settings, path, self._lines_of) if self._store is not None else None
                kept = kept if kept is not None and kept.candidate and not kept.doubtful else None
                found.append(_Entry(path, entry.settings, data, "importer", kept=kept))
        return found

    def _others(self, entries: Sequence[_Entry], checked: set[Path]) -> bool:
        """Whether the projects of these entries hold files that are not checked."""
        found = False
        for settings in dict.fromkeys(entry.settings for entry in entries if entry.role == "file"):
            some, folders = self._examiner.analyser(settings).others(checked)
            found = found or some
            if self._store is not None:
                self._store.walked.update(map(str, folders))
        if found and self._store is not None:
            # which of them were read for what they import is not kept
            self._store.complete = False
        return found

    def _add(self, findings: Iterable[Finding]) -> None:
        for finding in findings:
            # The entry that reaches it by the shortest chain explains it best; the rest decides ties.
            key = (finding.path, finding.cell, finding.span, finding.code, _place_inside(finding))
            if finding.withdraws:
                self._withdrawn.add(key)
                continue
            known = self._findings.get(key)
            if known is None or _preference(finding) < _preference(known):
                self._findings[key] = finding

    def report(self, problems: tuple[Problem, ...], default: Settings) -> Report:
        for key in self._withdrawn:
            self._findings.pop(key, None)
        files: dict[str, _File] = {}
        wanted: list[Finding] = []
        for finding in sorted(self._findings.values(), key=lambda finding: finding.sort_key):
            if finding.path not in files:
                files[finding.path] = self._file(finding.path, default)
            weighed = _weighed(finding, files[finding.path].settings)
            if _wanted(weighed, files[finding.path]):
                wanted.append(weighed)
        kept: list[Finding] = []
        silenced = 0
        # one voice first: whoever silences the most specific rule has said all there is to say
        for finding in _one_voice(wanted):
            if self.ignores and _silencing(finding, files[finding.path]):
                silenced += 1
            else:
                kept.append(finding)
        if self.ignores:
            kept = sorted((*kept, *self._about_suppressions(files, default)), key=lambda finding: finding.sort_key)
        shown_findings = tuple(in_cells(finding, self._texts) for finding in kept)
        return Report(
            findings=shown_findings,
            errors=problems,
            files=tuple(self._files),
            candidates=self._candidates,
            suppressed=silenced,
            keras_version=default.keras_version,
            sources=tuple(sorted({finding.source: self._lines(finding, files) for finding in shown_findings}.items())),
        )

    def _lines(self, finding: Finding, files: dict[str, _File]) -> tuple[str, ...]:
        """The lines that a finding's places are counted in."""
        text = self._texts.get(finding.path)
        if finding.cell is not None and isinstance(text, Notebook):
            return text.lines_of(finding.cell)
        return files[finding.path].lines

    def _about_suppressions(self, files: dict[str, _File], default: Settings) -> Iterator[Finding]:
        """What is to be said of the suppressions in the files that were checked."""
        from dropout_lint.housekeeping import about_suppressions

        used: dict[str, set[tuple[Comment, str]]] = {}
        broken = {finding.path for finding in self._findings.values() if finding.code in ALWAYS_ON}
        checked = frozenset(normal(Path(each)) for each in self._files)
        for finding in self._findings.values():
            used.setdefault(finding.path, set()).update(_silencing(finding, files[finding.path]))
        for name in sorted(self._texts):
            text = self._texts[name]
            if name not in self._settings or MARK.decode() not in text.text:
                continue
            if name not in files:
                files[name] = self._file(name, default)
            file = files[name]
            elsewhere: bool | None = None
            for finding in about_suppressions(
                name, text.text, used.get(name, ()), file.selection, complete=name not in broken
            ):
                weighed = _weighed(finding, file.settings)
                if not _wanted(weighed, file):
                    continue
                if finding.code == UNUSED_SUPPRESSION[0]:
                    # what a file that was not checked finds here is not known
                    if elsewhere is None:
                        if self._store is not None:
                            # which files of the project were read for that is not kept
                            self._store.complete = False
                        analyser = self._examiner.analyser(self._settings[name])
                        elsewhere = analyser.imported_by_others(normal(Path(name)), checked)
                    if elsewhere:
                        continue
                yield weighed

    def _file(self, name: str, default: Settings) -> _File:
        # A finding may be anchored in a module that was not named itself: it is judged by the run's own settings.
        settings = self._settings.get(name, default)
        try:
            text = Text(Path(name), "") if is_archive(Path(name)) else self._text_of(name)
        except SourceError:
            text = Text(Path(name), "")
        ignored: tuple[str, ...] = ()
        for pattern, selectors in settings.per_file_ignores:
            if matching(Path(name), pattern, settings.root):
                ignored += selectors
        selection = settings.selection.ignoring(ignored)
        return _File(split_lines(text.text), suppressions(text.text), selection, settings)

    def _text_of(self, name: str) -> Text:
        """The text of a file, read once.

        Raises:
            SourceError: It cannot be read.
        """
        text = self._texts.get(name)
        if text is None:
            data = self._contents.get(Path(name).absolute())
            text = decode_source(read_bytes(Path(name)) if data is None else data, Path(name))
            self._texts[name] = text
        return text


def _place_inside(finding: Finding) -> str:
    """What tells the findings of a saved model apart: they all stand at its beginning."""
    return finding.message if is_archive(Path(finding.path)) else ""


def is_archive(path: Path) -> bool:
    """Whether a file is a saved model, by its name."""
    return path.suffix.lower() in ARCHIVES


def _analysis(settings: Settings, root: Path, contents: Mapping[Path, bytes] | None = None) -> Analyser:
    from dropout_lint.analysis import Analysis

    return Analysis(settings, root, contents)


def _one_voice(findings: list[Finding]) -> tuple[Finding, ...]:
    """Where several rules of one family speak of a line, only the most specific one is heard."""
    if not findings:
        return ()
    from dropout_lint.rules import FAMILIES

    ranks = {code: (family, rank) for family, codes in enumerate(FAMILIES) for rank, code in enumerate(codes)}
    best: dict[tuple[object, ...], tuple[bool, int]] = {}

    def slot(finding: Finding) -> tuple[object, ...]:
        return (finding.path, finding.cell, finding.span.start.line, ranks[finding.code][0])

    def rank(finding: Finding) -> tuple[bool, int]:
        # a note, however specific, silences nothing that is worse
        return finding.severity is Severity.NOTE, ranks[finding.code][1]

    for finding in findings:
        if finding.code in ranks:
            best[slot(finding)] = min(rank(finding), best.get(slot(finding), rank(finding)))
    return tuple(
        finding for finding in findings if finding.code not in ranks or ranks[finding.code][1] == best[slot(finding)][1]
    )


def _silencing(finding: Finding, file: _File) -> list[tuple[Comment, str]]:
    lines = range(finding.span.start.line, finding.span.end.line + 1)
    return silencing(file.suppressions, lines, finding.code, finding.name)


def _wanted(finding: Finding, file: _File) -> bool:
    if not file.selection.enables(finding.code):
        return False
    if finding.code in ALWAYS_ON:
        return True
    severe = finding.severity.rank >= file.settings.min_severity.rank
    return severe and finding.confidence.rank >= file.settings.min_confidence.rank


def _weighed(finding: Finding, settings: Settings) -> Finding:
    """The finding with the severity that the settings give its rule.

    Where the rule itself has toned it down, because the Keras is not known or the code is common, it is not raised.
    """
    severity = configured_severity(settings.severity, finding.code) if settings.severity else None
    if severity is None:
        return finding
    own = next(rule.severity for rule in all_rules() if rule.code == finding.code)
    if finding.severity is not own:
        severity = min(severity, finding.severity, key=lambda each: each.rank)
    return replace(finding, severity=severity)


def _preference(finding: Finding) -> tuple[object, ...]:
    return (-finding.confidence.rank, -finding.severity.rank, len(finding.chain), finding.chain, finding.message)


def _syntax_error(path: str, failure: SyntaxFailure) -> Finding:
    code, name = SYNTAX_ERROR
    start = Position(failure.line, failure.column)
    return Finding(
        code=code,
        name=name,
        severity=Severity.ERROR,
        confidence=Confidence.HIGH,
        message=f"the file is not valid Python: {failure.message}",
        path=path,
        span=Span(start, replace(start, column=start.column + 1)),
        help="nothing else was checked in this file",
    )


def _broken_cells(path: str, text: Text) -> list[Finding]:
    """What is said of the cells of a notebook that are no Python; the others are checked."""
    if not isinstance(text, Notebook):
        return []
    found = []
    for cell, (line, column, message) in broken_cells(text):
        place = SyntaxFailure(message, text.line_of(cell.number, min(line, max(len(cell.lines), 1))), column)
        found.append(
            replace(
                _syntax_error(path, place),
                message=f"the cell is not valid Python: {message}",
                help="nothing else was checked in this cell",
            )
        )
    return found


def _not_analysed(path: str, reason: str) -> Finding:
    code, name = NOT_ANALYSED
    start = Position(1, 1)
    return Finding(
        code=code,
        name=name,
        severity=Severity.WARNING,
        confidence=Confidence.HIGH,
        message=f"the file was not analysed: {reason}",
        path=path,
        span=Span(start, start),
    )


def _lost(path: str, lost: pool.Lost) -> Finding:
    hint = "exclude the file"
    if lost.memory:
        hint = f"if that was for lack of memory, give it more; else {hint}"
    return replace(_not_analysed(path, lost.reason), help=hint)


def _crashed(path: str, error: Exception) -> Finding:
    where = traceback.extract_tb(error.__traceback__, limit=-1)[0]
    if isinstance(error, (RecursionError, MemoryError)):
        reason = f"it is nested too deeply or too large ({type(error).__name__})"
        hint = "split the file, or exclude it"
    else:
        reason = f"dropout-lint failed with {type(error).__name__}: {error}"
        hint = "this is a defect of dropout-lint: report it with the file"
    note = f"raised at {Path(where.filename).name}:{where.lineno} in {where.name}()"
    return replace(_not_analysed(path, reason), notes=(note,), help=hint)
