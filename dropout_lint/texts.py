"""The texts of the files of a run, each read and decoded once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dropout_lint.settings import shown
from dropout_lint.sources.reading import decode_source
from dropout_lint.sources.text import SourceError, Text, read_bytes, split_lines

if TYPE_CHECKING:
    from collections.abc import Mapping


class Texts:
    """Texts by the names of their files; ``contents`` are files that are taken to hold something else than on disk."""

    def __init__(self, contents: Mapping[Path, bytes]) -> None:
        self._contents = contents
        self.read: dict[str, Text] = {}

    def add(self, path: Path, data: bytes) -> None:
        """Take in the content of a file.

        Raises:
            SourceError: It is not what its name says.
        """
        self.read[shown(path)] = decode_source(data, path)

    def of(self, name: str) -> Text:
        """The text of a file.

        Raises:
            SourceError: It cannot be read.
        """
        text = self.read.get(name)
        if text is None:
            data = self._contents.get(Path(name).absolute())
            text = decode_source(read_bytes(Path(name)) if data is None else data, Path(name))
            self.read[name] = text
        return text

    def lines_of(self, path: Path) -> tuple[str, ...]:
        """The lines of a file, none where it cannot be read."""
        try:
            return split_lines(self.of(shown(path)).text)
        except SourceError:
            return ()
