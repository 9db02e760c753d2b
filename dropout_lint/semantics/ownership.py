"""Which layer belongs to which model: directly, nested, or as a place in one that is not known.

A *token* names one thing that has a ``trainable`` flag: ``("object", serial)`` for a layer or model the program makes,
``("place", key)`` for one that is only known by where it comes from (``model.layers[3]`` of a parameter ``model``),
``("some", tokens)`` for one of several, nobody knows which.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dropout_lint.semantics.models import inner_layers, is_layer, is_model
from dropout_lint.semantics.values import ClassValue, Instance, Items, Mapping, Opaque, Symbolic, Value, alternatives

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from dropout_lint.semantics.events import Interpretation

Token = tuple[str, Any]
_DEEPEST_NESTING = 8
_MOST_PARTS = 300_000
"""Parts of models that are gone through for one file: a list may hold another one many times over, and that a third."""


@dataclass(frozen=True, slots=True)
class Members:
    """What a model is made of; ``complete`` where that is all."""

    tokens: frozenset[Token]
    complete: bool
    ordered: tuple[Token, ...] = ()
    """The same in the order in which they were met: that of a set is another one in each process."""


def token_of(value: Value) -> Token | None:
    """The token of a layer or model, or of the place it comes from; None for anything else."""
    if isinstance(value, Instance):
        if value.found_in is not None:
            return ("place", (*value.found_in, "is", value.class_name))
        return ("object", value.serial) if is_layer(value) else None
    if isinstance(value, Opaque) and value.key is not None:
        return ("place", value.key)
    return None


def tokens_of(value: Value) -> tuple[Token, ...]:
    """The tokens of all that a value may be."""
    return tuple(dict.fromkeys(token for each in alternatives(value) if (token := token_of(each)) is not None))


def all_layers(token: Token) -> Token:
    """The place that stands for every element of ``model.layers``."""
    key = ("instance", token[1]) if token[0] == "object" else token[1]
    return ("place", (*key, "layers", "[]"))


def is_some_of(token: Token) -> bool:
    """Whether a token stands for some of a model's layers: a slice, those of a class, one at a position."""
    if token[0] == "some":
        return True
    return (
        token[0] == "place"
        and not {"layers", "get_layer"}.isdisjoint(token[1][2:])
        and token[1][-2:] != ("layers", "[]")
    )


def is_inside(token: Token, model: Token) -> bool:
    """Whether a token that a model contains is a layer of it, rather than one of the places it stands for."""
    if token == model or model[0] == "some" or (token[0] == "some" and model in token[1]):
        return False
    if model[0] == "place":
        return token[0] == "place" and token[1][len(model[1]) : len(model[1]) + 1] in {("layers",), ("get_layer",)}
    return True


