"""One file after the other, here or in other processes: what is found in each, whatever happens in it."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from dropout_lint import pool, unanalysed
from dropout_lint.collecting import OFTEN
from dropout_lint.settings import Settings, shown
from dropout_lint.sources.reading import decode_source
from dropout_lint.sources.text import SourceError, Text
from dropout_lint.syntax.failures import NotAnalysed, SyntaxFailure
from dropout_lint.syntax.stack import on_deep_stack
from dropout_lint.tasks import Task

if TYPE_CHECKING:
    from dropout_lint.findings import Finding
    from dropout_lint.trail import Kept, Trail


class Analyser(Protocol):
    """What analyses the files of one project; see `dropout_lint.analysis.Analysis`."""

    @property
    def trail(self) -> Trail:
        """What was read and looked for."""
        ...

    def speakers(self, path: Path, data: bytes, asked: frozenset[str] = frozenset()) -> frozenset[str]:
        """The codes of the rules that could say something of the file; those ``asked`` for, of what it imports."""
        ...

    def check(self, path: Path, text: Text, speakers: frozenset[str] | None = None) -> tuple[Finding, ...]:
        """The findings whose analysis starts in the file, of all rules or only of the ``speakers``."""
        ...

    def surroundings(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The Python files of the project, as many as count, and the folders that they were looked for in."""
        ...

    def imported_by_others(self, path: Path, checked: frozenset[Path]) -> bool:
        """Whether a file of the project that is not among those ``checked`` imports ``path``."""
        ...

    def importers(self, path: Path) -> tuple[Path, ...]:
        """Programs of the project that import ``path``, which say what its functions are called with."""
        ...


AnalyserFactory = Callable[[Settings, Path], Analyser]


@dataclass(frozen=True, slots=True)
class Entry:
    """A file to analyse, and its content."""

    path: Path
    settings: Settings
    data: bytes
    speakers: frozenset[str]
    """The rules that could say something of it."""
    role: str = "file"
    on_disk: bool = True
    kept: Kept | None = None
    """What an earlier run has found out."""
    asked: frozenset[str] | None = None
    """For an importer, the rules that may say something of what it imports."""


@dataclass(frozen=True, slots=True)
class Examined:
    """What was found in a file, whether it will be found again, and what that rests on, if that was asked for."""

    findings: tuple[Finding, ...]
    lasting: bool = False
    trail: Trail | None = None


class Examiner:
    """What is found in one file, whatever happens in it. Pickled to where the work is done."""

    def __init__(self, factory: AnalyserFactory, *, trailing: bool = False) -> None:
        self._factory = factory
        self._trailing = trailing
        self._analysers: dict[tuple[Settings, Path], Analyser] = {}
        self._taken: list[tuple[Settings, Trail]] = []

    def __reduce__(self) -> tuple[object, ...]:
        return partial(Examiner, trailing=self._trailing), (self._factory,)

    def trails(self) -> Iterator[tuple[Settings, Trail]]:
        """What was read and looked for since this was last asked."""
        self._take()
        taken, self._taken = self._taken, []
        yield from taken

    def _take(self) -> None:
        self._taken += [(settings, analyser.trail.take()) for (settings, _), analyser in self._analysers.items()]

    def prepare(self) -> None:
        """Load what reading any file takes, so that who is forked has it; what was noted so far stays here."""
        import dropout_lint.semantics.interpreter
        import dropout_lint.syntax.parse  # noqa: F401

        if self._trailing:
            self._take()

    def analyser(self, settings: Settings) -> Analyser:
        """What analyses the files that these settings are for."""
        place = (settings, settings.root)
        if place not in self._analysers:
            self._analysers[place] = self._factory(settings, settings.root)
        return self._analysers[place]

    def __call__(self, entry: Entry) -> Examined:
        """The findings of an entry file, its failure among them."""
        name = shown(entry.path)
        found: list[Finding] = []
        lasting = False
        try:
            text = decode_source(entry.data, entry.path)
            found += unanalysed.cells_not_python(name, text)
            found += self.analyser(entry.settings).check(entry.path, text, entry.speakers)
            lasting = True
        except SyntaxFailure as failure:
            found.append(unanalysed.syntax_error(name, failure))
            lasting = True
        except NotAnalysed as failure:
            found.append(unanalysed.not_analysed(name, failure.reason))
        except SourceError as error:
            found.append(unanalysed.not_analysed(name, str(error)))
        except Exception as error:
            found.append(unanalysed.crashed(name, error))
        trail = self.analyser(entry.settings).trail.take() if self._trailing and lasting else None
        return Examined(tuple(found), lasting, trail)


def examine(
    source: Iterable[Entry | None],
    examiner: Examiner,
    *,
    spread: bool = False,
    jobs: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[tuple[Entry, Examined]]:
    """The entries, in their order, and what is found in each; with ``spread`` other processes look for it.

    They do so while the entries are drawn, and between any two that ``source`` yields, None included, they are heard.
    """
    entries: list[Entry] = []
    found: dict[int, Examined] = {}

    def tell() -> None:
        if progress is not None:
            progress(len(found), len(entries))

    def tasks() -> Iterator[Task[Entry] | None]:
        for entry in source:
            if entry is not None:
                entries.append(entry)
            yield Task(entry, len(entry.data), entry.path.parent.parts) if entry is not None else None

    if spread:
        with closing(pool.spread(tasks(), examiner, jobs, examiner.prepare)) as results:
            for number, result in results:
                name = shown(entries[number].path)
                found[number] = Examined((unanalysed.lost(name, result),)) if isinstance(result, pool.Lost) else result
                tell()
    else:
        entries += [entry for entry in source if entry is not None]
    left = [number for number in range(len(entries)) if number not in found]

    def examine_here() -> None:
        for number in left:
            tell()
            found[number] = examiner(entries[number])

    if left:
        thresholds = gc.get_threshold()
        gc.set_threshold(*OFTEN)
        try:
            on_deep_stack(examine_here)
        finally:
            gc.set_threshold(*thresholds)
    return [(entry, found[number]) for number, entry in enumerate(entries)]
