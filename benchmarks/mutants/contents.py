"""What the names of a program hold: the layers that a model is made of, and whether the mode matters to them.

It looks at makings and names alone, over all paths at once: enough to know where a mutant would change nothing. It is
deliberately apart from what dropout-lint itself knows, so that a blind spot there is none here.
"""

from __future__ import annotations

import ast
import re
from functools import cached_property
from typing import TYPE_CHECKING

from benchmarks.mutants.program import Program, constant, keyword
from dropout_lint.outline.names import last_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

DROPS = re.compile(r"(\w*Dropout\w*|Gaussian(Noise|Dropout))$")
AUGMENTS = re.compile(r"Random[A-Z]\w+$")
NORMS = {"BatchNormalization", "SyncBatchNormalization"}
WITH_DROPOUT = {"LSTM", "GRU", "SimpleRNN", "ConvLSTM2D", "MultiHeadAttention", "LSTMCell", "GRUCell"}
WITHOUT_WEIGHTS = re.compile(
    r"(Flatten|Reshape|ReLU|LeakyReLU|Activation|Rescaling|\w*Pooling\w*|Concatenate|Add|Input)$"
)
LAYER_BASES = re.compile(r"(\w*Layer|Model|Sequential|Functional|Wrapper|\w*Dropout\w*|BatchNormalization)$")


