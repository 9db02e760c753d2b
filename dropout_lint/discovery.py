"""Paths to files: what a folder holds, less what exclude and .gitignore leave out.

Files that are named are taken as they are, unless ``force-exclude`` is on; folders are searched for Python files and
saved models.
Symbolic links to folders are not followed, as in git, so that no loop can arise, and links to files only where they
stay in the folder or the project; what is named may be any link.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING

from dropout_lint.files import LARGEST_TEXT, is_inside, is_regular, read_regular
from dropout_lint.settings import normal, shown, told

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pathspec import GitIgnoreSpec

    from dropout_lint.settings import Resolver, Settings

SUFFIXES = (".py", ".pyi", ".ipynb")
ARCHIVES = (".keras",)
_CHECKED = (*SUFFIXES, *ARCHIVES)

_UNSUPPORTED = {
    ".h5": "saved models are only read as .keras archives",
}


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """Why something that was asked for could not be done. Any problem makes the exit status 2."""

    path: str
    message: str


@dataclass(frozen=True, slots=True)
class Found:
    """The files to check, sorted and each once, and what was wrong with the paths."""

    files: tuple[Path, ...]
    problems: tuple[Problem, ...]
    places: tuple[str, ...] = ()
    """The absolute paths of the files, in their order; see `dropout_lint.settings.normal`."""


def discover(paths: Iterable[Path], resolver: Resolver) -> Found:
    """The Python files that ``paths`` name or hold, written as the given paths are."""
    files: dict[str, Path] = {}
    problems: list[Problem] = []
    paths = tuple(paths)
    for path in paths:
        if path.is_dir():
            resolver.name(normal(path))
    for path in paths:
        resolver.seen[str(normal(path))] = True
        found = list(_under(path, resolver)) if path.is_dir() else [_named(path, resolver)]
        for item in found:
            if isinstance(item, Problem):
                problems.append(item)
            elif item is not None:
                files.setdefault(*item)
    here = os.getcwd()
    ordered = sorted(files.items(), key=lambda item: told(item[0], here))
    places, named = tuple(place for place, _ in ordered), tuple(path for _, path in ordered)
    return Found(named, tuple(sorted(set(problems))), places)


def excluded(path: Path, settings: Settings) -> bool:
    """Whether ``exclude`` or ``extend-exclude`` leave out the file ``path``, itself or with a folder above it."""
    return _spec(_patterns(settings)).match_file(_relative(normal(path), settings.root))


def matching(path: Path, pattern: str, root: Path) -> bool:
    """Whether the gitignore-style ``pattern``, relative to ``root``, matches the file ``path``."""
    return _spec((pattern,)).match_file(_relative(normal(path), root))


def unsupported(path: Path) -> str | None:
    """Why the file ``path`` is of no kind that can be checked, by its name, or None."""
    suffix = path.suffix.lower()
    if suffix in _UNSUPPORTED:
        return _UNSUPPORTED[suffix]
    if suffix in (*SUFFIXES, *ARCHIVES, ".pyw", ""):
        return None
    return "is not a Python file"


def _named(path: Path, resolver: Resolver) -> _File | Problem | None:
    """A path from the command line that is no folder: the file, what is wrong with it, or None if excluded."""
    try:
        path.stat()
    except FileNotFoundError:
        return Problem(shown(path), "no such file or folder")
    except OSError as error:
        return Problem(shown(path), f"cannot be read: {error.strerror or error}")
    except ValueError:
        return Problem(shown(path), "cannot be the name of a file")
    settings = resolver.of(path.absolute().parent)
    if settings.force_exclude and excluded(path, settings):
        return None
    if not path.is_file():
        return Problem(shown(path), "is neither a file nor a folder")
    reason = unsupported(path)
    return Problem(shown(path), reason) if reason else (str(normal(path)), path)


_File = tuple[str, Path]
"""A file's absolute path, and the path as it is told."""


def _under(folder: Path, resolver: Resolver) -> Iterator[_File | Problem]:
    """The Python files in ``folder`` and below, and the folders that cannot be read."""
    top = normal(folder)
    settings = resolver.of(top)
    if settings.force_exclude and excluded(top / "_", settings):
        return
    root = settings.root
    stack = [(folder, top, _gitignores_above(top, resolver.seen) if settings.respect_gitignore else ())]
    exclusions: dict[Settings, _Exclusion] = {}
    while stack:
        place, absolute, ignores = stack.pop()
        settings = resolver.of(absolute)
        resolver.seen[str(absolute)] = True
        if settings not in exclusions:
            exclusions[settings] = _exclusion(settings, top)
        names, patterns = exclusions[settings]
        if settings.respect_gitignore:
            ignores = (*ignores, *_gitignore_in(absolute, resolver.seen))
        try:
            with os.scandir(place) as entries:
                listed = sorted(entries, key=_name_of)
        except OSError as error:
            yield Problem(shown(place), f"cannot be read: {error.strerror or error}")
            continue
        inside = os.path.join(absolute, "")
        for entry in listed:
            name = entry.name
            is_folder = entry.is_dir(follow_symlinks=False)
            # as strings: this is done for every file there is
            below = inside + name
            if not is_folder:
                if not name.endswith(_CHECKED):
                    continue
                if not _is_file(entry, (top, root)):
                    # a link that leads nowhere may lead somewhere one day
                    resolver.seen[below] = Path(entry.path).exists()
                    continue
            if name in names:
                continue
            if patterns is not None and patterns.match_file(_below(below, settings.root) + "/" * is_folder):
                continue
            if settings.respect_gitignore and ignores and _ignored(below, ignores, is_folder=is_folder):
                continue
            if is_folder:
                stack.append((place / name, absolute / name, ignores))
            else:
                yield below, place / name


