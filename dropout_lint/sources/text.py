"""Bytes to text and back: coding cookie, byte order mark, newline style, lines.

The text keeps the newlines of the file, so that what is written back differs only where it was edited.
"""

from __future__ import annotations

import codecs
import io
import re
import tokenize
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dropout_lint.files import LARGEST_SOURCE, read_regular

if TYPE_CHECKING:
    from pathlib import Path

NEWLINE = re.compile(r"\r\n|\r|\n")
"""What ends a line of Python source; form feeds and Unicode separators do not."""


_NEVER_SOURCE = frozenset({"idna", "punycode"})
"""Encodings of domain names: their decoders take time with the square of the length."""
_WIDE = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""Byte order marks of encodings that Python reads no source in, the longer ones first."""


class SourceError(Exception):
    """A file cannot be read as Python source. The message is one sentence without the path."""


@dataclass(frozen=True, slots=True)
class Text:
    """A decoded source file. ``text`` is without the byte order mark and with the file's own newlines."""

    path: Path
    text: str
    encoding: str = "utf-8"
    newline: str = "\n"
    bom: bool = False

    @property
    def file_text(self) -> str:
        """The text of the file itself: in a notebook, another one."""
        return self.text

    def edited(self, text: str) -> Text:
        """The file with another text."""
        return replace(self, text=text)

    def encode(self, text: str | None = None) -> bytes:
        """The bytes of the file, or of its edited ``text``.

        Raises:
            SourceError: The edited text holds a character that the file's encoding cannot express.
        """
        try:
            data = (self.text if text is None else text).encode(self.encoding)
        except UnicodeError as error:
            raise SourceError(f"cannot be written as {self.encoding}: {error}") from error
        return codecs.BOM_UTF8 + data if self.bom else data


def read_text(path: Path) -> Text:
    """Read and decode the file at ``path``.

    Raises:
        SourceError: The file cannot be read, or is not text in the encoding it declares.
    """
    return decode(read_bytes(path), path)


def read_bytes(path: Path) -> bytes:
    """The content of the file at ``path``.

    Raises:
        SourceError: The file cannot be read.
    """
    try:
        return read_regular(path, LARGEST_SOURCE)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        raise SourceError(f"cannot be read: {reason or error}") from error


def narrowed(data: bytes) -> bytes:
    """``data`` as UTF-8 where it begins with the byte order mark of UTF-16 or UTF-32, to be searched for words."""
    wide = _wide(data)
    return data.decode(wide, "replace").encode("utf-8", "replace") if wide is not None else data


def _wide(data: bytes) -> str | None:
    return next((name for mark, name in _WIDE.items() if data.startswith(mark)), None)


def decode(data: bytes, path: Path) -> Text:
    """Decode ``data`` as Python does: byte order mark, then coding cookie, then UTF-8.

    Raises:
        SourceError: The cookie names no known text encoding, or the bytes are not valid in it.
    """
    wide = _wide(data)
    if wide is not None:
        raise SourceError(f"is {wide.upper()}, which Python does not read: save it as UTF-8")
    bom = data.startswith(codecs.BOM_UTF8)
    body = data[len(codecs.BOM_UTF8) :] if bom else data
    encoding = _declared_encoding(body, bom=bom)
    try:
        text = body.decode(encoding)
    except UnicodeDecodeError as error:
        # An offset in bytes means nothing to a reader: say the line instead.
        line = len(NEWLINE.findall(body[: error.start].decode("latin-1"))) + 1
        raise SourceError(f"line {line} is not valid {encoding}: {error.reason}") from error
    except (LookupError, UnicodeError) as error:
        raise SourceError(f"cannot be decoded as {encoding}: {error}") from error
    if not isinstance(text, str):
        raise SourceError(f"cannot be decoded: {encoding} is not a text encoding")
    return Text(path, text, encoding, _newline_style(text), bom)


def split_lines(text: str) -> tuple[str, ...]:
    """The lines of ``text`` without their ends, split where Python splits them.

    A text that ends in a newline has no empty line after it; the empty text has no lines.
    """
    lines = NEWLINE.split(text)
    return tuple(lines if lines[-1] else lines[:-1])


def _declared_encoding(body: bytes, *, bom: bool) -> str:
    # PEP 263 looks at physical lines; `detect_encoding` splits at "\n" only and would
    # read a whole file with old Macintosh newlines as its first line.
    first_two = b"".join(body[:4096].splitlines(keepends=True)[:2]).replace(b"\r", b"\n")
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(first_two).readline)
    except SyntaxError as error:
        # Either an unknown cookie, or these very lines are not valid UTF-8: the caller's decode says where.
        if "unknown encoding" in str(error):
            raise SourceError(f"declares an {error.msg}") from error
        encoding = "utf-8"
    if encoding in _NEVER_SOURCE:
        raise SourceError(f"declares the encoding {encoding}, in which no program is written")
    if bom and encoding not in ("utf-8", "utf-8-sig"):
        raise SourceError(f"declares {encoding} after a UTF-8 byte order mark")
    return "utf-8" if encoding == "utf-8-sig" else encoding


def _newline_style(text: str) -> str:
    # The newline of the first line; a file without any gets "\n".
    found = NEWLINE.search(text)
    return found[0] if found else "\n"
