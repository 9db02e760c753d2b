"""Two things at import time: edited texts for the user's modules, and word that Keras has arrived.

``__main__`` never passes through import hooks; ``program`` compiles it itself, from ``edited`` here.

AutoGraph reads a function's source again when it converts it, through ``linecache``, and would undo edits that exist
only in compiled code. An entry in ``linecache`` without a modification time is never checked against the file; it has
to be there before the first conversion, so it is made when the text is edited. That alone is not enough: AutoGraph
calls ``linecache.updatecache`` for every module whose ``__file__`` is the function's file, and that reads the disk
whatever the entry says (``autograph/pyct/inspect_utils.py``, ``_fix_linecache_record``, TensorFlow 2.21). So
``updatecache`` is told about edited files, too.
"""

from __future__ import annotations

import functools
import importlib.machinery
import importlib.util
import linecache
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def read_source(path: str) -> str:
    """The text of a module as Python reads it: coding cookie, BOM, universal newlines."""
    with Path(path).open("rb") as stream:
        return importlib.util.decode_source(stream.read())


class EditedTexts:
    """The user's modules whose text differs in memory, by real path."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    def put(self, path: str, text: str) -> None:
        """Register the edited text of a file, under every name Python may use for it."""
        self._texts[os.path.realpath(path)] = text
        lines = text.splitlines(keepends=True)
        for name in {path, os.path.realpath(path)}:
            linecache.cache[name] = (len(text), None, lines, name)

    def get(self, path: str) -> str | None:
        """The edited text, or None when the file is as it is on disk."""
        if not self._texts:
            return None
        return self._texts.get(os.path.realpath(path))


class EditedLoader(importlib.machinery.SourceFileLoader):
    """Compiles the edited text; neither reads nor writes byte code."""

    def __init__(self, fullname: str, path: str, text: str) -> None:
        super().__init__(fullname, path)
        self._text = text

    def get_code(self, fullname: str) -> Any:  # noqa: ARG002  # the loader of one module
        return compile(self._text, self.path, "exec", dont_inherit=True)

    def get_source(self, fullname: str) -> str:  # noqa: ARG002  # likewise
        return self._text


class AfterExecution:
    """A loader that calls back once the module has been executed; everything else is the real loader's."""

    def __init__(self, loader: Any, callback: Callable[[Any], None]) -> None:
        self._loader = loader
        self._callback = callback

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: Any) -> Any:
        return self._loader.create_module(spec)

    def exec_module(self, module: Any) -> None:
        self._loader.exec_module(module)
        self._callback(module)


class Finder:
    """First on ``sys.meta_path``: edited modules, and call-backs for named packages."""

    def __init__(self, texts: EditedTexts, callbacks: dict[str, Callable[[Any], None]]) -> None:
        self._texts = texts
        self._callbacks = callbacks
        self._searching: list[str] = []

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: Any = None) -> Any:
        """Find as the others would, then replace or wrap the loader."""
        if fullname in self._searching:
            return None
        self._searching.append(fullname)
        try:
            spec = self._find_with_others(fullname, path, target)
        finally:
            self._searching.remove(fullname)
        if spec is None or spec.loader is None:
            return None
        if spec.origin and isinstance(spec.loader, importlib.machinery.SourceFileLoader):
            text = self._texts.get(spec.origin)
            if text is not None:
                spec.loader = EditedLoader(fullname, spec.origin, text)
        callback = self._callbacks.get(fullname)
        if callback is not None:
            spec.loader = AfterExecution(spec.loader, callback)
        return spec

    def _find_with_others(self, fullname: str, path: Sequence[str] | None, target: Any) -> Any:
        for finder in sys.meta_path:
            if finder is self or not hasattr(finder, "find_spec"):
                continue
            spec = finder.find_spec(fullname, path, target)
            if spec is not None:
                return spec
        return None


def install(texts: EditedTexts, callbacks: dict[str, Callable[[Any], None]]) -> None:
    """Put the finder before all others, and keep ``linecache`` from going back to the disk."""
    sys.meta_path.insert(0, Finder(texts, callbacks))
    original = linecache.updatecache

    @functools.wraps(original)
    def updatecache(filename: str, module_globals: dict[str, Any] | None = None) -> list[str]:
        text = texts.get(filename)
        if text is None:
            return original(filename, module_globals)
        texts.put(filename, text)
        return text.splitlines(keepends=True)

    linecache.updatecache = updatecache
