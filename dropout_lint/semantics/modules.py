"""The project's modules: found by their import name, parsed once, never executed."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from dropout_lint.files import is_inside, is_regular
from dropout_lint.semantics.scopes import Scope
from dropout_lint.semantics.words import is_test_module
from dropout_lint.syntax.walk import walk
from dropout_lint.trail import FILE, NO_FILE, Trail

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import libcst as cst


_LONGEST_SHOWN = 200
"""Nodes of an expression that a reader is shown."""


class Module:
    """One source file: its tree, its import name and its names."""

    __slots__ = ("_is_test", "_sources", "is_package", "name", "path", "scope", "text", "tree")

    def __init__(self, path: Path, name: str, text: str, tree: cst.Module) -> None:
        self.path = path
        self.name = name
        self.text = text
        self.tree = tree
        self._is_test: bool | None = None
        self._sources: dict[int, str] = {}
        self.is_package = path.name == "__init__.py"
        self.scope = Scope("module")

    def source_of(self, node: cst.CSTNode) -> str:
        """A short expression as it is written; rendered once, since the interpreter asks for it at every call."""
        text = self._sources.get(id(node))
        if text is None:
            # rendering every link of a long chain would be quadratic, and nobody reads it
            short = next(islice(walk(node), _LONGEST_SHOWN, None), None) is None
            text = self._sources[id(node)] = self.tree.code_for_node(node).strip() if short else "…"
        return text

    @property
    def is_test(self) -> bool:
        """Whether it holds unit tests; see `dropout_lint.semantics.words.is_test_module`."""
        if self._is_test is None:
            self._is_test = is_test_module(self.path.name, self.text)
        return self._is_test

    @property
    def package(self) -> str:
        """The package that relative imports start from."""
        return self.name if self.is_package else self.name.rpartition(".")[0]


def import_name(path: Path) -> tuple[Path, str]:
    """The import root of a file and its dotted name below it, from the ``__init__.py`` files around it."""
    parts = [] if path.name == "__init__.py" else [path.stem]
    folder = path.parent
    if path.name == "__init__.py":
        parts.append(folder.name)
        folder = folder.parent
    while is_regular(folder / "__init__.py") and folder.name.isidentifier() and folder != folder.parent:
        parts.append(folder.name)
        folder = folder.parent
    return folder, ".".join(reversed(parts))


MOST_KEPT = 5_000_000
"""Characters of source whose trees are kept; they are some 60 times as large, where lines are very short 500 times."""


class Project:
    """Finds modules below the import roots and keeps what was parsed.

    ``load`` turns a path into a text and a tree, or returns None where the file cannot be read or parsed: a broken
    dependency is reported when it is linted itself, and is unknown to those who import it. ``trail`` is told what is
    read and looked for.
    """

    def __init__(
        self,
        roots: Sequence[Path],
        load: Callable[[Path], tuple[str, cst.Module] | None],
        trail: Trail | None = None,
    ) -> None:
        self._roots = tuple(roots)
        self._load = load
        self._trail = trail if trail is not None else Trail()
        self._trees: dict[Path, tuple[str, cst.Module] | None] = {}
        """Those asked for last stand at the end."""
        self._kept = 0
        self._found: dict[tuple[Path, str], tuple[Path | None, dict[Path, str]]] = {}
        self._between: dict[Path, tuple[Path, ...]] = {}
        self._packages: dict[Path, Path] = {}

    def chooses_keras(self, path: Path) -> bool:
        """Whether a file names an environment variable by which Keras is chosen: importing it has that effect."""
        return self._trail.glance(path)

    def find(self, importer: Path, dotted: str) -> Path | None:
        """The file of the module ``dotted`` as ``importer`` would see it, or None.

        A program in ``part/tools`` may be run from ``part``: between its own folder and the roots, the nearest counts.
        """
        if not dotted:
            return None
        package_root = self._package_root(importer)
        for root in dict.fromkeys((importer.parent, package_root, *self._above(importer.parent), *self._roots)):
            found = self._look(importer, root, dotted)
            if found is not None:
                return found
        return None

    def _package_root(self, path: Path) -> Path:
        """The import root of a file; what tells it is noted once, for all that is asked of the file."""
        if path not in self._packages:
            root, _ = import_name(path)
            self._packages[path] = root
            for folder in path.parents:
                if folder != root:
                    self._trail.look(path, folder / "__init__.py", FILE)
                    continue
                if folder.name.isidentifier():
                    self._trail.look(path, folder / "__init__.py", NO_FILE)
                break
        return self._packages[path]

    def _above(self, folder: Path) -> tuple[Path, ...]:
        """The folders between ``folder`` and the root it lies below, nearest first."""
        if folder not in self._between:
            parents = folder.parents
            root = next((each for each in self._roots if each in parents), None)
            self._between[folder] = tuple(parents[: parents.index(root)]) if root is not None else ()
        return self._between[folder]

    def find_relative(self, importer: Path, level: int, dotted: str) -> Path | None:
        """The file that ``from ..dotted import`` names, by folders, so that it works without ``__init__.py`` too."""
        folder = importer.parent
        for _ in range(level - 1):
            if folder == folder.parent:
                return None
            folder = folder.parent
        # whoever climbs out of the project names somebody else's files
        above = (folder, *folder.parents)
        if not any(each in above for each in self._roots) and import_name(importer)[0] not in above:
            return None
        return self._look(importer, folder, dotted)

    def _look(self, importer: Path, folder: Path, dotted: str) -> Path | None:
        """The file of a module below ``folder``; without a name, of the package that the folder is."""
        slot = (folder, dotted)
        if slot not in self._found:
            base = folder.joinpath(*dotted.split(".")) if dotted else folder
            seen: dict[Path, str] = {}
            for candidate in (base / "__init__.py", base.with_name(base.name + ".py"))[: 2 if dotted else 1]:
                known = is_regular(candidate) and is_inside(candidate, (folder, *self._roots))
                seen[candidate] = FILE if known else NO_FILE
                if known:
                    break
            found = next((path for path, kind in seen.items() if kind == FILE), None)
            self._found[slot] = (found, seen)
        found, seen = self._found[slot]
        self._trail.looks.setdefault(importer, {}).update(seen)
        return found

    def tree(self, path: Path) -> tuple[str, cst.Module] | None:
        """Text and tree of a file, read and parsed once if it is asked for again soon."""
        self._trail.use(path)
        self._package_root(path)
        if path in self._trees:
            found = self._trees[path] = self._trees.pop(path)
        else:
            found = self._load(path)
            self._remember(path, found)
        return found

    def keep(self, path: Path, text: str, tree: cst.Module) -> None:
        """Use this text for ``path`` (a file that is being linted, an unsaved buffer)."""
        self._package_root(path)
        self.forget(path)
        self._remember(path, (text, tree))

    def forget(self, path: Path) -> None:
        """Let the tree of ``path`` go; it is parsed again if somebody asks."""
        parsed = self._trees.pop(path, None)
        if parsed is not None:
            self._kept -= len(parsed[0])

    def _remember(self, path: Path, parsed: tuple[str, cst.Module] | None) -> None:
        self._trees[path] = parsed
        self._kept += 0 if parsed is None else len(parsed[0])
        while self._kept > MOST_KEPT:
            self.forget(next(path for path, each in self._trees.items() if each is not None))
