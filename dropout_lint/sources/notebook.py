"""Jupyter notebooks: their code cells as one module, and back without touching a byte that was not edited.

The cells are joined in the order of the document. What is IPython's and not Python's (magics, shell lines, help with
``?``) is kept as comments behind a mark, so that lines stay lines and the original can be restored from the text. The
JSON is never written anew: only the string literals of the lines that changed are replaced in the file's own text.
"""

from __future__ import annotations

import ast
import json
import re
import warnings
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from functools import lru_cache
from json import decoder
from typing import TYPE_CHECKING, Any

from dropout_lint.sources.text import NEWLINE, SourceError, Text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_OURS = "#ktm/"
MARK = f"{_OURS}ipython:"
"""Stands before what is not Python, in a comment that no person writes."""

PYTHON_MAGICS = frozenset({"capture", "memit", "prun", "time", "timeit"})
"""Cell magics whose body is Python run in this notebook (IPython 9, ``IPython.core.magics``); as line magics, too."""

_MAGIC_NAMES = tuple(sorted(PYTHON_MAGICS))
_TIMED = re.compile(r"([ \t]*)0x7(\d)(e+);")
"""What stands in place of ``%time`` and its kin before the Python of a line: a number that does nothing, says which of
them it is, and is as long, so that places stay and whatever is written behind the line does, too."""

AUTOMAGICS = frozenset(
    {
        "alias", "alias_magic", "autoawait", "autocall", "automagic", "bookmark", "cat", "cd", "code_wrap", "colors",
        "conda", "config", "cp", "debug", "dhist", "dirs", "doctest_mode", "ed", "edit", "env", "gui", "hist",
        "history", "killbgscripts", "ldir", "less", "lf", "lk", "ll", "load", "load_ext", "loadpy", "logoff", "logon",
        "logstart", "logstate", "logstop", "ls", "lsmagic", "lx", "macro", "magic", "mamba", "man", "matplotlib",
        "micromamba", "mkdir", "more", "mv", "notebook", "page", "pastebin", "pdb", "pdef", "pdoc", "pfile", "pinfo",
        "pinfo2", "pip", "popd", "pprint", "precision", "prun", "psearch", "psource", "pushd", "pwd", "pycat", "pylab",
        "quickref", "recall", "rehashx", "reload_ext", "rep", "rerun", "reset", "reset_selective", "rm", "rmdir",
        "run", "save", "sc", "set_env", "sx", "system", "tb", "time", "timeit", "unalias", "unload_ext", "uv", "who",
        "who_ls", "whos", "xdel", "xmode",
    }
)  # fmt: skip
"""Line magics that IPython 9 takes without their ``%`` where they are all of a cell: ``pip install keras``."""

_UNREAD = frozenset({"outputs", "attachments"})
_DECODER = json.JSONDecoder(strict=False, parse_int=str)
_SPACE = re.compile(r"[ \t\r\n]*")
_ATOM = re.compile(r"[-+0-9.eE]+|true|false|null|NaN|-?Infinity")
_LINE_MAGIC = re.compile(rf"([ \t]*)%({'|'.join(_MAGIC_NAMES)})( +)(\S[^\n]*\n?)")
_MAGIC = re.compile(r"\s*(?:[%!?]|\w[\w.]*\??\?\s*$)")
_AUTOMAGIC = re.compile(rf"\s*(?:{'|'.join(sorted(AUTOMAGICS))})\b(?!\s*=)")
_INDENTED = f"if True:  {_OURS}indented\n"
"""Stands before a cell that begins with an indentation, which IPython takes off its lines."""
_ASSIGNED = re.compile(r"(\s*[\w., \[\]\"']+=\s*)([%!].*)", re.DOTALL)
_DEEPEST = 200
MOST_LINES_READ = 200_000
"""Lines of a cell that are read in the search for what is IPython's; each find reads the cell once more."""
MOST_VALUES = 1_000_000
"""Values in one list of the document that are read one by one."""
LARGEST_CELL = 1_000_000
"""Characters of a cell that is looked at."""


@dataclass(frozen=True, slots=True)
class Literal:
    """A JSON string in the file's text: its value, and where it stands, quotes included."""

    value: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Cell:
    """A code cell. ``number`` counts all cells from 1, ``first`` is its first line in the joined text.

    ``lines`` are its source, each with its end; ``literals`` hold it in the file, one for each line or one for all.
    """

    number: int
    first: int
    lines: tuple[str, ...]
    literals: tuple[Literal, ...]
    listed: bool
    indented: bool = False
    """Whether it begins with an indentation, and so with a line of ours in the joined text, which is none of it."""
    error: tuple[int, int, str] | None = None
    """Line and column in the cell, and what is wrong there, where it is no Python."""


