"""Draws and batch statistics in the code of layers: where one may be combined with an activation.

A draw matters if it is added to what is computed from the inputs, or if they are multiplied by one that lies round
one, or by what it decides about each unit; the mean of a batch, if it is subtracted. What goes through a function of a
library is something else by then.
What a condition decides about that asks for the mode, or for more than what is drawn, is somebody's decision.
See `dropout_lint.semantics.noise` and `dropout_lint.rules.dropout_op_always_on`: this follows them within one function.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, TypeAlias

from dropout_lint.outline.names import is_mode, is_self, last_name, root_of
from dropout_lint.outline.rates import LIBRARIES
from dropout_lint.semantics.words import COIN_FLIPS, DRAWS, KEEP_NOISE, ROUNDS_DOWN

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dropout_lint.outline.notes import Notes

    Marks: TypeAlias = frozenset[str]
    Held: TypeAlias = dict[str, Marks]

__all__ = ["DROPS", "combines", "is_draw"]

DROPS = frozenset({"dropout", "general_dropout", "stateless_dropout"})
"""The last names of the functions that drop."""
_STATISTICS = "moments"
_ALL = DRAWS | DROPS | COIN_FLIPS | {_STATISTICS}
_PLAIN_FUNCTIONS = frozenset({"float", "int", "max", "min", "abs", "len"})
_NONE: Marks = frozenset()
_UNTRACKED = frozenset({"numpy", "random", "torch", "math", "scipy", "cv2", "PIL", "pandas"})
_NO_QUESTION = frozenset({"self", "__name__"})
_DEEPEST = 60


class _May(Exception):
    """A draw may be combined with an activation."""


def is_draw(callee: ast.expr, notes: Notes) -> bool:
    """Whether what is called may be a function of TensorFlow, Keras or JAX that drops, draws or normalises."""
    name = last_name(callee)
    if name not in _ALL and notes.aliases.get(name) not in _ALL:
        return False
    root = root_of(callee)
    return root != "self" and notes.imports.get(root) not in _UNTRACKED


def combines(node: ast.FunctionDef | ast.AsyncFunctionDef, notes: Notes) -> bool:
    """Whether a function may combine what it draws with an activation, or hand it to somebody who may."""
    try:
        _Reader(node, notes).block(node.body, {})
    except _May:
        return True
    return False


class _Reader:
    """Reads one function from top to bottom: which of its variables hold a draw."""

    def __init__(self, node: ast.FunctionDef | ast.AsyncFunctionDef, notes: Notes) -> None:
        self._notes = notes
        arguments = node.args
        every = (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg)
        self._handed = {each.arg for each in every if each is not None}
        self._bound: dict[str, list[ast.expr]] = {}
        self._set_on_self: set[str] = set()
        self._asked: list[frozenset[str]] = []
        """The words of the conditions under which what is read runs."""
        for unit, target, value in notes.bindings:
            if isinstance(target, ast.Name):
                if unit.name == node.name:
                    self._bound.setdefault(target.id, []).append(value)
            elif unit.name not in {"__init__", "build"}:
                self._set_on_self.add(last_name(target))

    # Statements -----------------------------------------------------------------------------------------------

    def block(self, body: Iterable[ast.stmt], held: Held) -> Held:
        """What the variables hold after some statements."""
        outer = len(self._asked)
        for each in body:
            held = self._statement(each, held)
        del self._asked[outer:]
        return held

    def _statement(self, node: ast.stmt, held: Held) -> Held:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                held = self._assigned(target, self._marks(node.value, held), held)
            return held
        if isinstance(node, ast.AnnAssign):
            marks = self._marks(node.value, held) if node.value is not None else _NONE
            return self._assigned(node.target, marks, held)
        if isinstance(node, ast.AugAssign):
            whole = ast.BinOp(_read(node.target), node.op, node.value)
            return self._assigned(node.target, self._marks(whole, held), held)
        if isinstance(node, ast.Return):
            if node.value is not None and self._marks(node.value, held):
                raise _May
            return held
        if isinstance(node, ast.If):
            return self._if(node, held)
        if isinstance(node, (ast.For, ast.AsyncFor)):
            held = self._assigned(node.target, self._marks(node.iter, held), held)
            once = _either(held, self.block(node.body, held))
            return self.block(node.orelse, _either(once, self.block(node.body, once)))
        if isinstance(node, ast.While):
            self._marks(node.test, held)
            once = _either(held, self.block(node.body, held))
            return self.block(node.orelse, _either(once, self.block(node.body, once)))
        if isinstance(node, (ast.With, ast.AsyncWith)):
            for item in node.items:
                marks = self._marks(item.context_expr, held)
                if item.optional_vars is not None:
                    held = self._assigned(item.optional_vars, marks, held)
            return self.block(node.body, held)
        if isinstance(node, (ast.Expr, ast.Assert, ast.Raise, ast.Delete)):
            for each in ast.iter_child_nodes(node):
                if isinstance(each, ast.expr):
                    self._marks(each, held)
            return held
        if isinstance(node, (ast.Pass, ast.Import, ast.ImportFrom, ast.Break, ast.Continue)):
            return held
        return self._otherwise(node, held)

    def _if(self, node: ast.If, held: Held) -> Held:
        self._marks(node.test, held)
        self._asked.append(_words(node.test))
        taken = self.block(node.body, held)
        if not isinstance(node.body[-1], (ast.Return, ast.Raise)):
            # where it is known how it comes out, the other arm is not told of it
            del self._asked[-1:]
        return _either(taken, self.block(node.orelse, held))

    def _otherwise(self, node: ast.stmt, held: Held) -> Held:
        """What is read as a whole: nested functions, attempts, patterns."""
        names = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
        if any(held.get(name) for name in names) or any(self._draws(each) for each in ast.walk(node)):
            raise _May
        return held

    def _assigned(self, target: ast.expr, marks: Marks, held: Held) -> Held:
        if isinstance(target, ast.Name):
            return {**held, target.id: marks}
        if isinstance(target, (ast.Tuple, ast.List)):
            for each in target.elts:
                held = self._assigned(each, marks, held)
            return held
        if isinstance(target, ast.Starred):
            return self._assigned(target.value, marks, held)
        if marks:
            raise _May
        return held

    # Expressions ----------------------------------------------------------------------------------------------

    def _draws(self, node: ast.AST) -> bool:
        return isinstance(node, ast.Call) and is_draw(node.func, self._notes)

    def _marks(self, node: ast.expr, held: Held, depth: int = 0) -> Marks:
        """Of what a value is made: ``noise``, noise round one (``offset``), a ``mask`` it decides, a ``statistic``."""
        if depth > _DEEPEST:
            raise _May
        if isinstance(node, ast.Name):
            return held.get(node.id, _NONE)
        if isinstance(node, ast.Constant):
            return _NONE
        if isinstance(node, ast.Call):
            return self._of_call(node, held, depth)
        if isinstance(node, ast.BinOp):
            return self._of_operation(node, held, depth)
        if isinstance(node, ast.Compare):
            sides = _NONE.union(*(self._marks(each, held, depth + 1) for each in (node.left, *node.comparators)))
            return frozenset({"mask"}) if "noise" in sides else _NONE
        parts = [each for each in ast.iter_child_nodes(node) if isinstance(each, ast.expr)]
        if isinstance(node, (ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp)):
            for each in node.generators:
                marks = self._marks(each.iter, held, depth + 1)
                held = self._assigned(each.target, marks, held)
                parts += each.ifs
        found = _NONE.union(*(self._marks(each, held, depth + 1) for each in parts))
        if found and isinstance(node, (ast.Lambda, ast.Yield, ast.YieldFrom)):
            raise _May
        if isinstance(node, ast.NamedExpr):
            held[node.target.id] = found
        return found

    def _of_call(self, node: ast.Call, held: Held, depth: int) -> Marks:
        given = (*node.args, *(each.value for each in node.keywords))
        found = _NONE.union(*(self._marks(each, held, depth + 1) for each in given))
        callee = node.func
        name, root = last_name(callee), root_of(callee)
        name = self._notes.aliases.get(name, name)
        if is_draw(callee, self._notes):
            if self._is_decided(node):
                return _NONE
            if name in DROPS:
                raise _May
            return frozenset({"statistic" if name == _STATISTICS else "mask" if name in COIN_FLIPS else "noise"})
        own = self._marks(callee, held, depth + 1)
        if own or (found and not (self._notes.is_foreign(root) or root in LIBRARIES)):
            raise _May
        if name == ROUNDS_DOWN and "offset" in found:
            return frozenset({"mask"})
        return found if name in KEEP_NOISE else _NONE

    def _is_decided(self, draw: ast.Call) -> bool:
        """Whether a draw runs under a condition about the mode, or about something else than its arguments."""
        unpacked = any(isinstance(each, ast.Starred) for each in draw.args)
        unpacked = unpacked or any(each.arg is None for each in draw.keywords)
        given = (*draw.args, *(each.value for each in draw.keywords))
        own = {last_name(part) for each in given for part in ast.walk(each)}
        return any(
            any(map(is_mode, words)) or (not unpacked and "None" not in words and bool(words - own - _NO_QUESTION))
            for words in self._asked
        )

    def _of_operation(self, node: ast.BinOp, held: Held, depth: int) -> Marks:
        sides = [(node.left, node.right), (node.right, node.left)]
        kept = _NONE
        for own, other in sides:
            marks = self._marks(own, held, depth + 1)
            if not marks:
                continue
            plain = self._is_plain(other, frozenset())
            if isinstance(node.op, (ast.Add, ast.Sub)):
                subtracted = isinstance(node.op, ast.Sub) and own is node.right
                if not plain and ("noise" in marks or ("statistic" in marks and subtracted)):
                    raise _May
                kept |= (marks if plain else marks - {"mask"}) | ({"offset"} if "noise" in marks else _NONE)
            elif isinstance(node.op, (ast.Mult, ast.Div)):
                if not plain and not marks.isdisjoint({"offset", "mask"}):
                    raise _May
                kept |= marks
        return kept

    def _is_plain(self, node: ast.expr, within: frozenset[str]) -> bool:
        """Whether a value is a number of the configuration, certain not to be computed from the inputs."""
        if isinstance(node, ast.Constant):
            return True
        if isinstance(node, ast.Attribute):
            return is_self(node.value) and node.attr not in self._set_on_self
        if isinstance(node, ast.BinOp):
            return self._is_plain(node.left, within) and self._is_plain(node.right, within)
        if isinstance(node, ast.UnaryOp):
            return self._is_plain(node.operand, within)
        if isinstance(node, ast.Call):
            converts = isinstance(node.func, ast.Name) and node.func.id in _PLAIN_FUNCTIONS
            return converts and not node.keywords and all(self._is_plain(each, within) for each in node.args)
        if isinstance(node, ast.Name) and node.id not in self._handed and node.id not in within:
            known = self._bound.get(node.id, ())
            return bool(known) and all(self._is_plain(each, within | {node.id}) for each in known)
        return False


def _words(test: ast.expr) -> frozenset[str]:
    """The names that a condition reads; see `dropout_lint.semantics.conditions.guard_words`."""
    found: set[str] = set()
    waiting: list[ast.expr] = [test]
    while waiting:
        each = waiting.pop()
        if isinstance(each, ast.Name):
            found.add(each.id)
        elif isinstance(each, ast.Attribute):
            found.add(each.attr)
            waiting.append(each.value)
        elif isinstance(each, ast.Constant) and each.value is None:
            found.add("None")
        elif isinstance(each, ast.Compare):
            waiting += (each.left, *each.comparators)
        elif isinstance(each, ast.BoolOp):
            waiting += each.values
        elif isinstance(each, ast.UnaryOp):
            waiting.append(each.operand)
    return frozenset(found)


def _read(target: ast.expr) -> ast.expr:
    return ast.Name(target.id, ast.Load()) if isinstance(target, ast.Name) else target


def _either(one: Mapping[str, Marks], other: Mapping[str, Marks]) -> Held:
    return {name: one.get(name, _NONE) | other.get(name, _NONE) for name in {*one, *other}}
