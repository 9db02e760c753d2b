"""What the tool itself is: its version and LibCST's, and where it is being worked on, the state of its files."""

from __future__ import annotations

import os
import sys
from functools import lru_cache

from dropout_lint.trail import digest
from dropout_lint.version import __version__

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


@lru_cache(maxsize=1)
def fingerprint() -> str:
    """By what results of this tool are told from those of another one, without loading the parser."""
    installed = os.path.isdir(os.path.join(os.path.dirname(_PACKAGE), f"dropout_lint-{__version__}.dist-info"))
    return f"dropout-lint {__version__} {'' if installed else _state()} libcst {_libcst()}"


def _state() -> str:
    """The state of the package's files, which change without a new version while somebody works on them."""
    found = []
    waiting = [_PACKAGE]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.name.endswith(".py"):
                    status = entry.stat()
                    found.append(f"{entry.path}:{status.st_mtime_ns}:{status.st_size}")
                elif entry.name != "__pycache__" and entry.is_dir():
                    waiting.append(entry.path)
    return digest("\n".join(sorted(found)).encode("utf-8", "surrogateescape"))


def _libcst() -> str:
    files = (os.path.join(folder, "libcst", "_version.py") for folder in sys.path)
    path = next((each for each in files if os.path.isfile(each)), None)
    if path is None:
        return ""
    with open(path, "rb") as stream:
        return digest(stream.read())
