"""The folder that caches lie in: made with what keeps it out of repositories and backups, written to in one step."""

from __future__ import annotations

import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

LARGEST = 64 << 20
"""Bytes of a cache file that are read, and written, at most."""
MOST_FILES = 48
"""Files of one version: one for each working directory and set of settings; the oldest go."""

_TAG = """\
Signature: 8a477f597d28d172789f06886806bc55
# This file is a cache directory tag created by dropout-lint.
# For information about cache directory tags, see https://bford.info/cachedir/
"""
_IGNORE = "# Written by dropout-lint.\n*\n"


def read(path: Path) -> bytes | None:
    """The content of a cache file; None where there is none, or where it is none that we would have written."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    try:
        handle = os.open(path, flags)
    except (OSError, ValueError):
        return None
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode) or found.st_size > LARGEST:
            return None
        with open(handle, "rb", closefd=False) as stream:
            return stream.read(found.st_size)
    except (OSError, MemoryError):
        return None
    finally:
        os.close(handle)


def write(path: Path, data: bytes) -> str | None:
    """Replace the cache file at ``path``, two folders below which the cache begins; why not, where it cannot be."""
    if len(data) > LARGEST:
        return "it would be too large"
    try:
        _make(path.parent)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(data)
            Path(name).replace(path)
        except BaseException:
            with suppress(OSError):
                Path(name).unlink()
            raise
        _prune(path)
    except OSError as error:
        return error.strerror or str(error)
    return None


def _make(version: Path) -> None:
    """The cache's own folder and that of a version in it.

    Raises:
        OSError: They cannot be made, or lead elsewhere.
    """
    top = version.parent
    try:
        top.mkdir(parents=True)
    except FileExistsError:
        pass
    else:
        # not in a folder that was there before: it may hold what belongs to a repository
        (top / ".gitignore").write_text(_IGNORE, encoding="utf-8")
        (top / "CACHEDIR.TAG").write_text(_TAG, encoding="utf-8")
    version.mkdir(exist_ok=True)
    for folder in (top, version):
        if folder.is_symlink():
            raise OSError(f"{folder.name} is a symbolic link")


def _prune(written: Path) -> None:
    """Let the oldest files go, and what interrupted runs have left."""
    with os.scandir(written.parent) as entries:
        found = sorted((entry.stat(follow_symlinks=False).st_mtime_ns, entry.path) for entry in entries if _ours(entry))
    for _, name in found[: max(len(found) - MOST_FILES, 0)]:
        if name != str(written):
            with suppress(OSError):
                Path(name).unlink()


def _ours(entry: os.DirEntry[str]) -> bool:
    return entry.name.endswith((".json", ".tmp")) and entry.is_file(follow_symlinks=False)


def clean(top: Path) -> int:
    """Remove what `write` has put below ``top``, of all versions, and ``top`` itself if nothing else is in it.

    The number of files removed; 0 also where there is no cache.

    Raises:
        OSError: Something cannot be removed.
    """
    removed = 0
    if top.is_symlink() or not top.is_dir():
        return 0
    for version in sorted(top.iterdir()):
        if not version.name[:1].isdigit() or version.is_symlink() or not version.is_dir():
            continue
        with os.scandir(version) as entries:
            ours = [entry.path for entry in entries if _ours(entry)]
        for name in ours:
            Path(name).unlink()
        removed += len(ours)
        with suppress(OSError):
            version.rmdir()
    for name, text in ((".gitignore", _IGNORE), ("CACHEDIR.TAG", _TAG)):
        path = top / name
        if path.is_file() and path.read_bytes() == text.encode():
            path.unlink()
    with suppress(OSError):
        top.rmdir()
    return removed
