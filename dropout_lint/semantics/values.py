"""The abstract values a program computes with.

A value is either known in a way that matters for Keras modes (a constant, a layer, a symbolic tensor, a function, a
container) or opaque. Opaque values carry *tags*: which mode events they were computed from, which loops they vary
with, which data they are. Tags are what lets a rule ask "does this output reach a metric, or a gradient?".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import libcst as cst

    from dropout_lint.semantics.modules import Module
    from dropout_lint.semantics.scopes import Scope

Tag = tuple[Any, ...]
Tags = frozenset[Tag]
NO_TAGS: Tags = frozenset()

VARIABLES = frozenset({"tensorflow.Variable", "keras.Variable"})
"""Whose objects are told apart by their tag: a gradient with respect to one is of weights, or of an input."""

MOST_ITEMS = 64
MOST_ANCESTORS = 40
"""Classes of a project from which one class is known to inherit."""


@dataclass(frozen=True, slots=True, eq=False)
class Origin:
    """Where a constant is written."""

    module: Module
    node: cst.CSTNode


@dataclass(frozen=True, slots=True, eq=False)
class Opaque:
    """A value of which only the tags are known; ``key`` identifies it as a place (a parameter, an attribute of one)."""

    tags: Tags = NO_TAGS
    key: tuple[Any, ...] | None = None
    """``("parameter", id of the function, name, attribute, …)`` or None."""


UNKNOWN = Opaque()


@dataclass(frozen=True, slots=True, eq=False)
class Const:
    """A Python constant, with the place where it is written."""

    value: Any
    origin: Origin | None = None


NONE = Const(None)


@dataclass(frozen=True, slots=True, eq=False)
class External:
    """Something outside the project under its canonical dotted name: ``numpy.argmax``, ``keras.layers.Dropout``."""

    name: str
    generation: str | None = None
    """"2" or "3" where the import says which Keras it is."""

    @property
    def is_keras(self) -> bool:
        """Whether the name is Keras's own."""
        return self.name.startswith("keras.") or self.name == "keras"


@dataclass(frozen=True, slots=True, eq=False)
class Symbolic:
    """A symbolic tensor: an ``Input``, or what layers made of one; ``layers`` are those on the way."""

    layers: tuple[Value, ...] = ()
    tags: Tags = NO_TAGS


class Instance:
    """An object allocated at one site: a layer, a model, an object of a project class."""

    __slots__ = (
        "activation",
        "arguments",
        "attributes",
        "cls",
        "content",
        "found_in",
        "generation",
        "loops",
        "made_in",
        "module",
        "node",
        "repeated",
        "serial",
    )

    def __init__(
        self, serial: int, cls: ClassValue | str, module: Module, node: cst.CSTNode, loops: tuple[int, ...] = ()
    ) -> None:
        self.serial = serial
        self.cls = cls
        self.module = module
        self.node = node
        self.loops = loops
        self.generation: str | None = None
        self.made_in: int | None = None
        self.found_in: tuple[Any, ...] | None = None
        """The key of the unknown value that a test says it is; None where the program makes it."""
        self.activation: Any = None
        self.repeated = False
        """Whether it stands for several objects: those that one call path makes each time it is walked."""
        self.attributes: dict[str, Value] = {}
        self.arguments: dict[str, Value] = {}
        self.content: Any = None
        """What a call of it runs, once somebody has asked, when all is made; see `models.content`."""

    @property
    def keras_name(self) -> str | None:
        """The canonical name of the (nearest) Keras class, if it has one."""
        if isinstance(self.cls, str):
            return self.cls if self.cls.startswith("keras.") else None
        return self.cls.keras_base

    @property
    def class_name(self) -> str:
        """The name a reader knows the class by."""
        return self.cls.rpartition(".")[2] if isinstance(self.cls, str) else self.cls.name