@dataclass(frozen=True, slots=True)
class Notebook(Text):
    """A notebook as one Python text. ``raw`` is the file's own text."""

    raw: str = ""
    cells: tuple[Cell, ...] = ()

    def place(self, line: int) -> tuple[int, int]:
        """The cell and the line in it of a line of the joined text."""
        cell = self._at(line)
        return cell.number, line - cell.first + 1

    def line_of(self, number: int, line: int) -> int:
        """The line of the joined text that is ``line`` of the cell with this number."""
        return self._cell(number).first + line - 1

    def _cell(self, number: int) -> Cell:
        return self.cells[bisect_left(self.cells, number, key=lambda cell: cell.number)]

    def lines_of(self, number: int) -> tuple[str, ...]:
        """The lines of a cell without their ends."""
        return tuple(NEWLINE.sub("", line) for line in self._cell(number).lines)

    def file_line(self, number: int, line: int) -> int:
        """The line of the file in which ``line`` of a cell stands."""
        cell = self._cell(number)
        place = min(line, len(cell.literals)) - 1 if cell.listed else 0
        at = cell.literals[max(place, 0)].start if cell.literals else 0
        return bisect_right(_line_starts(self.raw), at)

    def _at(self, line: int) -> Cell:
        return self.cells[max(bisect_right(self.cells, line, key=lambda cell: cell.first) - 1, 0)]

    @property
    def file_text(self) -> str:
        """The text of the file itself."""
        return self.raw

    def edited(self, text: str) -> Notebook:
        """The notebook with another joined text.

        Raises:
            SourceError: It cannot be put back into the cells.
        """
        return decode_notebook(self.encode(text), self.path)

    def encode(self, text: str | None = None) -> bytes:
        """The bytes of the file, or of it with the edited joined ``text``.

        Raises:
            SourceError: The edited text cannot be put back into the cells.
        """
        raw = self.raw if text is None else self._edited(text)
        return b"\xef\xbb\xbf" * self.bom + raw.encode("utf-8", "surrogatepass")

    def _edited(self, text: str) -> str:
        parts = text.split(_SEPARATOR)
        if len(parts) != len(self.cells) + 1:
            raise SourceError("the edited cells cannot be told apart")
        raw = self.raw
        for cell, part in reversed(list(zip(self.cells, parts, strict=False))):
            lines = _unmasked(part.removeprefix(_INDENTED) if cell.indented else part)
            if "".join(cell.lines).rstrip("\n") == "".join(lines).rstrip("\n"):
                continue
            # a notebook's last line has no end unless it had one
            if lines and not (cell.lines and cell.lines[-1].endswith("\n")):
                lines[-1] = lines[-1].rstrip("\n")
            raw = _replaced(raw, cell, lines)
        return raw


@lru_cache(maxsize=1)
def _line_starts(raw: str) -> tuple[int, ...]:
    return (0, *(match.end() for match in NEWLINE.finditer(raw)))


def line_end(raw: str, line: int) -> int:
    """The number of code points of a line, its end left out."""
    starts = _line_starts(raw)
    if line >= len(starts):
        return len(raw) - starts[-1]
    return len(NEWLINE.sub("", raw[starts[line - 1] : starts[line]]))


_SEPARATOR = f"\n{_OURS}cell\n"


def decode_notebook(data: bytes, path: Path) -> Notebook:
    """Read a notebook.

    Raises:
        SourceError: It is no notebook, or one of a format before 4.
    """
    bom = data.startswith(b"\xef\xbb\xbf")
    try:
        raw = data[3 * bom :].decode("utf-8")
    except UnicodeDecodeError as error:
        raise SourceError("is not valid UTF-8, as notebooks are") from error
    try:
        document, _ = _value(raw, _skip(raw, 0), 0)
    except (ValueError, IndexError) as error:
        raise SourceError(f"is no valid notebook: {error}" if str(error) else "is no valid notebook") from error
    cells = document.get("cells") if isinstance(document, dict) else None
    if not isinstance(cells, list):
        if isinstance(document, dict) and "worksheets" in document:
            raise SourceError("is a notebook of format 3; convert it with `jupyter nbconvert --to notebook`")
        raise SourceError("is no notebook: it has no cells")
    if not _is_python(document):
        return Notebook(path, "", "utf-8", "\n", bom, raw, ())
    return _joined(path, raw, bom, cells)


