"""One file's findings: triage, interpretation, rules, positions.

The findings of an entry file are a function of the file, the project modules it imports and the settings; the
entries of a run do not influence each other.
"""

from __future__ import annotations

import os
import re
import sys
from dataclasses import replace
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from dropout_lint.collecting import collecting_after
from dropout_lint.discovery import excluded
from dropout_lint.files import LARGEST_SOURCE, is_inside, read_regular
from dropout_lint.importers import IMPORT, MOST_FILES, Importers, statements
from dropout_lint.keras.names import NEVER_OF_A_PROJECT
from dropout_lint.settings import Settings, shown
from dropout_lint.sources.text import SourceError, Text, decode, read_text
from dropout_lint.targets import Target, Targets
from dropout_lint.trail import Trail

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import libcst as cst

    from dropout_lint.findings import Finding
    from dropout_lint.locating import Locator
    from dropout_lint.outline import Outline
    from dropout_lint.rules.model import Draft, Rule
    from dropout_lint.semantics.modules import Project
    from dropout_lint.semantics.shelf import Shelf
    from dropout_lint.triage import Triage

_ELSEWHERE = sys.stdlib_module_names | NEVER_OF_A_PROJECT
_DOTTED = re.compile(r"\s*([\w.]+)")
_NAME = re.compile(r"\w+")
_MOST_IMPORTS = 5_000
"""Modules that one file is taken to import."""


