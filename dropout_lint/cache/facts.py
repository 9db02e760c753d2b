"""Whether files and folders are as they were: by their status first, by their content where that differs.

A status is only trusted if it is older than the run in which it was taken: a file that is written twice within one
tick of the file system's clock looks the same after the second time.
"""

from __future__ import annotations

import os
import stat

from dropout_lint.cache.folder import LARGEST
from dropout_lint.trail import FILE, NO_FILE, NOT_THERE, THERE, chooses_keras, digest

Status = list[int]

TICK = 2_000_000_000
"""Nanoseconds between two times that any file system can tell apart; on FAT these are two seconds."""


def status_of(path: str) -> os.stat_result | None:
    """What the file system says of ``path``, or None."""
    try:
        return os.stat(path)
    except (OSError, ValueError):
        return None


def status(found: os.stat_result) -> Status:
    """By what a file or folder is taken to be the same."""
    return [found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino]


def settled(found: os.stat_result | None, before: int) -> Status | None:
    """The status, if nothing can have happened since ``before`` that it does not show."""
    if found is None or max(found.st_mtime_ns, found.st_ctime_ns) + TICK >= before:
        return None
    return status(found)


def digest_of(path: str, found: os.stat_result | None) -> str | None:
    """The digest of a file's content; None where there is none to be had."""
    data = _content(path, found)
    return digest(data) if data is not None else None


def glance(path: str) -> bool:
    """Whether a file chooses Keras (see `dropout_lint.trail`)."""
    return chooses_keras(_content(path, status_of(path)) or b"")


def _content(path: str, found: os.stat_result | None) -> bytes | None:
    # a pipe or device would block or never end
    if found is None or not stat.S_ISREG(found.st_mode) or found.st_size > LARGEST:
        return None
    try:
        with open(path, "rb") as stream:
            return stream.read(LARGEST)
    except OSError:
        return None


def holds(path: str, seen: str) -> bool:
    """Whether ``path`` is still what was seen of it (see `dropout_lint.trail`)."""
    found = status_of(path)
    if seen in (THERE, NOT_THERE):
        return (found is not None) is (seen == THERE)
    return (found is not None and stat.S_ISREG(found.st_mode)) is (seen == FILE)


def told_by_folder(path: str, seen: str) -> bool:
    """Whether ``path`` cannot become anything else without a change of its folder: no links, no folders."""
    try:
        found = os.lstat(path)
    except (OSError, ValueError):
        return seen in (NO_FILE, NOT_THERE)
    return stat.S_ISREG(found.st_mode) and seen in (FILE, THERE)