def _is_python(document: dict[str, Any]) -> bool:
    metadata = _dict(document.get("metadata"))
    for key in ("language_info", "kernelspec"):
        known = _dict(metadata.get(key))
        name = known.get("name") if key == "language_info" else known.get("language")
        if isinstance(name, Literal):
            return name.value.lower() in {"python", "ipython", "python3"}
    return True


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _joined(path: Path, raw: str, bom: bool, found: list[Any]) -> Notebook:
    text: list[str] = []
    cells: list[Cell] = []
    line = 1
    for number, each in enumerate(found, 1):
        kind = _dict(each).get("cell_type")
        source = _dict(each).get("source")
        if not isinstance(kind, Literal) or kind.value != "code":
            continue
        listed = isinstance(source, list)
        literals = tuple(
            part for part in (source if isinstance(source, list) else [source]) if isinstance(part, Literal)
        )
        lines = tuple(_lines("".join(part.value for part in literals)))
        if any(_OURS in line or _untimed(line) != line for line in lines):
            raise SourceError(f"cell {number} holds {_OURS!r} or `0x7…e;`, which stand for something here")
        masked, error = _masked(list(lines))
        indented = len(masked) > len(lines)
        cells.append(Cell(number, line + indented, lines, literals, listed, indented, error))
        body = "".join(masked)
        if body and not body.endswith("\n"):
            body += "\n"
        text += (body, _SEPARATOR)
        line += body.count("\n") + _SEPARATOR.count("\n")
    return Notebook(path, "".join(text), "utf-8", "\n", bom, raw, tuple(cells))


# IPython's own lines -----------------------------------------------------------------------------------------


