"""What there is to do, in the order in which several that work at it are best handed it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import takewhile
from typing import Generic, TypeVar

__all__ = ["Item", "Queue", "Task"]

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Task(Generic[Item]):
    """One item, and where it belongs."""

    item: Item
    size: int
    """In proportion to the time it takes."""
    group: tuple[str, ...]
    """Those of a group share some of their work, and less of it with groups that begin alike."""


class Queue(Generic[Item]):
    """Tasks, handed out group by group and large before small, so that nobody is left with a large one at the end.

    Neighbours among the groups go to the same worker, which has what they share.
    """

    def __init__(self, tasks: Sequence[Task[Item]] = (), *places: int) -> None:
        self.tasks = list(tasks)
        self.work = 0
        """Size of all tasks, those that are done included."""
        self._waiting: dict[tuple[str, ...], list[tuple[int, int]]] = {}
        """A heap for each group: the negative size and the place of each of its tasks."""
        self._sizes: dict[tuple[str, ...], int] = {}
        self._begun: dict[int, tuple[str, ...]] = {}
        """The group that each worker is on."""
        for place in places:
            self._wait(place)

    def add(self, task: Task[Item]) -> None:
        """One more task."""
        self.tasks.append(task)
        self.work += task.size
        self._wait(len(self.tasks) - 1)

    def _wait(self, place: int) -> None:
        task = self.tasks[place]
        heappush(self._waiting.setdefault(task.group, []), (-task.size, place))
        self._sizes[task.group] = self._sizes.get(task.group, 0) + task.size

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def take(self, worker: int) -> int | None:
        """The next task for a worker: of the group it has begun, of another one, or of what another has begun."""
        group = self._begun.get(worker, ())
        if group not in self._waiting:
            if not self._waiting:
                return None
            group = self._begun[worker] = self._next(group, {each for each in self._begun.values() if each != group})
        size, place = heappop(self._waiting[group])
        self._sizes[group] += size
        if not self._waiting[group]:
            del self._waiting[group], self._sizes[group]
        return place

    def _next(self, last: tuple[str, ...], others: set[tuple[str, ...]]) -> tuple[str, ...]:
        """The largest group, of those first that nobody is on, and that share no more with what others are on."""

        def rank(group: tuple[str, ...]) -> tuple[bool, bool, int, tuple[str, ...]]:
            shared = _alike(group, last)
            ours = all(_alike(group, each) <= shared for each in others)
            return group not in others, ours, self._sizes[group], group

        return max(self._waiting, key=rank)


def _alike(one: tuple[str, ...], other: tuple[str, ...]) -> int:
    """How much two groups begin alike."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
