"""The project's modules: found by their import name, parsed once, never executed."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from dropout_lint.keras.conventions import OTHER_FRAMEWORKS
from dropout_lint.keras.use import uses_keras
from dropout_lint.locating import Locator
from dropout_lint.semantics.scopes import Scope
from dropout_lint.semantics.shelf import Shelf
from dropout_lint.semantics.words import is_test_module
from dropout_lint.sources.text import split_lines
from dropout_lint.syntax.bindings import bound_names, definitions
from dropout_lint.syntax.walk import walk
from dropout_lint.trail import Trail

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import libcst as cst

    from dropout_lint.semantics.shelf import Parsed


_SHORT = 4_000
"""Bytes of a module, a hundred lines."""
_LONGEST_SHOWN = 200
"""Nodes of an expression that a reader is shown."""


class Module:
    """One source file: its tree, its import name and its names."""

    __slots__ = (
        "_binds",
        "_definitions",
        "_is_test",
        "_lines",
        "_names_others",
        "_sources",
        "_uses_keras",
        "is_package",
        "name",
        "path",
        "scope",
        "text",
        "tree",
    )

    def __init__(self, path: Path, name: str, text: str, tree: cst.Module) -> None:
        self.path = path
        self.name = name
        self.text = text
        self.tree = tree
        self._is_test: bool | None = None
        self._lines: tuple[str, ...] | None = None
        self._binds: frozenset[str] | None = None
        self._definitions: dict[int, dict[str, cst.BaseExpression | None]] = {}
        self._names_others: bool | None = None
        self._uses_keras: bool | None = None
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
    def lines(self) -> tuple[str, ...]:
        """The lines of its text without their ends."""
        if self._lines is None:
            self._lines = split_lines(self.text)
        return self._lines

    @property
    def is_test(self) -> bool:
        """Whether it holds unit tests; see `dropout_lint.semantics.words.is_test_module`."""
        if self._is_test is None:
            self._is_test = is_test_module(self.path.name, self.text)
        return self._is_test

    def lacks(self, name: str) -> bool:
        """Whether it binds this name nowhere, at whatever time."""
        if self._binds is None:
            self._binds = bound_names(self.tree)
        return name not in self._binds

    def definition(self, name: str, function: cst.CSTNode | None) -> cst.BaseExpression | None:
        """The expression that a name in a function always is, by the one line that assigns it there or around it."""
        for node in (function, self.tree):
            if node is None:
                continue
            known = self._definitions.get(id(node))
            if known is None:
                known = self._definitions[id(node)] = definitions(node)
            if name in known:
                return known[name]
        return None

    @property
    def names_other_frameworks(self) -> bool:
        """Whether its source names a framework whose layers may be called like those of Keras."""
        if self._names_others is None:
            self._names_others = any(each in self.text for each in OTHER_FRAMEWORKS)
        return self._names_others

    @property
    def uses_keras(self) -> bool:
        """Whether it uses Keras by its text; see `dropout_lint.keras.use`."""
        if self._uses_keras is None:
            self._uses_keras = uses_keras(self.text.encode("utf-8", "replace"))
        return self._uses_keras

    @property
    def package(self) -> str:
        """The package that relative imports start from."""
        return self.name if self.is_package else self.name.rpartition(".")[0]


class Project:
    """Finds modules below the import roots and keeps what was parsed.

    ``load`` turns a path into a text and a tree, or returns None where the file cannot be read or parsed: a broken
    dependency is reported when it is linted itself, and is unknown to those who import it. ``trail`` is told what is
    read and looked for; the ``shelf`` may be shared with other projects. ``read`` gives a file's content, if ``load``
    takes it from elsewhere than the disk.
    """

    def __init__(
        self,
        roots: Sequence[Path],
        load: Callable[[Path], Parsed],
        trail: Trail | None = None,
        shelf: Shelf | None = None,
        read: Callable[[Path], bytes | None] | None = None,
    ) -> None:
        self._load = load
        self._trail = trail if trail is not None else Trail()
        self._read = read if read is not None else self._trail.read
        self.locator = Locator(roots, self._trail)
        self._shelf = shelf if shelf is not None else Shelf()

    def chooses_keras(self, path: Path) -> bool:
        """Whether a file names an environment variable by which Keras is chosen: importing it has that effect."""
        return self._trail.glance(path)

    def is_worth_it(self, path: Path) -> bool:
        """Whether a file uses Keras or is short, as what passes names on is; which takes no parse to tell."""
        data = self._read(path) or b""
        return len(data) <= _SHORT or uses_keras(data)

    def tree(self, path: Path) -> Parsed:
        """Text and tree of a file, read and parsed once if it is asked for again soon."""
        self._trail.use(path)
        self.locator.start(path)
        return self._shelf.take(self, path, self._load)

    def keep(self, path: Path, text: str, tree: cst.Module) -> None:
        """Use this text for ``path`` (a file that is being linted, an unsaved buffer)."""
        self.locator.start(path)
        self._shelf.put(self, path, (text, tree))

    def forget(self, path: Path) -> None:
        """Let the tree of ``path`` go; it is parsed again if somebody asks."""
        self._shelf.forget(self, path)