def _masked(lines: list[str]) -> tuple[list[str], tuple[int, int, str] | None]:
    """The lines with what is not Python behind marks; and, where that is no Python either, what is wrong."""
    if sum(map(len, lines)) > LARGEST_CELL:
        return [_commented(line) for line in lines], (1, 1, f"it has more than {LARGEST_CELL:,} characters")
    first = next((line for line in lines if line.strip()), "")
    if first.startswith("%%"):
        name = re.match(r"%%(\w*)", first)
        if name is None or name[1] not in PYTHON_MAGICS:
            return [_commented(line) for line in lines], None
        place = lines.index(first)
        lines = [_commented(line) if number == place else line for number, line in enumerate(lines)]
    elif sum(1 for line in lines if line.strip()) == 1 and _AUTOMAGIC.match(first) and _error(lines) is not None:
        return [_commented(line) for line in lines], None
    indented = first[:1].isspace() and (_error(lines) or (0, 0, ""))[2] == "unexpected indent"
    masked = [_INDENTED, *lines] if indented else list(lines)
    left = min(len(masked), MOST_LINES_READ // max(len(masked), 1))
    while (wrong := _error(masked)) is not None:
        number = wrong[0] - 1
        if not left or not (0 <= number < len(masked)) or not _mask_at(masked, number):
            # nothing of the cell is looked at
            return [_commented(line) for line in lines], (wrong[0] - indented, *wrong[1:])
        left -= 1
    return masked, None


def _error(lines: list[str]) -> tuple[int, int, str] | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            ast.parse("".join(lines))
        except SyntaxError as error:
            return error.lineno or 1, error.offset or 1, error.msg or "invalid syntax"
        except (ValueError, RecursionError, MemoryError) as error:
            return 1, 1, str(error) or type(error).__name__
    return None


def _mask_at(lines: list[str], number: int) -> bool:
    """Put the line ``number``, or the one before it that it continues, behind a mark; False if it is not IPython's."""
    for place in (number, number - 1):
        if place < 0 or _OURS in lines[place]:
            continue
        line = lines[place]
        assigned = _ASSIGNED.fullmatch(line)
        timed = _LINE_MAGIC.fullmatch(line)
        if timed is not None and _error([timed[4]]) is None:
            padding = "e" * (len(timed[2]) + len(timed[3]) - 4)
            lines[place] = f"{timed[1]}0x7{_MAGIC_NAMES.index(timed[2])}{padding};{timed[4]}"
        elif assigned is not None:
            lines[place] = f"{assigned[1]}None{MARK}{assigned[2]}"
        elif _MAGIC.match(line):
            indent = line[: len(line) - len(line.lstrip())]
            lines[place] = f"{indent}pass{MARK}{line[len(indent) :]}"
        else:
            continue
        # a shell line that ends in a backslash goes on
        following = place + 1
        while lines[following - 1].rstrip("\n").endswith("\\") and following < len(lines):
            lines[following] = _commented(lines[following])
            following += 1
        return True
    return False


def _commented(line: str) -> str:
    return f"{MARK}{line}"


def _unmasked(text: str) -> list[str]:
    return [re.sub(rf"(?:pass|None)?{re.escape(MARK)}", "", _untimed(line), count=1) for line in _lines(text)]


def _untimed(line: str) -> str:
    """A line with its magic where it was."""
    timed = _TIMED.match(line)
    if timed is None or int(timed[2]) >= len(_MAGIC_NAMES):
        return line
    magic = f"%{_MAGIC_NAMES[int(timed[2])]}"
    return f"{timed[1]}{magic.ljust(timed.end() - timed.end(1))}{line[timed.end() :]}"


def _lines(text: str) -> list[str]:
    """The lines of a cell with their ends; only a line feed ends one."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)


# JSON with places --------------------------------------------------------------------------------------------


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match is not None else at


def _value(text: str, at: int, depth: int) -> tuple[Any, int]:
    """The value at ``at`` (strings as literals), and where it ends."""
    if depth > _DEEPEST:
        raise ValueError("it is nested too deeply")
    if text[at] == '"':
        value, end = decoder.scanstring(text, at + 1, False)  # type: ignore[attr-defined]  # not in typeshed
        return Literal(value, at, end), end
    if text[at] == "{":
        return _object(text, at, depth)
    if text[at] == "[":
        return _array(text, at, depth)
    match = _ATOM.match(text, at)
    if match is None:
        raise ValueError(f"unexpected character in line {text.count(chr(10), 0, at) + 1}")
    return None, match.end()


def _object(text: str, at: int, depth: int) -> tuple[dict[str, Any], int]:
    found: dict[str, Any] = {}
    at = _skip(text, at + 1)
    while text[at] != "}":
        key, at = _value(text, at, depth + 1)
        at = _skip(text, at)
        if not isinstance(key, Literal) or text[at] != ":":
            raise ValueError(f"a key is missing in line {text.count(chr(10), 0, at) + 1}")
        start = _skip(text, at + 1)
        found[key.value], at = _passed_over(text, start) if key.value in _UNREAD else _value(text, start, depth + 1)
        at = _comma(text, at, "}")
    return found, at + 1


def _passed_over(text: str, at: int) -> tuple[None, int]:
    """Where the value ends at ``at``, of which nothing is read: megabytes of pictures and plots."""
    try:
        return None, _DECODER.raw_decode(text, at)[1]
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _array(text: str, at: int, depth: int) -> tuple[list[Any], int]:
    found: list[Any] = []
    at = _skip(text, at + 1)
    while text[at] != "]":
        item, at = _value(text, at, depth + 1)
        found.append(item)
        if len(found) > MOST_VALUES:
            raise ValueError(f"it holds a list of more than {MOST_VALUES:,} values")
        at = _comma(text, at, "]")
    return found, at + 1


def _comma(text: str, at: int, closing: str) -> int:
    at = _skip(text, at)
    if text[at] == ",":
        return _skip(text, at + 1)
    if text[at] != closing:
        raise ValueError(f"a comma is missing in line {text.count(chr(10), 0, at) + 1}")
    return at


def _replaced(raw: str, cell: Cell, lines: list[str]) -> str:
    """``raw`` with other lines in one cell; literals of lines that stay are kept as they are written."""
    if not cell.literals:
        raise SourceError(f"cell {cell.number} is empty in the file")
    ascii_only = all(raw[each.start : each.end].isascii() for each in cell.literals)
    if not cell.listed or len(cell.literals) != len(cell.lines):
        first, last = cell.literals[0], cell.literals[-1]
        if not cell.listed:
            return raw[: first.start] + json.dumps("".join(lines), ensure_ascii=ascii_only) + raw[last.end :]
        return raw[: first.start] + _listed(lines, {}, _gap(raw, cell), ascii_only) + raw[last.end :]
    known = {each.value: raw[each.start : each.end] for each in cell.literals}
    start, end = cell.literals[0].start, cell.literals[-1].end
    return raw[:start] + _listed(lines, known, _gap(raw, cell), ascii_only) + raw[end:]


def _gap(raw: str, cell: Cell) -> str:
    """What stands between two lines of the list."""
    if len(cell.literals) > 1:
        return raw[cell.literals[0].end : cell.literals[1].start]
    before = raw[: cell.literals[0].start]
    indent = before[len(before.rstrip()) :]
    return f",{indent or ' '}"


def _listed(lines: list[str], known: dict[str, str], gap: str, ascii_only: bool) -> str:
    return gap.join(known.get(line) or json.dumps(line, ensure_ascii=ascii_only) for line in lines)


def broken_cells(notebook: Notebook) -> Iterator[tuple[Cell, tuple[int, int, str]]]:
    """The cells that are no Python, with line, column and what is wrong."""
    for cell in notebook.cells:
        if cell.error is not None:
            yield cell, cell.error
