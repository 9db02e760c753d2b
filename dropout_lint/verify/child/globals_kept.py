"""What the program's own modules hold in plain Python, put back after an experiment: counters, lists of results.

``call`` runs again in every arm, and what it counts or appends would stand there twice. Only what is plain and small is
kept: numbers and texts bound to names of a module, and the items of its lists, dictionaries and sets.
"""

from __future__ import annotations

import sys
from typing import Any

from .modes import is_user_file

PLAIN = (int, float, complex, bool, str, bytes, type(None))
CONTAINERS = (list, dict, set)
MOST_ITEMS = 10_000


class Globals:
    """The plain values in the user's modules at one moment."""

    def __init__(self, project: tuple[str, ...]) -> None:
        self._names: list[tuple[dict[str, Any], str, Any]] = []
        self._items: list[tuple[Any, Any]] = []
        for module in list(sys.modules.values()):
            path = getattr(module, "__file__", None)
            if isinstance(path, str) and is_user_file(path, project):
                self._keep(vars(module))

    def _keep(self, names: dict[str, Any]) -> None:
        for name, value in names.items():
            if name.startswith("__"):
                continue
            if type(value) in PLAIN:
                self._names.append((names, name, value))
            elif type(value) in CONTAINERS and len(value) <= MOST_ITEMS:
                self._items.append((value, value.copy()))

    def restore(self) -> None:
        """Put back what has changed."""
        for names, name, value in self._names:
            if names.get(name) is not value:
                names[name] = value
        for container, items in self._items:
            # Not compared: their items may be tensors, which have no truth.
            container.clear()
            (container.extend if isinstance(container, list) else container.update)(items)