class Items:
    """A list, tuple or set; ``cells["items"]`` holds the known elements, ``cells["exact"]`` whether they are all.

    Of a list in no known order, ``cells["first"]`` is what comes first nevertheless.
    """

    __slots__ = ("cells", "kind", "loops", "serial")

    def __init__(
        self, serial: int, kind: str, items: tuple[Value, ...], exact: bool = True, loops: tuple[int, ...] = ()
    ) -> None:
        self.serial = serial
        self.kind = kind
        self.loops = loops
        self.cells: dict[str, Any] = {"items": items[:MOST_ITEMS], "exact": exact and len(items) <= MOST_ITEMS}

    @property
    def items(self) -> tuple[Value, ...]:
        """The known elements."""
        return self.cells["items"]  # type: ignore[no-any-return]

    @property
    def exact(self) -> bool:
        """Whether ``items`` are all the elements, in order."""
        return bool(self.cells["exact"])


class Mapping:
    """A dict with known constant keys; under the key None: the values of unknown keys."""

    __slots__ = ("entries", "loops", "serial")

    def __init__(self, serial: int, entries: dict[Any, Value] | None = None, loops: tuple[int, ...] = ()) -> None:
        self.serial = serial
        self.loops = loops
        self.entries: dict[Any, Value] = dict(entries or {})

    @property
    def exact(self) -> bool:
        """Whether all keys are known."""
        return None not in self.entries


@dataclass(frozen=True, slots=True, eq=False)
class FunctionValue:
    """A function or lambda of the project with the scope it closes over."""

    node: cst.FunctionDef | cst.Lambda
    module: Module
    scope: Scope
    name: str
    owner: ClassValue | None = None
    decorators: tuple[Value, ...] = ()
    inner: FunctionValue | None = None
    """What a decorator of the project replaced by this function."""
    guards: tuple[frozenset[str], ...] = ()
    """The conditions under which it is defined."""


class ClassValue:
    """A class of the project."""

    __slots__ = (
        "_ancestry",
        "_external",
        "attributes",
        "bases",
        "decorators",
        "module",
        "name",
        "node",
        "own_mode",
        "scope",
    )

    def __init__(self, node: cst.ClassDef, module: Module, scope: Scope, bases: tuple[Value, ...]) -> None:
        self.node = node
        self.module = module
        self.scope = scope
        self.name = node.name.value
        self.bases = bases
        self.attributes: dict[str, Value] = {}
        self.decorators: tuple[Value, ...] = ()
        self._ancestry: tuple[ClassValue, ...] | None = None
        self._external: tuple[External, ...] | None = None
        self.own_mode: str | None = None
        """What its ``call`` makes of the mode by itself, once somebody has asked; see `own_modes`."""

    def ancestry(self) -> tuple[ClassValue, ...]:
        """The class and its project bases, each once, nearest first (a class may seem to inherit from itself)."""
        if self._ancestry is None:
            self._ancestry = tuple(self._walk())
        return self._ancestry

    def _walk(self) -> Iterator[ClassValue]:
        seen: set[int] = set()
        waiting: list[ClassValue] = [self]
        while waiting and len(seen) < MOST_ANCESTORS:
            cls = waiting.pop()
            if id(cls) in seen:
                continue
            seen.add(id(cls))
            yield cls
            known = [each for base in cls.bases for each in alternatives(base) if isinstance(each, ClassValue)]
            waiting += reversed(known)

    def find(self, name: str) -> Value | None:
        """An attribute of the class or of a project base."""
        for cls in self.ancestry():
            if name in cls.attributes:
                return cls.attributes[name]
        return None

    def owner_of(self, name: str) -> ClassValue | None:
        """The class among the ancestry that defines ``name``."""
        for cls in self.ancestry():
            if name in cls.attributes:
                return cls
        return None

    @property
    def external_bases(self) -> tuple[External, ...]:
        """Bases outside the project, nearest first."""
        if self._external is None:
            self._external = tuple(
                each
                for cls in self.ancestry()
                for base in cls.bases
                for each in alternatives(base)
                if isinstance(each, External)
            )
        return self._external

    @property
    def keras_base(self) -> str | None:
        """The canonical name of the first Keras class it derives from."""
        for base in self.external_bases:
            if base.is_keras:
                return base.name
        return None

    @property
    def has_unknown_base(self) -> bool:
        """Whether a base could not be resolved to anything."""
        return any(
            isinstance(each, Opaque) for cls in self.ancestry() for base in cls.bases for each in alternatives(base)
        )


