"""Writing lines to a stream: plain everywhere, with colours (and Rich) only where they are wanted."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, TextIO

from dropout_lint.output.display import encodable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dropout_lint.output.excerpt import Line

PLAIN_COLUMNS = 120
"""Width of excerpts in what is no terminal: the same everywhere, so that logs can be compared."""

STYLES = {
    "caret": "bold red",
    "error": "bold red",
    "gutter": "cyan",
    "key": "bold",
    "label": "red",
    "message": "",
    "note": "bold blue",
    "path": "bold",
    "source": "",
    "summary": "",
    "warning": "bold yellow",
}


def wants_color(stream: TextIO, choice: str = "auto") -> bool:
    """Whether to write colours: as ``choice`` says, else as NO_COLOR, FORCE_COLOR and the kind of ``stream`` say."""
    if choice != "auto":
        return choice == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return is_terminal(stream)


def is_terminal(stream: TextIO) -> bool:
    """Whether a person looks at ``stream`` in what understands colours and cursor movements.

    Emacs runs compilations in a terminal of whatever kind it was started in, and reads them as plain text.
    """
    reads_plain = os.environ.get("TERM") == "dumb" or "compile" in os.environ.get("INSIDE_EMACS", "")
    return stream.isatty() and not reads_plain


def columns_of(stream: TextIO) -> int:
    """The width to write for."""
    return shutil.get_terminal_size().columns if stream.isatty() else PLAIN_COLUMNS


def write(lines: Iterable[Line], stream: TextIO, *, color: bool) -> None:
    """Write ``lines`` to ``stream``; characters that it cannot express are replaced."""
    if color:
        _write_with_rich(lines, stream)
        return
    for line in lines:
        text = "".join(piece for piece, _ in line)
        stream.write(encodable(text.rstrip(), getattr(stream, "encoding", None)) + "\n")


def _write_with_rich(lines: Iterable[Line], stream: TextIO) -> None:
    from rich.console import Console
    from rich.text import Text

    # What is wanted is decided above; Rich would think again, of TERM and NO_COLOR.
    console = Console(
        file=stream,
        force_terminal=True,
        color_system="standard",
        no_color=False,
        highlight=False,
        markup=False,
        emoji=False,
    )
    encoding = getattr(stream, "encoding", None)
    for line in lines:
        # Text takes no markup, and lines keep their length: terminals wrap, and copies stay whole.
        text = Text()
        for piece, style in line:
            text.append(encodable(piece, encoding), STYLES[style])
        text.rstrip()
        console.print(text, soft_wrap=True)
