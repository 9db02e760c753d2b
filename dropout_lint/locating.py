"""Where the modules of a project lie: from import statements to files, by names alone.

A project of a thousand files names other modules some ten thousand times, and most of what it names lies elsewhere. So
paths are strings here, a folder is listed once, and a name whose first part is in no listing is not looked for.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from dropout_lint.files import is_regular
from dropout_lint.trail import FILE, NO_FILE, NOT_THERE, Trail

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    Looks = dict[str, str]
    """Paths, and what was seen of them; see `dropout_lint.trail`."""


PACKAGE = "__init__.py"
_SHORTEST_NAME = 4
"""Letters of a package's name that a folder's name has in common with it by more than chance."""


def import_name(path: Path) -> tuple[Path, str]:
    """The import root of a file and its dotted name below it, from the ``__init__.py`` files around it."""
    folder, name = path.parent, path.stem
    if path.name == PACKAGE:
        folder, name = folder.parent, folder.name
    root, packages = _climb(str(folder), lambda each: is_regular(Path(each)))
    return Path(root), ".".join((*reversed(packages), name))


def _climb(folder: str, is_file: Callable[[str], bool]) -> tuple[str, list[str]]:
    """The import root above a folder, and the names of the packages on the way to it, the innermost first."""
    packages: list[str] = []
    while True:
        above, name = os.path.split(folder)
        if not name.isidentifier() or not is_file(os.path.join(folder, PACKAGE)):
            return folder, packages
        packages.append(name)
        folder = above


def _are_alike(package: str, folder: str) -> bool:
    """Whether a folder may be a package under another name: ``CycleGAN`` cloned into ``cyclegan-tf2``."""
    one, other = ("".join(filter(str.isalnum, each)).lower() for each in (package, folder))
    return len(one) >= _SHORTEST_NAME and one in other


class Locator:
    """Finds modules below the import roots; nothing is read. ``trail`` is told what was looked for on whose behalf.

    What a folder holds is found out once: a file that comes or goes while files are checked counts in the next run.
    """

    def __init__(self, roots: Sequence[Path], trail: Trail) -> None:
        self._roots = tuple(str(root) for root in roots)
        self._trail = trail
        self._names: dict[str, frozenset[str] | None] = {}
        self._real: dict[str, str] = {}
        self._heads: dict[tuple[str, str], Looks | None] = {}
        self._modules: dict[tuple[str, str], tuple[Path | None, Looks]] = {}
        self._found: dict[tuple[str, str], tuple[Path | None, Looks]] = {}
        self._search: dict[str, tuple[str, ...]] = {}
        self._places: dict[tuple[str, str], tuple[tuple[tuple[Looks, str], ...], Looks]] = {}
        self._above: dict[tuple[str, int], tuple[str, frozenset[str] | None]] = {}
        self._starts: dict[Path, tuple[str, str]] = {}
        """The folder of a file, and its import root."""
        self._started: dict[str, tuple[str, Looks]] = {}
        self._gathered: Looks | None = None

    def find(self, importer: Path, dotted: str) -> Path | None:
        """The file of the module ``dotted`` as ``importer`` would see it, or None.

        A program in ``part/tools`` may be run from ``part``: between its own folder and the roots, the nearest counts.
        """
        if not dotted:
            return None
        start = self._starts.get(importer)
        if start is None:
            self.start(importer)
            start = self._starts[importer]
        slot = (start[0], dotted)
        known = self._found.get(slot)
        if known is None:
            known = self._found[slot] = self._search_for(importer, dotted)
        found, seen = known
        self._note(importer, seen)
        return found

    def led(self, follow: Iterable[Path]) -> tuple[tuple[Path, ...], Looks]:
        """What ``follow`` finds here on behalf of some file, and what is looked for to that end, which is not noted.

        Any other file of that file's folder would be led to the same.
        """
        seen: Looks = {}
        self._gathered = seen
        try:
            return tuple(follow), seen
        finally:
            self._gathered = None

    def _note(self, importer: Path, seen: Looks) -> None:
        if self._gathered is not None:
            self._gathered.update(seen)
        else:
            self._trail.look(importer, seen)

    def find_relative(self, importer: Path, level: int, dotted: str) -> Path | None:
        """The file that ``from ..dotted import`` names, by folders, so that it works without ``__init__.py`` too."""
        slot = (os.path.dirname(str(importer)), level)
        if slot not in self._above:
            self._above[slot] = self._climbed(*slot)
        folder, outside = self._above[slot]
        # whoever climbs out of the project names somebody else's files
        if outside is not None and self.start(importer) not in outside:
            return None
        found, seen = self._module(folder, dotted)
        self._note(importer, seen)
        return found

    def _climbed(self, parent: str, level: int) -> tuple[str, frozenset[str] | None]:
        """The folder that the dots of an import lead to; and those above it, unless a root is among them."""
        folder = parent
        for _ in range(level - 1):
            above = os.path.dirname(folder)
            if above == folder:
                return folder, frozenset()
            folder = above
        places = frozenset(map(str, (folder, *Path(folder).parents)))
        return folder, places if places.isdisjoint(self._roots) else None

    def find_names(self, importer: Path, level: int, base: str, names: Iterable[str]) -> Iterator[Path]:
        """The files of ``from base import names``: of the module itself, and of those names that are modules, too.

        A module has no modules in it, and a package has them in its own folder; a folder without an ``__init__.py``
        may be continued elsewhere.
        """
        found = self.find_relative(importer, level, base) if level else self.find(importer, base)
        if found is not None:
            yield found
            if found.name != PACKAGE:
                return
        for name in names:
            if found is not None:
                inner, seen = self._module(str(found.parent), name)
                self._note(importer, seen)
            else:
                dotted = f"{base}.{name}" if base else name
                inner = self.find_relative(importer, level, dotted) if level else self.find(importer, dotted)
            if inner is not None:
                yield inner

    def start(self, path: Path) -> str:
        """The import root of a file; what tells it is noted once, for all that is asked of the file."""
        if path not in self._starts:
            parent = os.path.dirname(str(path))
            if parent not in self._started:
                self._started[parent] = self._start(parent)
            root, seen = self._started[parent]
            self._starts[path] = (parent, root)
            self._trail.look(path, seen)
        return self._starts[path][1]

    def _start(self, parent: str) -> tuple[str, Looks]:
        root, packages = _climb(parent, self._is_file)
        seen: Looks = {}
        folder = parent
        for _ in packages:
            seen[os.path.join(folder, PACKAGE)] = FILE
            folder = os.path.dirname(folder)
        if os.path.basename(root).isidentifier():
            seen[os.path.join(root, PACKAGE)] = NO_FILE
        return root, seen

    def _folders_of(self, importer: Path) -> tuple[str, ...]:
        """Where the modules that a file names are looked for, the nearest folder first."""
        parent, start = self._starts[importer]
        if parent not in self._search:
            parents = [str(each) for each in importer.parent.parents]
            root = next((each for each in self._roots if each in parents), None)
            between = parents[: parents.index(root)] if root is not None else ()
            self._search[parent] = tuple(dict.fromkeys((parent, start, *between, *self._roots)))
        return self._search[parent]

    def _search_for(self, importer: Path, dotted: str) -> tuple[Path | None, Looks]:
        where, lacking = self._folders_with(importer, dotted.partition(".")[0])
        if not where:
            return self._below_another_name(dotted, lacking)
        seen: Looks = {}
        for looks, folder in where:
            found, looked = self._module(folder, dotted)
            seen.update(looks)
            seen.update(looked)
            if found is not None:
                return found, seen
        seen.update(lacking)
        return None, seen

    def _below_another_name(self, dotted: str, lacking: Looks) -> tuple[Path | None, Looks]:
        """A module of the package that the project's folder itself is, which was called otherwise where it was written.

        Whoever clones a repository decides what its folder is called. Such a package has a similar name, or holds more
        than one folder that is called as in the import; a single file may be called like any module of a library.
        """
        head, _, rest = dotted.partition(".")
        seen = dict(lacking)
        for root in self._roots if rest else ():
            if "." in rest or _are_alike(head, os.path.basename(root)):
                found, looked = self._module(root, rest)
                seen.update(looked)
                if found is not None:
                    return found, seen
        return None, seen

    def _folders_with(self, importer: Path, head: str) -> tuple[tuple[tuple[Looks, str], ...], Looks]:
        """Those of `_folders_of` in which a module may begin with this name, each with what tells of the folders before
        it that none does, and what tells so of those behind the last one.
        """
        slot = (self._starts[importer][0], head)
        if slot not in self._places:
            where: list[tuple[Looks, str]] = []
            lacking: Looks = {}
            for folder in self._folders_of(importer):
                missing = self._lacks(folder, head)
                if missing is not None:
                    lacking.update(missing)
                else:
                    where.append((lacking, folder))
                    lacking = {}
            self._places[slot] = (tuple(where), lacking)
        return self._places[slot]

    def _module(self, folder: str, dotted: str) -> tuple[Path | None, Looks]:
        """The file of a module below ``folder``; without a name, of the package that the folder is."""
        slot = (folder, dotted)
        if slot not in self._modules:
            head, _, rest = dotted.partition(".")
            missing = self._lacks(folder, head) if dotted else None
            self._modules[slot] = (None, missing) if missing is not None else self._look(folder, head, rest)
        return self._modules[slot]

    def _lacks(self, folder: str, head: str) -> Looks | None:
        """What tells that no module below ``folder`` begins with this name; None where one may."""
        slot = (folder, head)
        if slot not in self._heads:
            names = self._listed(folder)
            base = os.path.join(folder, head)
            may = names is None or head in names or f"{head}.py" in names
            self._heads[slot] = None if may else {base: NOT_THERE, f"{base}.py": NO_FILE}
        return self._heads[slot]

    def _look(self, folder: str, head: str, rest: str) -> tuple[Path | None, Looks]:
        base = os.path.join(folder, head, *rest.split(".")) if rest else os.path.join(folder, head) if head else folder
        seen: Looks = {}
        for candidate in (os.path.join(base, PACKAGE), f"{base}.py")[: 2 if head else 1]:
            if self._is_file(candidate) and self._is_inside(candidate, folder):
                seen[candidate] = FILE
                return Path(candidate), seen
            seen[candidate] = NO_FILE
        return None, seen

    def _listed(self, folder: str) -> frozenset[str] | None:
        """The names in a folder; None where nobody may list them."""
        if folder not in self._names:
            try:
                self._names[folder] = frozenset(os.listdir(folder))
            except (FileNotFoundError, NotADirectoryError):
                self._names[folder] = frozenset()
            except OSError:
                self._names[folder] = None
        return self._names[folder]

    def _is_file(self, path: str) -> bool:
        folder, name = os.path.split(path)
        names = self._listed(folder)
        if names is not None and name not in names:
            return False
        try:
            return stat.S_ISREG(os.stat(path).st_mode)
        except (OSError, ValueError):
            # a name too long, a folder that may not be entered, a link that leads to itself
            return False

    def _is_inside(self, path: str, folder: str) -> bool:
        """Whether a file lies below the folder or a root, wherever links on the way lead."""
        parent, name = os.path.split(path)
        real = os.path.realpath(path) if os.path.islink(path) else os.path.join(self._real_of(parent), name)
        inside = (os.path.join(self._real_of(each), "") for each in (folder, *self._roots))
        return any(real.startswith(each) for each in inside)

    def _real_of(self, folder: str) -> str:
        if folder not in self._real:
            self._real[folder] = os.path.realpath(folder)
        return self._real[folder]


__all__ = ["PACKAGE", "Locator", "import_name"]
