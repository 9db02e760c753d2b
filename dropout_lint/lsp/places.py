"""Places of findings to those of the protocol, whose lines count from 0 and whose columns count what the client counts.

Lines are split where Python splits them; pygls would split at form feeds, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lsprotocol import types

from dropout_lint.findings import Position, Span
from dropout_lint.settings import normal
from dropout_lint.sources.text import SourceError, decode, split_lines

if TYPE_CHECKING:
    from pygls.workspace import PositionCodec


@dataclass(frozen=True, slots=True)
class Buffer:
    """An open document as it was when it was looked at."""

    uri: str
    path: Path
    version: int
    text: str

    @property
    def lines(self) -> tuple[str, ...]:
        """Its lines without their ends."""
        return split_lines(self.text)

    @property
    def data(self) -> bytes:
        """What would stand in the file if it were saved now."""
        data = self.text.encode("utf-8", "replace")
        try:
            encoding = decode(data, self.path).encoding
            return data if encoding == "utf-8" else self.text.encode(encoding)
        except (SourceError, UnicodeError):
            return data

    def owns(self, path: str) -> bool:
        """Whether ``path``, as findings show it, is this document's."""
        return normal(Path(path)) == self.path


def range_of(span: Span, lines: tuple[str, ...], codec: PositionCodec) -> types.Range:
    """``span`` in the units of the client."""
    return types.Range(_position(span.start, lines, codec), _position(span.end, lines, codec))


def _position(place: Position, lines: tuple[str, ...], codec: PositionCodec) -> types.Position:
    line = lines[place.line - 1] if place.line <= len(lines) else ""
    return types.Position(place.line - 1, codec.client_num_units(line[: place.column - 1]))


def place_of(position: types.Position, lines: tuple[str, ...], codec: PositionCodec) -> Position:
    """A position of the client as a place of ours."""
    line = lines[position.line] if position.line < len(lines) else ""
    column = 0
    while column < len(line) and codec.client_num_units(line[: column + 1]) <= position.character:
        column += 1
    return Position(position.line + 1, column + 1)
