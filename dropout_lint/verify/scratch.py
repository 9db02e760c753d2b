"""A copy of the working directory for the program to write into.

Small files are copied, everything else is linked: what a program overwrites by a relative name is the copy. It
protects from accidents only; what a program writes under an absolute path is its own affair.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

LARGEST_FILE = 1 << 20
LARGEST_COPY = 100 << 20
MOST_ENTRIES = 20_000

# Never written by a program under test, and large: linked as a whole.
LINKED = frozenset({".git", ".hg", ".svn", "node_modules", ".venv", "venv", ".mypy_cache", ".ruff_cache"})


def copy_folder(source: Path, target: Path) -> None:
    """Copy ``source`` to ``target``, which must not exist: files up to 1 MiB each and 100 MiB in all, others linked."""
    target.mkdir(parents=True)
    copied = entries = 0
    pending = [(source, target)]
    while pending:
        folder, place = pending.pop()
        try:
            found = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError:
            continue
        for entry in found:
            entries += 1
            copy = place / entry.name
            if entry.is_symlink() or entries > MOST_ENTRIES or entry.name in LINKED:
                _link(entry, copy)
            elif entry.is_dir():
                if target.is_relative_to(entry.path) or _is_environment(entry):
                    _link(entry, copy)
                else:
                    copy.mkdir()
                    pending.append((Path(entry.path), copy))
            elif entry.is_file():
                size = _size(entry)
                if size is None:
                    continue
                if size <= LARGEST_FILE and copied + size <= LARGEST_COPY:
                    copied += _copy(entry, copy, size)
                else:
                    _link(entry, copy)


def _is_environment(entry: os.DirEntry[str]) -> bool:
    return Path(entry.path, "pyvenv.cfg").exists()


def _size(entry: os.DirEntry[str]) -> int | None:
    try:
        return entry.stat().st_size
    except OSError:  # removed in the meantime, as in a folder others write to
        return None


def _copy(entry: os.DirEntry[str], copy: Path, size: int) -> int:
    try:
        shutil.copy2(entry.path, copy)
    except OSError:  # unreadable, or gone
        return 0
    return size


def _link(entry: os.DirEntry[str], copy: Path) -> None:
    copy.symlink_to(Path(entry.path).absolute())