class Analysis:
    """Analyses the files of one project with one set of settings.

    ``contents`` are files that are taken to hold something else than they do on disk, ``outlines`` those by content
    that somebody has drawn already, to which others are added; on the ``shelf`` lies what was parsed.
    """

    def __init__(
        self,
        settings: Settings,
        root: Path,
        contents: Mapping[Path, bytes] | None = None,
        outlines: dict[bytes, Outline] | None = None,
        shelf: Shelf | None = None,
    ) -> None:
        self._settings = settings
        self._shelf = shelf
        self._contents = contents or {}
        self._outlines = {} if outlines is None else outlines
        self._roots = tuple(dict.fromkeys(path if path.is_absolute() else root / path for path in settings.src)) or (
            root,
        )
        self._triage: Triage | None = None
        self._looked_at = 0
        self._surroundings: tuple[tuple[str, ...], tuple[str, ...]] | None = None
        self._project: Project | None = None
        self.trail = Trail()
        self._targets = Targets(settings.keras_version, root, self.trail)
        self._led: dict[tuple[str, bytes], tuple[tuple[Path, ...], Mapping[str, str], int]] = {}
        """What an import statement leads to from a folder, what was looked for to that end, and how much it names."""
        self._importers = Importers(self._files, self._imports)

    # Triage ---------------------------------------------------------------------------------------------------

    def speakers(self, path: Path, data: bytes, asked: frozenset[str] = frozenset()) -> frozenset[str]:
        """The rules that could say something of ``path`` with the content ``data``; see `dropout_lint.triage`."""
        if self._triage is None:
            from dropout_lint.rules import REGISTRY
            from dropout_lint.triage import Triage

            self._triage = Triage(REGISTRY, self._read, self._imports, self.trail.use_all, self._outlines)
        entry = path.absolute()
        self.trail.begin(entry, triage=True)
        self.trail.note(entry, data)
        return self._triage.speakers(entry, data, asked)

    def _read(self, path: Path) -> bytes:
        data = self._contents.get(path)
        return (self.trail.read(path) or b"") if data is None else data

    def _imports(self, path: Path, data: bytes) -> list[Path]:
        locator = self._modules().locator
        folder = os.path.dirname(path)
        left = _MOST_IMPORTS
        found: list[Path] = []
        looks: dict[str, str] = {}
        for statement in statements(data):
            known = self._led.get((folder, statement))
            if known is None or known[2] > left:
                level, base, named = _statement(statement)
                names = named[:left]
                size = len(names) + (level >= 0)
                known = (*locator.led(_followed(locator, path, level, base, names)), size)
                if size == len(named) + (level >= 0):
                    self._led[folder, statement] = known
            found += known[0]
            looks.update(known[1])
            left -= known[2]
            if left < 0:
                break
        if looks:
            locator.start(path)
            self.trail.look(path, looks)
        return found

    def imported_by_others(self, path: Path, checked: frozenset[Path]) -> bool:
        """Whether a file of the project that is not among those ``checked`` imports ``path``.

        In a project of very many files the answer is yes without a look, and so it is where many have been looked at.
        """
        word = path.parent.name if path.stem == "__init__" else path.stem
        for other in self._files():
            self._looked_at += 1
            if self._looked_at > 2 * MOST_FILES:
                return True
            if other in checked or other == path:
                continue
            try:
                data = read_regular(other, LARGEST_SOURCE)
            except OSError:
                continue
            if word.encode() in data and path in self._imports(other, data):
                return True
        return False

    def importers(self, path: Path) -> tuple[Path, ...]:
        """Programs of the project that import ``path``, which say what its functions are called with."""
        return self._importers.of(path.absolute())

    def surroundings(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The Python files of the project, as many as count, and the folders that they were looked for in."""
        if self._surroundings is None:
            folders: list[str] = []
            self._surroundings = tuple(islice(self._names(folders), 2 * MOST_FILES + 1)), tuple(folders)
        return self._surroundings

    def _files(self) -> Iterator[Path]:
        """The Python files of the project, less what is excluded; always in the same order."""
        return map(Path, self._names([]))

    def _names(self, walked: list[str]) -> Iterator[str]:
        """The same as strings; ``walked`` are the folders on the way."""
        for root in self._roots:
            for folder, folders, files in os.walk(root):
                walked.append(folder)
                here = os.path.join(folder, "")
                folders[:] = sorted(name for name in folders if not excluded(Path(here + name), self._settings))
                for name in sorted(files):
                    path = here + name
                    if name.endswith(".py") and (not os.path.islink(path) or is_inside(Path(path), self._roots)):
                        yield path

    # Analysis -------------------------------------------------------------------------------------------------

    def check(self, path: Path, text: Text, speakers: frozenset[str] | None = None) -> tuple[Finding, ...]:
        """The findings of the entry file ``path``, of all rules or only of the ``speakers``.

        Raises:
            SyntaxFailure: it is not Python.
            NotAnalysed: it cannot be parsed safely.
        """
        with collecting_after():
            return self._check(path, text, speakers)

    def _check(self, path: Path, text: Text, speakers: frozenset[str] | None) -> tuple[Finding, ...]:
        from dropout_lint.rules import REGISTRY
        from dropout_lint.rules.model import Context
        from dropout_lint.rules.placing import place
        from dropout_lint.semantics.interpreter import interpret
        from dropout_lint.semantics.words import RoleNames
        from dropout_lint.syntax.parse import parse

        entry = path.absolute()
        self.trail.begin(entry)
        tree = parse(text.text, path)
        project = self._modules()
        project.keep(entry, text.text, tree)
        interpretation = interpret(project, entry, text.text, tree)
        names = RoleNames(
            frozenset(self._settings.inference_functions),
            frozenset(self._settings.training_functions),
            frozenset(self._settings.stochastic_inference),
        )
        target = self._targets.of(entry, interpretation)
        context = Context(interpretation, target.keras, names, target.backend, target.evidence, target.tensorflow)
        rules = [rule for rule in REGISTRY if speakers is None or rule.withdraws or rule.code in speakers]
        drafts = [(rule, draft) for rule in rules for draft in rule.check(context)]
        findings = [_judged(finding, target) for finding in place(_best(drafts), shown)]
        if interpretation.exhausted is not None:
            findings.append(_cut_short(shown(path), interpretation.exhausted))
        return tuple(findings)

    def _load(self, path: Path) -> tuple[str, cst.Module] | None:
        data = self._contents.get(path)
        return load_module(path, self.trail.read(path) if data is None else data)

    def _modules(self) -> Project:
        if self._project is None:
            from dropout_lint.semantics.modules import Project

            self._project = Project(self._roots, self._load, self.trail, self._shelf, self._read)
        return self._project


def _followed(locator: Locator, path: Path, level: int, base: str, names: tuple[str, ...]) -> Iterator[Path]:
    """The files that an import statement of the file ``path`` leads to; see `_statement`."""
    if level < 0:
        yield from (found for each in names if (found := locator.find(path, each)) is not None)
        return
    elsewhere = not level and base.partition(".")[0] in _ELSEWHERE
    if not elsewhere or locator.find(path, base) is not None:
        yield from locator.find_names(path, level, base, names)


@lru_cache(maxsize=4096)
def _statement(line: bytes) -> tuple[int, str, tuple[str, ...]]:
    """The dots, the module and the names of an import statement; for ``import a, b``, -1 and the modules.

    Most of a project's import statements are in many of its files.
    """
    match = IMPORT.match(line)
    if match is None:
        return -1, "", ()
    dots, base, names, plain = (part.decode("ascii", "replace") if part is not None else "" for part in match.groups())
    if plain:
        parts = plain.split(",", _MOST_IMPORTS)[:_MOST_IMPORTS]
        return -1, "", tuple(name[1] for part in parts if (name := _DOTTED.match(part)))
    return len(dots), base, tuple(_NAME.findall(names)[:_MOST_IMPORTS])


def _judged(finding: Finding, target: Target) -> Finding:
    """The finding with the Keras it was judged by."""
    if target.keras is None:
        return finding
    return replace(finding, keras=finding.keras or (str(target.keras),), keras_known_by=target.reason)


def load_module(path: Path, data: bytes | None = None) -> tuple[str, cst.Module] | None:
    """Text and tree of an imported module; None where it cannot be had, which is reported when it is linted itself."""
    from dropout_lint.syntax.failures import NotAnalysed, SyntaxFailure
    from dropout_lint.syntax.parse import parse

    try:
        text = read_text(path) if data is None else decode(data, path)
        return text.text, parse(text.text, path)
    except (SourceError, SyntaxFailure, NotAnalysed):
        return None


def _best(drafts: list[tuple[Rule, Draft]]) -> list[tuple[Rule, Draft]]:
    """One draft for each rule and place: the surest, by the shortest chain."""
    found: dict[tuple[str, int, bool], tuple[Rule, Draft]] = {}
    for rule, draft in drafts:
        slot = (rule.code, id(draft.place.node), bool(draft.message))
        known = found.get(slot)
        if known is None or _rank(draft) > _rank(known[1]):
            found[slot] = (rule, draft)
    return list(found.values())


def _rank(draft: Draft) -> tuple[int, int]:
    return (draft.confidence.rank, -len(draft.chain))


def _cut_short(path: str, reason: str) -> Finding:
    from dropout_lint.unanalysed import not_analysed

    return replace(not_analysed(path, reason), message=reason, help="split the file, or exclude it")


__all__ = ["Analysis", "load_module"]
