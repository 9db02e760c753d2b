"""The trees that are kept, by whatever project they are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import libcst as cst

Parsed: TypeAlias = "tuple[str, cst.Module] | None"
"""Text and tree of a file, None where there are none to be had."""

MOST_KEPT = 5_000_000
"""Characters of source whose trees are kept; they are some 60 times as large, where lines are very short 500 times."""


class Shelf:
    """What all projects of a process keep of what they have parsed: a run may go over hundreds of them."""

    def __init__(self) -> None:
        self._parsed: dict[tuple[object, Path], Parsed] = {}
        """By project and file; those asked for last stand at the end."""
        self._kept = 0

    def take(self, project: object, path: Path, load: Callable[[Path], Parsed]) -> Parsed:
        """What is kept of a file, or else what ``load`` gives, which is kept from now on."""
        if (project, path) in self._parsed:
            found = self._parsed[project, path] = self._parsed.pop((project, path))
        else:
            found = load(path)
            self.put(project, path, found)
        return found

    def put(self, project: object, path: Path, parsed: Parsed) -> None:
        """Keep this, and let go what was not asked for longest where that is too much."""
        self.forget(project, path)
        self._parsed[project, path] = parsed
        self._kept += 0 if parsed is None else len(parsed[0])
        while self._kept > MOST_KEPT:
            self.forget(*next(slot for slot, each in self._parsed.items() if each is not None))

    def forget(self, project: object, path: Path) -> None:
        """Let the tree of a file go; it is parsed again if somebody asks."""
        parsed = self._parsed.pop((project, path), None)
        if parsed is not None:
            self._kept -= len(parsed[0])