_name_of = attrgetter("name")


_Exclusion = tuple[frozenset[str], "GitIgnoreSpec | None"]
"""Names that are left out wherever they stand, and the patterns that say more."""


def _exclusion(settings: Settings, top: Path) -> _Exclusion:
    """What is left out below the folder ``top`` that was asked for: what excludes itself does not exclude its content.

    Of a pattern that is a name, only what is called so needs to be looked at: what lies below is never reached.
    """
    inside = _relative(top / "_", settings.root)
    patterns = tuple(p for p in _patterns(settings) if not _excludes(p, inside))
    if any(pattern.startswith("!") for pattern in patterns):
        return frozenset(), _spec(patterns)
    others = tuple(pattern for pattern in patterns if not _NAME.fullmatch(pattern))
    return frozenset(patterns) - frozenset(others), _spec(others) if others else None


def _excludes(pattern: str, inside: str) -> bool:
    return pattern in inside.split("/") if _NAME.fullmatch(pattern) else _spec((pattern,)).match_file(inside)


_NAME = re.compile(r"[A-Za-z0-9_.-]+")


def _is_file(entry: os.DirEntry[str], inside: tuple[Path, ...]) -> bool:
    """Whether it is a regular file, or a link to one that lies in a folder of ``inside``."""
    if entry.is_symlink():
        path = Path(entry.path)
        return is_regular(path) and is_inside(path, inside)
    return entry.is_file(follow_symlinks=False)


@dataclass(frozen=True, slots=True)
class _Ignore:
    """The patterns of one .gitignore, and the folder they are relative to."""

    folder: Path
    spec: GitIgnoreSpec


def _ignored(path: str, ignores: tuple[_Ignore, ...], *, is_folder: bool) -> bool:
    # The nearest .gitignore that says anything decides; `include` is None where it says nothing.
    for ignore in reversed(ignores):
        verdict = ignore.spec.check_file(_below(path, ignore.folder) + "/" * is_folder).include
        if verdict is not None:
            return verdict
    return False


def _gitignores_above(folder: Path, seen: dict[str, bool]) -> tuple[_Ignore, ...]:
    """The .gitignore files between the repository's root and ``folder``, without its own; none outside a repository."""
    above: list[_Ignore] = []
    for ancestor in (folder, *folder.parents):
        if ancestor != folder:
            above[:0] = _gitignore_in(ancestor, seen)
        seen[str(ancestor / ".git")] = (ancestor / ".git").exists()
        if seen[str(ancestor / ".git")]:
            return (*_gitignore_in(ancestor, seen, Path(".git", "info", "exclude")), *above)
    return ()


def _gitignore_in(folder: Path, seen: dict[str, bool], name: Path = Path(".gitignore")) -> tuple[_Ignore, ...]:
    file = os.path.join(folder, name)
    seen[file] = True
    try:
        lines = read_regular(file, LARGEST_TEXT).decode("utf-8", "replace").splitlines()
    except OSError:
        seen[file] = os.path.exists(file)
        return ()
    spec = _spec(tuple(lines), lenient=True)
    return (_Ignore(folder, spec),)


def _patterns(settings: Settings) -> tuple[str, ...]:
    return settings.exclude + settings.extend_exclude


@lru_cache(maxsize=1024)
def _spec(patterns: tuple[str, ...], *, lenient: bool = False) -> GitIgnoreSpec:
    from dropout_lint.patterns import compiled

    try:
        return compiled(patterns)
    except ValueError:
        if not lenient:
            raise
    # git passes over a line it cannot read.
    return compiled([pattern for pattern in patterns if _readable(pattern)])


def _readable(pattern: str) -> bool:
    from dropout_lint.patterns import compiled

    try:
        compiled([pattern])
    except ValueError:
        return False
    return True


def _below(path: str, root: Path) -> str:
    """`_relative` of an absolute path: without pathlib, which takes ten times as long, where it lies below."""
    above = os.path.join(root, "")
    if not path.startswith(above):
        return _relative(Path(path), root)
    return path[len(above) :] if os.sep == "/" else Path(path[len(above) :]).as_posix()


def _relative(path: Path, root: Path) -> str:
    """``path`` relative to ``root``; whole, without its anchor, if it does not lie below."""
    try:
        return path.relative_to(root).as_posix()
    except ValueError:
        return path.relative_to(path.anchor).as_posix()


def is_archive(path: Path) -> bool:
    """Whether a file is a saved model, by its name."""
    return path.suffix.lower() in ARCHIVES
