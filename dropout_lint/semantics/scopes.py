"""Names and the journal of writes that lets branches be tried and joined."""

from __future__ import annotations

from contextlib import contextmanager
from operator import is_
from typing import TYPE_CHECKING, Any

from dropout_lint.semantics.joining import MOST_ALTERNATIVES, join
from dropout_lint.semantics.values import ClassValue, Value, alternatives

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_MISSING = object()


class Deferred:
    """A name whose value is looked up when it is first read: what a project module exports."""

    __slots__ = ("_resolve", "_value")

    def __init__(self, resolve: Callable[[], Value]) -> None:
        self._resolve = resolve
        self._value: Value | None = None

    def resolve(self) -> Value:
        """The value; the same for all the names that stand for it."""
        if self._value is not None:
            return self._value
        value = self._resolve()
        if isinstance(value, ClassValue):
            self._value = value  # what modules that import each other read of one another may get better
        return value


class Scope:
    """The names of a module, class body or function, and the scope around it."""

    __slots__ = ("frame", "globals", "kind", "names", "nonlocals", "parent")

    def __init__(self, kind: str, parent: Scope | None = None) -> None:
        self.kind = kind
        self.parent = parent
        self.frame: Any = None
        """The activation whose names these are, for functions."""
        self.names: dict[str, Any] = {}
        self.globals: set[str] = set()
        self.nonlocals: set[str] = set()

    def find(self, name: str) -> Value | None:
        """The value bound to ``name`` here or in an enclosing scope (class bodies are not enclosing)."""
        scope: Scope | None = self
        first = True
        while scope is not None:
            if (first or scope.kind != "class") and name in scope.names and name not in scope.globals:
                return scope.read(name)
            first = False
            scope = scope.parent
        return None

    def read(self, name: str) -> Value | None:
        """The value bound to ``name`` in this very scope."""
        value = self.names.get(name)
        if isinstance(value, Deferred):
            # not journaled: it is the same value whichever branch reads it first;
            # unbound meanwhile, since modules that import each other may come back for it
            del self.names[name]
            value = value.resolve()
            if name not in self.names:
                self.names[name] = value
        return value

    def module_scope(self) -> Scope:
        """The outermost scope."""
        scope = self
        while scope.parent is not None:
            scope = scope.parent
        return scope

    def target(self, name: str) -> Scope:
        """The scope an assignment to ``name`` binds in."""
        if name in self.globals:
            return self.module_scope()
        if name in self.nonlocals:
            scope = self.parent
            while scope is not None:
                if name in scope.names:
                    return scope
                scope = scope.parent
        return self


class Writes:
    """The net effect of one branch."""

    __slots__ = ("cells",)

    def __init__(self) -> None:
        self.cells: dict[tuple[int, Any], tuple[dict[Any, Any], Any, Any]] = {}


class Store:
    """Every write of the interpretation goes through here, so that it can be undone and joined with another.

    Cells live in plain dicts (names of a scope, attributes of an object, items of a container); the journal is only
    kept while a branch is being tried. What a branch makes is there on no other: its cells are not undone, so that
    an object is whole for whoever gets it from a branch that returns it.
    """

    def __init__(self) -> None:
        self._journal: list[tuple[dict[Any, Any], Any, Any]] = []
        self._depth = 0
        self._made: list[dict[int, dict[Any, Any]]] = []
        """For each branch that is tried: the cells of what was made in it, by id."""

    def made(self, *cells: dict[Any, Any]) -> None:
        """Something new has these cells."""
        if self._depth:
            self._made[-1].update((id(each), each) for each in cells)

    def write(self, cells: dict[Any, Any], key: Any, value: Any) -> None:
        """Set one cell."""
        if self._depth and id(cells) not in self._made[-1]:
            self._journal.append((cells, key, cells.get(key, _MISSING)))
        cells[key] = value

    @contextmanager
    def unjournaled(self) -> Iterator[None]:
        """Run something that no branch may undo: the body of a module, which runs once."""
        depth, self._depth = self._depth, 0
        try:
            yield
        finally:
            self._depth = depth

    def begin(self) -> int:
        """Start a branch; give the mark to :meth:`end`."""
        self._depth += 1
        self._made.append({})
        return len(self._journal)

    def end(self, mark: int) -> Writes:
        """Undo everything since ``mark`` and return its net effect."""
        writes = Writes()
        journal = self._journal
        for cells, key, _ in journal[mark:]:
            slot = (id(cells), key)
            if slot not in writes.cells:
                writes.cells[slot] = (cells, key, cells.get(key, _MISSING))
        while len(journal) > mark:
            cells, key, before = journal.pop()
            if before is _MISSING:
                cells.pop(key, None)
            else:
                cells[key] = before
        self._depth -= 1
        made = self._made.pop()
        if self._depth:
            self._made[-1].update(made)
        return writes

    def apply(self, writes: Writes) -> None:
        """Make the effect of a branch the present state."""
        for cells, key, value in writes.cells.values():
            if value is not _MISSING:
                self.write(cells, key, value)

    def merge(self, first: Writes, second: Writes) -> None:
        """Make the present state one in which either branch may have happened."""
        for slot in {**first.cells, **second.cells}:
            cells, key, _ = first.cells.get(slot) or second.cells[slot]
            before = cells.get(key, _MISSING)
            one = first.cells[slot][2] if slot in first.cells else before
            two = second.cells[slot][2] if slot in second.cells else before
            merged = merge_cells(one, two)
            if merged is not _MISSING:
                self.write(cells, key, merged)


def merge_cells(one: Any, two: Any) -> Any:
    """Join two contents of a cell; bookkeeping cells (tuples of items, flags) join their own way."""
    if one is _MISSING:
        return two
    if two is _MISSING or one is two or isinstance(one, Deferred):
        return one
    if isinstance(two, Deferred):
        return two
    if isinstance(one, tuple) and isinstance(two, tuple):
        longer, shorter = (one, two) if len(one) >= len(two) else (two, one)
        return longer + tuple(each for each in shorter if not any(each is other for other in longer))
    if isinstance(one, bool) or isinstance(two, bool):
        return bool(one) and bool(two)
    if isinstance(one, (int, str)) or isinstance(two, (int, str)):
        return one
    return one if _are_same(one, two) else join((one, two))


def _are_same(one: Value, two: Value) -> bool:
    """Whether two values are the same ones of several: what is joined once may be joined again with every branch."""
    first, second = alternatives(one), alternatives(two)
    return len(first) == len(second) <= MOST_ALTERNATIVES and all(map(is_, first, second))