@dataclass(frozen=True, slots=True, eq=False)
class Bound:
    """A project function bound to its first argument."""

    function: FunctionValue
    receiver: Value


@dataclass(frozen=True, slots=True, eq=False)
class Method:
    """A method that is not the project's: of a layer, a container, an opaque value."""

    receiver: Value
    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Partial:
    """``functools.partial`` of something."""

    function: Value
    positional: tuple[Argument, ...]
    keywords: dict[str, Argument]


@dataclass(frozen=True, slots=True, eq=False)
class Transformed:
    """A function seen through ``jax.grad`` and the like; ``kind`` is ``"gradient"`` or ``"map"``."""

    kind: str
    function: Value
    axes: Value | None = None
    """The ``in_axes`` of a map, the ``argnums`` of a gradient."""


@dataclass(frozen=True, slots=True, eq=False)
class ModuleValue:
    """A module of the project, looked into when something is read from it."""

    path: Path
    load: Callable[[], Module | None]
    """Gives the module with its body executed; None where it cannot be parsed."""


@dataclass(frozen=True, slots=True, eq=False)
class Super:
    """``super()`` in a method of ``owner``."""

    owner: ClassValue
    receiver: Value


@dataclass(frozen=True, slots=True, eq=False)
class Managed:
    """A ``@contextmanager`` that was called and waits for its ``with``."""

    function: FunctionValue
    arguments: Any
    receiver: Value | None
    place: Any


@dataclass(frozen=True, slots=True, eq=False)
class OneOf:
    """One of several values; never nested."""

    values: tuple[Value, ...]


Value: TypeAlias = (
    Opaque
    | Const
    | External
    | Symbolic
    | Instance
    | Items
    | Mapping
    | FunctionValue
    | ClassValue
    | Bound
    | Method
    | Partial
    | Transformed
    | ModuleValue
    | Super
    | Managed
    | OneOf
)


@dataclass(frozen=True, slots=True, eq=False)
class Argument:
    """A value handed to a call, with the expression that says so (None where a framework passes it)."""

    value: Value
    node: cst.CSTNode | None = None


def alternatives(value: Value) -> tuple[Value, ...]:
    """The single values that ``value`` may be."""
    return value.values if isinstance(value, OneOf) else (value,)


def leaves(value: Value, mappings: bool = False) -> tuple[Value, ...]:
    """The single values in lists, or in dictionaries as well, however deep they are nested, in order.

    A list counts once, since it may hold another one many times over, and that a third; or itself.
    """
    found: list[Value] = []
    seen: set[int] = set()
    waiting = [value]
    while waiting:
        for each in alternatives(waiting.pop()):
            if not isinstance(each, (Items, Mapping) if mappings else Items):
                found.append(each)
            elif id(each) not in seen:
                seen.add(id(each))
                waiting += reversed(each.items if isinstance(each, Items) else tuple(each.entries.values()))
    return tuple(found)


def truth(value: Value) -> bool | None:
    """Whether a value is truthy: True, False or unknown."""
    if isinstance(value, Const):
        try:
            return bool(value.value)
        except Exception:  # a constant of the target may have any __bool__
            return None
    if isinstance(value, OneOf):
        answers = {truth(each) for each in value.values}
        return answers.pop() if len(answers) == 1 else None
    if isinstance(value, Items):
        return True if value.items else (False if value.exact else None)
    if isinstance(value, (FunctionValue, ClassValue, Bound, Partial, ModuleValue)):
        return True
    if isinstance(value, Instance) and value.keras_name is not None:
        return True
    return None
