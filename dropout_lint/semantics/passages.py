"""The order of things with its structure: which moments belong to one call, one turn of a loop, one arm of a branch.

A flat list says what comes before what; it does not say that two moments never happen in the same execution, that a
`return` skips what stands below it, or that a function nobody calls is a story of its own. A passage does.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from dropout_lint.semantics.events import Constructed, HandedOver

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dropout_lint.semantics.events import Frame, Moment


@dataclass(slots=True, eq=False)
class Passage:
    """What happens in one stretch of execution, in order; one that is gone through again stands there again."""

    kind: str
    """``module``, ``function``, ``turn`` (of a loop), ``attempt`` (the body of a ``try``) or ``arm`` (of a branch)."""
    frame: Frame | None = None
    """The activation, for functions."""
    selects: frozenset[str] = frozenset()
    """For a turn of a loop over layers: the names it binds. A condition on them selects layers, not times."""
    entries: list[Entry] = field(default_factory=list)
    told: bool = False
    """Whether a moment is in it, at any depth."""


@dataclass(slots=True, eq=False)
class Fork:
    """Exactly one of its arms happens; ``words`` are the names that the condition reads."""

    words: frozenset[str]
    arms: tuple[Passage, Passage]
    sure: int | None = None
    """The arm that happens here: on the first turn of a loop that counts from 0, ``epoch == 17`` does not hold."""


@dataclass(frozen=True, slots=True, eq=False)
class Leave:
    """Control leaves: ``return`` its function, ``turn`` (break, continue) its turn of a loop, ``raise`` its ``try``."""

    kind: str


Entry: TypeAlias = "Moment | Constructed | HandedOver | Passage | Fork | Leave"
_ENDS = {"return": {"function", "module"}, "turn": {"turn"}, "raise": {"attempt"}}
"""The kinds of passages that each kind of leaving ends."""
Kept = TypeVar("Kept")


def left_by(leave: Leave, inside: Sequence[tuple[Passage, Kept]]) -> tuple[Passage, Kept] | None:
    """Of the passages that control is in, each with what is kept of it, the one that ends, if it is told."""
    for passage, kept in reversed(inside):
        if passage.kind in _ENDS[leave.kind]:
            return passage, kept
        if passage.kind == "function":
            break
    return None


class Course:
    """The passages of one interpretation while they are being gone through."""

    def __init__(self) -> None:
        self.main = Passage("module")
        self.imported: list[Passage] = []
        self._open = [self.main]

    @property
    def roots(self) -> tuple[Passage, ...]:
        """Bodies of imported modules, then that of the entry and whatever is interpreted because nobody calls it."""
        return (*self.imported, self.main)

    def add(self, entry: Entry) -> None:
        """Something happens now."""
        self._open[-1].entries.append(entry)
        if not isinstance(entry, Leave):
            self._open[-1].told = True

    @contextmanager
    def passage(
        self, kind: str, frame: Frame | None = None, selects: frozenset[str] = frozenset()
    ) -> Iterator[Passage]:
        """What happens inside belongs together; a passage in which nothing happens leaves no trace."""
        entered = Passage(kind, frame, selects)
        self._open.append(entered)
        try:
            yield entered
        finally:
            self._open.pop()
            # a function that only returns or raises does nothing to anybody
            leaves = kind in {"turn", "attempt"} and bool(entered.entries)
            if entered.told or leaves:
                self._open[-1].entries.append(entered)
                self._open[-1].told |= entered.told

    @contextmanager
    def arm(self) -> Iterator[Passage]:
        """One arm of a fork, which whoever holds both arms adds with :meth:`fork`."""
        entered = Passage("arm")
        self._open.append(entered)
        try:
            yield entered
        except BaseException:
            # the budget is spent: what was found so far stands
            self._open[-2].entries.extend(entered.entries)
            raise
        finally:
            self._open.pop()

    def fork(self, words: frozenset[str], one: Passage, two: Passage, sure: int | None = None) -> None:
        """Either ``one`` or ``two`` happened; ``sure`` is which, where that is known."""
        if one.entries or two.entries:
            self._open[-1].entries.append(Fork(words, (one, two), sure))
            self._open[-1].told |= one.told or two.told

    @contextmanager
    def importing(self) -> Iterator[None]:
        """The body of a module runs once, before whatever asks for it."""
        entered = Passage("module")
        self._open.append(entered)
        try:
            yield
        finally:
            self._open.pop()
            if entered.told:
                self.imported.append(entered)


_UNTOLD = frozenset({Leave, Constructed, HandedOver})
LONGEST_TIMELINE = 20_000
"""Moments after which calls that are known already are no longer told again."""


def flattened(roots: tuple[Passage, ...], longest: int) -> list[Moment]:
    """The moments in order, both arms of each fork; after ``longest`` of them no passage is told a second time."""
    told: list[Moment] = []
    seen: set[int] = set()
    waiting: list[Any] = list(reversed(roots))
    while waiting:
        entry = waiting.pop()
        kind = type(entry)
        if kind is Passage:
            if len(told) < longest or id(entry) not in seen:
                seen.add(id(entry))
                waiting.extend(reversed(entry.entries))
        elif kind is Fork:
            waiting.extend(reversed(entry.arms))
        elif kind not in _UNTOLD:
            told.append(entry)
    return told
