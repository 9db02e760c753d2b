"""Text that is safe and aligned on a terminal, whatever the checked sources contain."""

from __future__ import annotations

import re
import unicodedata

TAB = 4
"""Width of a tab in excerpts. Editors differ; carets below stay aligned because tabs are printed as spaces."""

_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_ZERO_WIDTH = frozenset({"Mn", "Me"})

_COMMAND = re.compile(r"##(?=\[|vso\[)")
"""Where GitHub Actions and Azure Pipelines look for a command, anywhere in what a program prints."""

_ASCII = str.maketrans({"→": "->", "…": "...", _REPLACEMENT: "?", "×": "x", "–": "-", "—": "-", "−": "-", "♯": "?"})


def printable(text: str) -> str:
    """``text`` on one line, with everything visible that could act on a terminal or reorder what is read."""
    return defused("".join(_visible(character) if character not in "\t\r\n" else " " for character in text))


def printed_path(path: str) -> str:
    """A path at the beginning of a line: ``::error`` there is a command to GitHub Actions."""
    text = printable(path)
    return f"./{text}" if text.lstrip().startswith(("::", "##")) else text


def defused(text: str) -> str:
    """``text`` without what a build server takes for a command; no longer and no shorter."""
    return _COMMAND.sub("#♯", text)


def cells(line: str) -> list[str]:
    """What is printed for each code point of ``line``: tabs as spaces, control characters as symbols."""
    shown: list[str] = []
    column = 0
    for character in defused(line):
        text = " " * (TAB - column % TAB) if character == "\t" else _visible(character)
        shown.append(text)
        column += width(text)
    return shown


def width(text: str) -> int:
    """The columns that ``text`` (as `printable` or `cells` return it) takes on a terminal."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.category(character) in _ZERO_WIDTH else 1 + (unicodedata.east_asian_width(character) in "WF")
        for character in text
    )


def encodable(text: str, encoding: str | None) -> str:
    """``text`` without what a stream of this encoding cannot express."""
    encoding = encoding or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return text.translate(_ASCII).encode(encoding, "backslashreplace").decode(encoding)
    return text


def _visible(character: str) -> str:
    if character.isprintable() or unicodedata.category(character) not in _INVISIBLE:
        return character
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)
    return "\N{SYMBOL FOR DELETE}" if code == 0x7F else _REPLACEMENT
