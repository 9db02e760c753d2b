"""Who imports a file: the programs that say what its functions are called with.

A module that is handed a model knows little of it; whoever makes the model and hands it over knows everything. So a
file is also read from the side of those that import it. Only import statements are looked at here, as bytes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dropout_lint.files import LARGEST_SOURCE, read_regular

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

MOST_FILES = 5_000
"""Python files of a project above which nobody looks for importers."""
MOST_IMPORTERS = 6
"""Importers of one file that are read with it."""
_MOST_VISITED = 200
_FARTHEST = 4

IMPORT = re.compile(
    rb"^[ \t]*\"?(?:from[ \t]+(\.*)(\w[\w.]*|)[ \t]+import[ \t]+([^\n#]*)|import[ \t]+([^\n#]+))", re.MULTILINE
)
"""An import statement, as far as its first line goes."""
_IMPORT = b"import"
_WORD = re.compile(rb"\w+")


def statements(data: bytes) -> Iterator[bytes]:
    """The import statements in ``data``, each as far as its first line goes.

    Most lines hold no such word, and to look for a word takes a fifth of the time in which a pattern is tried on all.
    """
    end = 0
    while (at := data.find(_IMPORT, end)) >= 0:
        found = IMPORT.match(data, data.rfind(b"\n", end, at) + 1)
        if found is not None:
            yield found[0]
        end = data.find(b"\n", at)
        if end < 0:
            return


class Importers:
    """The import statements of a project's files, each file read once."""

    def __init__(self, files: Callable[[], Iterator[Path]], imports: Callable[[Path, bytes], Iterable[Path]]) -> None:
        self._files = files
        self._imports = imports
        self._statements: dict[Path, tuple[bytes, frozenset[bytes]]] | None = None
        self._direct: dict[Path, tuple[Path, ...]] = {}
        self._imported: dict[Path, frozenset[Path]] = {}

    def of(self, path: Path) -> tuple[Path, ...]:
        """The programs that import ``path``, directly or through others; nothing in a project of very many files.

        Those that nobody imports come first, since they know most, then the nearest. Packages that only pass names on
        and unit tests are none.
        """
        distance = {path: 0}
        inner: set[Path] = set()
        waiting = [path]
        while waiting and len(distance) < _MOST_VISITED:
            module = waiting.pop(0)
            found = self._importing(module)
            if found:
                inner.add(module)
            if distance[module] == _FARTHEST:
                continue
            for each in found:
                if each not in distance:
                    distance[each] = distance[module] + 1
                    waiting.append(each)
        del distance[path]
        programs = [each for each in distance if each.name != "__init__.py" and not _is_test(each)]
        programs.sort(key=lambda each: (each in inner, distance[each], str(each)))
        return tuple(programs[:MOST_IMPORTERS])

    def _importing(self, path: Path) -> tuple[Path, ...]:
        """The files that import ``path`` themselves."""
        if path not in self._direct:
            word = (path.parent.name if path.stem == "__init__" else path.stem).encode()
            self._direct[path] = tuple(
                other
                for other, (_, words) in self._read().items()
                if word in words and other != path and path in self._imports_of(other)
            )
        return self._direct[path]

    def _imports_of(self, path: Path) -> frozenset[Path]:
        if path not in self._imported:
            self._imported[path] = frozenset(self._imports(path, self._read()[path][0]))
        return self._imported[path]

    def _read(self) -> dict[Path, tuple[bytes, frozenset[bytes]]]:
        """The import statements of every file, and the words in them."""
        if self._statements is None:
            self._statements = {}
            for number, path in enumerate(self._files()):
                if number >= MOST_FILES:
                    self._statements = {}
                    break
                try:
                    data = read_regular(path, LARGEST_SOURCE)
                except OSError:
                    continue
                text = b"\n".join(statements(data))
                self._statements[path] = (text, frozenset(_WORD.findall(text)))
        return self._statements


def _is_test(path: Path) -> bool:
    return (
        path.name == "conftest.py"
        or path.stem.startswith("test_")
        or path.stem.endswith(("_test", "_tests"))
        or path.parent.name in {"test", "tests"}
    )