class Ownership:
    """The models of one interpretation and what they contain."""

    def __init__(self, interpretation: Interpretation) -> None:
        self._objects = {each.serial: each for each in interpretation.instances}
        self._members: dict[Token, Members] = {}
        self._parts_left = _MOST_PARTS

    def object_of(self, token: Token) -> Instance | None:
        """The object a token names, or None for a place."""
        return self._objects.get(token[1]) if token[0] == "object" else None

    def members(self, model: Token) -> Members:
        """Everything inside a model, at any depth."""
        if model not in self._members:
            self._members[model] = Members(frozenset(), complete=False)
            instance = self.object_of(model)
            if instance is not None:
                found: dict[Token, None] = {}
                complete = self._collect(instance, found, 0)
                found.pop(model, None)
                self._members[model] = Members(frozenset(found), complete, tuple(found))
        return self._members[model]

    def contains(self, model: Token, token: Token) -> bool:
        """Whether ``token`` is ``model`` or known to be inside it."""
        if token == model or token in self.members(model).tokens:
            return True
        if token[0] == "some":
            return model[0] != "some" and any(self.contains(model, each) for each in token[1])
        if token[0] != "place":
            return False
        inside = self.members(model).tokens
        return any(each == model or each in inside for each in _above(token[1]))

    def inside(self, model: Token, tokens: Collection[Token], places: Places) -> list[Token]:
        """Those of ``tokens`` that ``model`` contains, in no order that means anything.

        ``places`` are those among them that name no object, and maybe others.
        """
        members = self.members(model).ordered
        if len(tokens) <= len(members):
            return [each for each in tokens if self.contains(model, each)]
        found: dict[Token, None] = {}
        for owner in (model, *members):
            if owner in tokens:
                found[owner] = None
            found.update((each, None) for each in places.under(owner) if each in tokens)
        return list(found)

    def parents(self, token: Token) -> Iterator[Token]:
        """Where the flag of a place may come from, nearest first: the places and the object it is read from."""
        if token[0] != "place":
            return
        key = token[1]
        for length in range(len(key) - 1, 1, -1):
            if length == 2 and key[0] == "instance":
                yield all_layers(("object", key[1]))
                yield ("object", key[1])
            else:
                if key[length] == "get_layer":
                    yield ("place", (*key[:length], "layers", "[]"))
                yield ("place", key[:length])

    def _collect(self, value: Value, found: dict[Token, None], depth: int) -> bool:
        """Add the tokens inside ``value``; False where not everything is known."""
        if isinstance(value, (Items, Mapping)):
            parts = value.items if isinstance(value, Items) else tuple(value.entries.values())
            known = [self._add(each, found, depth) for part in parts for each in alternatives(part)]
            return all(known) and value.exact
        if isinstance(value, Symbolic):
            known = [self._add(each, found, depth) for each in value.layers]
            return all(known)
        if not isinstance(value, Instance) or depth > _DEEPEST_NESTING:
            return False
        layers = inner_layers(value)
        complete = True
        if layers is not None:
            known = [self._add(each, found, depth) for each in layers]
            complete = all(known)
        elif is_model(value):
            # the outputs of a clone are the model it is a copy of: it shares nothing with that
            outputs = value.arguments.get("outputs")
            complete = isinstance(outputs, (Symbolic, Items, Mapping)) and self._collect(outputs, found, depth)
            complete = complete or isinstance(value.cls, ClassValue)
        for part in (*value.attributes.values(), value.arguments.get("layer")):
            for each in alternatives(part) if part is not None else ():
                if is_layer(each) or isinstance(each, (Items, Mapping)):
                    complete = self._add(each, found, depth) and complete
        return complete

    def _add(self, value: Value, found: dict[Token, None], depth: int) -> bool:
        self._parts_left -= 1
        if self._parts_left < 0:
            return False
        if isinstance(value, Instance):
            token = token_of(value)
            if token is None or token in found:
                return True
            found[token] = None
            inner: dict[Token, None] = {}
            complete = self._collect(value, inner, depth + 1)
            found.update(inner)
            return complete or not is_model(value) or (value.keras_name or "").startswith("keras.applications.")
        if isinstance(value, Opaque):
            token = token_of(value)
            if token is not None:
                found[token] = None
            return False
        if isinstance(value, (Items, Mapping, Symbolic)) and depth <= _DEEPEST_NESTING:
            return self._collect(value, found, depth + 1)
        return True


class Places:
    """Tokens that name no object, by what they are in: to compare every one with every model is quadratic."""

    def __init__(self, tokens: Iterable[Token] = ()) -> None:
        self._under: dict[Token, dict[Token, None]] = {}
        self._known: set[Token] = set()
        self.add(tokens)

    def add(self, tokens: Iterable[Token]) -> None:
        """Remember those among ``tokens``."""
        for token in tokens:
            if token[0] != "object" and token not in self._known:
                self._known.add(token)
                for each in token[1] if token[0] == "some" else (token,):
                    for owner in (each, *(_above(each[1]) if each[0] == "place" else ())):
                        self._under.setdefault(owner, {})[token] = None

    def under(self, owner: Token) -> Iterable[Token]:
        """Those that are ``owner``, or below it."""
        return self._under.get(owner, ())


def _above(key: tuple[Any, ...]) -> Iterator[Token]:
    """The tokens of what a place is inside, from the outside in."""
    for length in range(len(key)):
        root = key[:length]
        if length == 2 and key[0] == "instance":
            yield ("object", key[1])
        if root[-2:] != ("layers", "[]"):
            yield ("place", root)
        if key[length] in {"layers", "get_layer"} and len(key) > length + 1:
            # every layer of a model, whichever way it is reached
            yield ("place", (*root, "layers", "[]"))
