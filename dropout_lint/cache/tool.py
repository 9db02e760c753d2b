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
    return f"dropout-lint {__version__} {'' if _installed() else _state()} libcst {_libcst()}"


def own_files() -> list[str]:
    """Files and folders of which one changes when this tool, or something that it uses, becomes another one."""
    folders = [folder for folder in sys.path if os.path.isdir(folder)]
    return folders if _installed() else [*folders, *(path for path, _ in _files())]


def _installed() -> bool:
    return os.path.isdir(os.path.join(os.path.dirname(_PACKAGE), f"dropout_lint-{__version__}.dist-info"))


def _state() -> str:
    """The state of the package's files, which change without a new version while somebody works on them."""
    described = [f"{path}:{status.st_mtime_ns}:{status.st_size}" for path, status in _files()]
    return digest("\n".join(sorted(described)).encode("utf-8", "surrogateescape"))


def _files() -> list[tuple[str, os.stat_result]]:
    found = []
    waiting = [_PACKAGE]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.name.endswith(".py"):
                    found.append((entry.path, entry.stat()))
                elif entry.name != "__pycache__" and entry.is_dir():
                    waiting.append(entry.path)
    return found


def _libcst() -> str:
    files = (os.path.join(folder, "libcst", "_version.py") for folder in sys.path)
    path = next((each for each in files if os.path.isfile(each)), None)
    if path is None:
        return ""
    with open(path, "rb") as stream:
        return digest(stream.read())