class Contents:
    """What the names of one program hold."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.classes = {node.name: node for node in program.nodes if isinstance(node, ast.ClassDef)}

    @cached_property
    def _attributes(self) -> dict[str, dict[str, list[ast.AST]]]:
        """The values and methods by the name of their attribute, and by class."""
        found: dict[str, dict[str, list[ast.AST]]] = {}
        for owner in self.classes.values():
            for node in ast.walk(owner):
                for target, value in _bound(node):
                    if isinstance(target, ast.Attribute) and constant_name(target.value) == "self":
                        found.setdefault(target.attr, {}).setdefault(owner.name, []).append(value)
            for method in owner.body:
                if isinstance(method, ast.FunctionDef):
                    found.setdefault(method.name, {}).setdefault(owner.name, []).append(method)
        return found

    def _attribute(self, node: ast.Attribute) -> list[ast.AST]:
        """The values of an attribute: of ``self`` in its class and what that comes from, of others in all classes."""
        by_class = self._attributes.get(node.attr, {})
        owner = self.program.owner(node)
        if constant_name(node.value) == "self" and owner is not None:
            waiting, line = [owner.name], []
            while waiting:
                name = waiting.pop()
                if name in self.classes and name not in line:
                    line.append(name)
                    waiting.extend(last_name(base) for base in self.classes[name].bases)
            return [value for name in line for value in by_class.get(name, ())]
        return [value for values in by_class.values() for value in values]

    @cached_property
    def _names(self) -> dict[tuple[ast.AST, str], list[ast.AST]]:
        """The values by the scope and the name they are bound in."""
        found: dict[tuple[ast.AST, str], list[ast.AST]] = {}
        for node in self.program.nodes:
            scope = next(self.program.enclosing(node, ast.FunctionDef, ast.Lambda), self.program.tree)
            for target, value in _bound(node):
                for each in ast.walk(target):
                    if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store):
                        found.setdefault((scope, each.id), []).append(value)
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                found.setdefault((scope, node.name), []).append(node)
        return found

    @cached_property
    def _added(self) -> dict[str, list[ast.AST]]:
        """The layers that are added to the models of a name."""
        found: dict[str, list[ast.AST]] = {}
        for call in self.program.calls:
            if (
                isinstance(call.func, ast.Attribute)
                and call.func.attr == "add"
                and isinstance(call.func.value, ast.Name)
            ):
                found.setdefault(call.func.value.id, []).extend(call.args)
        return found

    def bound(self, name: ast.Name) -> list[ast.AST]:
        """What may be bound to a name where it stands: values, functions, classes, arguments of callers."""
        for scope in (*self.program.enclosing(name, ast.FunctionDef, ast.Lambda), self.program.tree):
            if (scope, name.id) in self._names:
                return self._names[scope, name.id]
            if isinstance(scope, ast.FunctionDef):
                names = [each.arg for each in (*scope.args.args, *scope.args.kwonlyargs)]
                if name.id in names:
                    arguments = list(self._arguments(scope, names, name.id))
                    positional = names[: len(scope.args.args)]
                    defaults = dict(zip(reversed(positional), reversed(scope.args.defaults), strict=False))
                    return arguments or [defaults[name.id]] if name.id in defaults else arguments
        return []

    def _arguments(self, function: ast.FunctionDef, names: list[str], name: str) -> Iterator[ast.AST]:
        owner = self.program.parents[function]
        called = owner.name if isinstance(owner, ast.ClassDef) and function.name == "__init__" else function.name
        position = names.index(name) - isinstance(owner, ast.ClassDef)
        for call in self.program.calls:
            if last_name(call.func) == called:
                given = keyword(call, name)
                if given is not None:
                    yield given.value
                elif 0 <= position < len(call.args):
                    yield call.args[position]

    def values(self, node: ast.AST, depth: int = 6) -> list[ast.AST]:
        """What an expression may be: makings, functions, constants; the expression itself where it is not known."""
        if depth == 0:
            return [node]
        found: Iterable[ast.AST] = ()
        if isinstance(node, ast.Name):
            found = self.bound(node)
        elif isinstance(node, ast.Attribute) and constant_name(node.value) == "self":
            found = self._attribute(node)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            found = [
                each.value
                for function in self.bound(node.func)
                if isinstance(function, ast.FunctionDef)
                for each in ast.walk(function)
                if isinstance(each, ast.Return) and each.value is not None
            ]
        elif isinstance(node, ast.ListComp):
            found = [node.elt]
        elif isinstance(node, ast.List):
            found = node.elts
        elif isinstance(node, ast.Subscript):
            found = [node.value]
        return [value for each in found for value in self.values(each, depth - 1)] or [node]

    def base(self, name: str) -> str:
        """The class of Keras that a class of the program comes from in the end, or its own name."""
        seen = set()
        while name in self.classes and name not in seen and self.classes[name].bases:
            seen.add(name)
            name = last_name(self.classes[name].bases[0])
        return name

    def is_layer(self, node: ast.AST) -> bool:
        """Whether an expression is a layer or a model, made in sight."""
        return all(self._made(value) for value in self.values(node))

    def _made(self, value: ast.AST) -> bool:
        if not isinstance(value, ast.Call):
            return False
        name = last_name(value.func)
        if name in self.classes:
            return LAYER_BASES.match(self.base(name)) is not None
        if not name[:1].isupper() or name == "Input":
            return False
        return (
            re.match(r"(\w+\.)?(keras|tf_keras|layers|models)\.|[A-Z]\w+$", self.program.source(value.func)) is not None
        )

    def is_model(self, node: ast.AST) -> bool:
        """Whether an expression is a model, made in sight."""
        values = self.values(node)
        return all(
            isinstance(value, ast.Call) and self.base(last_name(value.func)) in {"Model", "Sequential"}
            for value in values
        )

    def symbolic(self, node: ast.AST, depth: int = 12) -> bool:
        """Whether an expression is a tensor of a functional graph."""
        for value in self.values(node):
            if not isinstance(value, ast.Call) or depth == 0:
                continue
            if last_name(value.func) == "Input":
                return True
            if value.args and self.is_layer(value.func) and self.symbolic(value.args[0], depth - 1):
                return True
        return False

    def modes(self, node: ast.AST) -> frozenset[str]:
        """What depends on the mode in an expression and all it is made of: "drop", "norm", "augment"."""
        found: set[str] = set()
        seen: set[ast.AST] = set()
        waiting = [node]
        while waiting:
            for each in ast.walk(waiting.pop()):
                if each in seen:
                    continue
                seen.add(each)
                if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load):
                    waiting.extend((*self.bound(each), *self._added.get(each.id, ())))
                elif isinstance(each, ast.Attribute):
                    waiting.extend(self._attribute(each))
                found |= self._mode(each)
        return frozenset(found)

    def _mode(self, node: ast.AST) -> set[str]:
        name = last_name(node)
        if not name or isinstance(self.program.parents.get(node), ast.Attribute) or self._only_asked(node):
            return set()
        if name in WITH_DROPOUT:
            call = self.program.parents[node]
            rates = (
                [keyword(call, each) for each in ("dropout", "recurrent_dropout")] if isinstance(call, ast.Call) else []
            )
            return {"drop"} if any(each is not None and not constant(each.value, 0) for each in rates) else set()
        found = {"drop"} if DROPS.match(name) and name[0].isupper() and not self._nothing(node) else set()
        return found | ({"augment"} if AUGMENTS.match(name) else set()) | ({"norm"} if name in NORMS else set())

    def _nothing(self, node: ast.AST) -> bool:
        """Whether the rate of a dropout layer is zero."""
        call = self.program.parents[node]
        given = call.args[0] if isinstance(call, ast.Call) and call.func is node and call.args else None
        return given is not None and all(
            isinstance(value, ast.Constant) and not value.value for value in self.values(given)
        )

    def _only_asked(self, node: ast.AST) -> bool:
        return any(last_name(call.func) == "isinstance" for call in self.program.enclosing(node, ast.Call))  # type: ignore[attr-defined]

    def trained(self, node: ast.AST) -> bool:
        """Whether some model made like this one is compiled and fitted."""
        makings = {value for value in self.values(node) if isinstance(value, ast.Call)}
        return {"compile", "fit"} <= {
            call.func.attr
            for call in self.program.calls
            if isinstance(call.func, ast.Attribute)
            and call.func.attr in {"compile", "fit"}
            and makings & set(self.values(call.func.value))
        }

    def learns(self, node: ast.AST) -> bool:
        """Whether some model made like this one is fitted, or its weights are asked for."""
        makings = {value for value in self.values(node) if isinstance(value, ast.Call)}
        return self.trained(node) or any(
            isinstance(each, ast.Attribute)
            and each.attr in {"trainable_variables", "trainable_weights"}
            and makings & set(self.values(each.value))
            for each in self.program.nodes
        )


def constant_name(node: ast.AST) -> str:
    """The name, if it is a plain one."""
    return node.id if isinstance(node, ast.Name) else ""


def _bound(node: ast.AST) -> Iterator[tuple[ast.AST, ast.AST]]:
    """The targets and values of what binds names."""
    if isinstance(node, ast.Assign):
        for target in node.targets:
            if (
                isinstance(target, ast.Tuple)
                and isinstance(node.value, ast.Tuple)
                and len(target.elts) == len(node.value.elts)
            ):
                yield from zip(target.elts, node.value.elts, strict=True)
            else:
                yield target, node.value
    elif isinstance(node, (ast.AnnAssign, ast.NamedExpr)) and node.value is not None:
        yield node.target, node.value
    elif isinstance(node, (ast.For, ast.comprehension)):
        yield node.target, node.iter
