"""Opening files that strangers have put there: only regular ones, only so much of them, only inside a folder."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

LARGEST_SOURCE = 100_000_000
"""Bytes of a source file that are read: notebooks hold their pictures. How much code is parsed has its own bound."""
LARGEST_TEXT = 2_000_000
"""Bytes of what people write by hand, such as a configuration."""
_PIECE = 1_000_000


def read_regular(path: Path | str, largest: int) -> bytes:
    """The content of a regular file of at most ``largest`` bytes.

    Raises:
        OSError: It cannot be read, is larger, or is a pipe, a device or anything else that may block or never end.
    """
    # a pipe without a writer would block in open() already
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is no regular file")
        data = _content(descriptor, status.st_size, largest) if status.st_size <= largest else b""
    finally:
        os.close(descriptor)
    if len(data) > largest or status.st_size > largest:
        raise OSError(errno.EFBIG, f"it is larger than {_size(largest)}")
    return data


def _content(descriptor: int, size: int, largest: int) -> bytes:
    """What is to be read of a file, one byte more than ``largest`` at most; it may be larger or smaller than told.

    A stream sets memory aside for the largest file there may be, for every file of a run.
    """
    data = os.read(descriptor, size + 1)
    while data and len(data) != size and len(data) <= largest:
        more = os.read(descriptor, min(_PIECE, largest + 1 - len(data)))
        if not more:
            break
        data += more
    return data


def is_regular(path: Path) -> bool:
    """Whether ``path`` is a regular file, or a link to one; False also where nobody can tell."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        # a name too long, a folder that may not be entered, a link that leads to itself
        return False


def is_inside(path: Path, folders: Iterable[Path]) -> bool:
    """Whether ``path`` lies in one of ``folders``, wherever links on the way lead."""
    real = Path(os.path.realpath(path))
    return any(real.is_relative_to(os.path.realpath(folder)) for folder in folders)


def _size(count: int) -> str:
    return f"{count // 1_000_000} MB"
