"""Methods that PyTorch's modules have: whether what they are called on may be of Keras."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from dropout_lint.outline.names import last_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dropout_lint.outline.notes import Notes

__all__ = ["torch_methods"]

_LIBRARIES = frozenset(
    {
        "torch", "torchvision", "torchaudio", "transformers", "timm", "diffusers", "open_clip", "sentence_transformers",
        "pytorch_lightning", "lightning", "fairseq", "peft", "segment_anything",
    }
)  # fmt: skip
_HAND_THROUGH = frozenset({"list", "tuple", "enumerate", "zip", "reversed", "next", "iter", "sorted"})
_DEEPEST = 24
_MOST_STEPS = 4_000


def torch_methods(notes: Notes) -> None:
    """Add ``torch-method`` where one is called on what is not certain to come from PyTorch's own libraries."""
    if not notes.torch:
        return
    origins = _Origins(notes)
    for unit, receiver in notes.torch:
        if not origins.is_torch(receiver):
            notes.add(unit, "torch-method")


class _Origins:
    """What the variables of a file come from, whichever function they belong to."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self._bound: dict[str, list[ast.expr]] = {}
        self._set: dict[str, set[str]] = {}
        """The attributes that the file sets, each with the variables through which: it may put Keras there."""
        self._handed_on: set[str] = set()
        """What is bound or handed over: a function among it may be called by anybody."""
        self._calls: dict[str, list[ast.Call]] = {}
        for _, target, value in notes.bindings:
            self._handed_on.add(last_name(value))
            if isinstance(target, ast.Name):
                self._bound.setdefault(target.id, []).append(value)
            else:
                self._set.setdefault(last_name(target), set()).add(_variable_of(target))
        for _, call in notes.calls:
            self._calls.setdefault(last_name(call.func), []).append(call)
            self._handed_on.update(last_name(each) for each in call.args)
            self._handed_on.update(last_name(each.value) for each in call.keywords)
        self._open: set[str] = set()
        self._steps = _MOST_STEPS

    def is_torch(self, node: ast.expr) -> bool:
        """Whether an object is certain to come from a library of PyTorch's."""
        return self._of(node, 0) is True

    def _of(self, node: ast.expr, depth: int) -> bool | None:
        """The same; None for what only goes back to itself."""
        self._steps -= 1
        if depth > _DEEPEST or self._steps < 0:
            return False
        if isinstance(node, ast.Name):
            return self._of_name(node.id, depth)
        if isinstance(node, ast.Attribute):
            foreign = not any(self._may_be_torch(each, depth) for each in self._set.get(node.attr, ()))
            return self._of(node.value, depth + 1) if foreign else False
        if isinstance(node, ast.Subscript):
            return self._of_element(node.value, node.slice, depth)
        if isinstance(node, ast.Starred):
            return self._of(node.value, depth + 1)
        if isinstance(node, ast.IfExp):
            return self._all((node.body, node.orelse), depth)
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name) and node.func.id in _HAND_THROUGH and not node.keywords:
                return self._all(node.args, depth)
            function = self._function(node)
            if function:
                return self._returned(function, None, depth)
            return self._of(node.func, depth + 1)
        if isinstance(node, (ast.Tuple, ast.List)):
            return self._all(node.elts, depth)
        return None if isinstance(node, ast.Constant) else False

    def _of_name(self, name: str, depth: int) -> bool | None:
        return _joined(self._all_of_name(name, depth))

    def _of_element(self, whole: ast.expr, index: ast.expr, depth: int) -> bool | None:
        part = _part(whole, index)
        if part is not None:
            return self._of(part, depth + 1)
        function = self._function(whole)
        return self._returned(function, index, depth) if function else self._of(whole, depth + 1)

    def _function(self, node: ast.expr) -> str:
        """The function of the file that is called, if it gives something back."""
        name = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
        return name if name in self._notes.returns else ""

    def _returned(self, function: str, index: ast.expr | None, depth: int) -> bool | None:
        slot = f"{function}()"
        if slot in self._open:
            return None
        self._open.add(slot)
        given = self._notes.returns[function]
        found = self._all([(_part(each, index) or each) if index is not None else each for each in given], depth)
        self._open.discard(slot)
        return found

    def _may_be_torch(self, name: str, depth: int) -> bool:
        return not name or True in self._all_of_name(name, depth)

    def _all_of_name(self, name: str, depth: int) -> list[bool | None]:
        if name in self._open:
            return []
        package = self._notes.imports.get(name)
        known: list[bool | None] = [package in _LIBRARIES] if package is not None else []
        self._open.add(name)
        known += [self._of(each, depth + 1) for each in self._bound.get(name, ())]
        known += self._given(name, depth, bound=bool(known))
        self._open.discard(name)
        return known or [False]

    def _given(self, name: str, depth: int, *, bound: bool) -> Iterator[bool | None]:
        """What the file hands over for the parameters of this name."""
        for function, several in self._notes.parameters.items():
            for parameters in several:
                if name not in parameters:
                    continue
                calls = self._calls.get(function, ())
                if function in self._handed_on or (not calls and not bound):
                    yield False
                for call in calls:
                    yield self._argument(call, name, parameters.index(name), depth)

    def _argument(self, call: ast.Call, name: str, position: int, depth: int) -> bool | None:
        if any(isinstance(each, ast.Starred) for each in call.args) or any(each.arg is None for each in call.keywords):
            return False
        named = next((each.value for each in call.keywords if each.arg == name), None)
        given = named or (call.args[position] if position < len(call.args) else None)
        return self._of(given, depth + 1) if given is not None else None

    def _all(self, nodes: Iterable[ast.expr], depth: int) -> bool | None:
        return _joined([self._of(each, depth + 1) for each in nodes])


def _variable_of(node: ast.expr) -> str:
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _part(whole: ast.expr, index: ast.expr) -> ast.expr | None:
    """The part of a whole at a position, where that stands there: ``b`` of ``(a, b)``, what a loop goes through."""
    position = index.value if isinstance(index, ast.Constant) else None
    if not isinstance(position, int) or position < 0:
        return None
    if isinstance(whole, ast.Subscript):
        whole = _part(whole.value, whole.slice) or whole
    parts: list[ast.expr] = []
    if isinstance(whole, (ast.Tuple, ast.List)):
        parts = whole.elts
    elif isinstance(whole, ast.Call) and isinstance(whole.func, ast.Name) and whole.func.id in {"enumerate", "zip"}:
        parts = [*([ast.Constant(0)] if whole.func.id == "enumerate" else []), *whole.args]
    if any(isinstance(each, ast.Starred) for each in parts):
        return None
    return parts[position] if position < len(parts) else None


def _joined(found: list[bool | None]) -> bool | None:
    return False if False in found else True if True in found else None
