"""What each kind of node adds to an outline."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any, TypeAlias

from dropout_lint.keras.entry_points import REMOVED_ARGUMENTS
from dropout_lint.keras.layers import LAYERS
from dropout_lint.outline.assignments import (
    visit_annotated,
    visit_assign,
    visit_augmented,
    visit_for,
    visit_named,
    visit_with,
)
from dropout_lint.outline.calls import discard, visit_call
from dropout_lint.outline.names import (
    TRACERS,
    WITH_LAYERS,
    asks_a_model,
    is_mode,
    is_self,
    is_step,
    last_name,
    may_hold_state,
    root_of,
)
from dropout_lint.outline.rates import is_rate_option, is_spread_name, rate_kind
from dropout_lint.outline.values import give_flag, give_rate
from dropout_lint.semantics.words import names_mode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from dropout_lint.outline.model import Unit
    from dropout_lint.outline.notes import Notes

    Visit: TypeAlias = Callable[[Notes, Any, Unit], None]

__all__ = ["VISITS", "visit_attribute"]

_KERAS = ("keras", "tensorflow")
_COMPILERS = frozenset({"tf", "tensorflow", "jax"})


def _name(notes: Notes, node: ast.Name, unit: Unit) -> None:
    name = node.id
    if type(node.ctx) is ast.Load:
        if name in LAYERS:
            _handed_on(notes, node, name, unit)
        if name in unit.reads and name not in TRACERS:
            return
        unit.reads.add(name)
    else:
        notes.stored.add(name)
    unit.mentions.add(name)
    if "Callback" in name or (name in TRACERS and notes.is_foreign(name)):
        notes.add(unit, "traces")


def visit_attribute(notes: Notes, node: ast.Attribute, unit: Unit) -> None:
    """``x.y``."""
    name = node.attr
    unit.mentions.add(name)
    notes.attributes.add(name)
    if type(node.ctx) is ast.Load:
        if is_self(node.value):
            unit.reads_from_self.add(name)
        if name in LAYERS:
            _handed_on(notes, node, name, unit)
    if "Callback" in name or (name in TRACERS and root_of(node) in _COMPILERS):
        notes.add(unit, "traces")


def _handed_on(notes: Notes, node: ast.expr, name: str, unit: Unit) -> None:
    """A class by another name: what is called may be its constructor."""
    if may_hold_state(name) and node not in notes.referred:
        notes.handed_on.append((unit, node))


def _constant(notes: Notes, node: ast.Constant, unit: Unit) -> None:
    text = node.value
    if isinstance(text, str) and len(text) <= 60:
        if text.isidentifier():
            unit.mentions.add(text)
        elif text.startswith("-"):
            option = text.lstrip("-").replace("-", "_")
            unit.mentions.add(option)
            if is_mode(option):
                notes.add(unit, "flag-other", "flag-to-other")
            if is_rate_option(text):
                notes.add(unit, "rate")


def _imported(notes: Notes, node: ast.Import | ast.ImportFrom, _: Unit) -> None:
    for alias in node.names:
        module = node.module or "" if isinstance(node, ast.ImportFrom) else alias.name
        level = node.level if isinstance(node, ast.ImportFrom) else 0
        known = (alias.asname or alias.name).partition(".")[0]
        notes.imports[known] = "." if level else module.partition(".")[0]
        parts = f"{module}.{alias.name}".split(".")
        # a module of the project that is called so is looked at itself
        if not level and any(each in parts[0] for each in _KERAS):
            notes.keras.add(known)
            if parts[0] == "tensorflow" and WITH_LAYERS.isdisjoint(parts):
                notes.tensorflow.add(known)
        if alias.asname and alias.asname != alias.name:
            notes.aliases[alias.asname] = alias.name.rpartition(".")[2]


def _definition(notes: Notes, node: ast.FunctionDef | ast.AsyncFunctionDef, outer: Unit) -> None:
    unit = notes.function(node, outer)
    unit.decorators.update(_decorators(node))
    arguments = node.args
    named = [*arguments.posonlyargs, *arguments.args]
    if is_mode(node.name):
        notes.add(unit, "flag-other")
    if node.name.startswith("on_"):
        notes.add(unit, "traces", "fits")
    if node.name in {"train_step", "model_fn"}:
        notes.add(unit, "fits", "trains", "active")
    elif is_step(node.name):
        notes.add(unit, "trains", "active")
    if asks_a_model(node.name):
        notes.add(unit, "active")
    if node.name == "__call__":
        if outer.kind == "class" and (node.decorator_list or _tells_no_mode(arguments)):
            notes.operators.add(outer.name)
    elif node.name == "call":
        notes.add(unit, "defines-call")
    defaults = [None] * (len(named) - len(arguments.defaults)) + list(arguments.defaults)
    pairs = [*zip(named, defaults, strict=False), *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=False)]
    for parameter, default in pairs:
        _parameter(notes, node.name, parameter.arg, default, unit)
    notes.defines(node, outer, [each.arg for each in named])


def _tells_no_mode(arguments: ast.arguments) -> bool:
    """Whether a ``__call__`` may be called without a mode: it takes none, or has a default for that."""
    named = [*arguments.posonlyargs, *arguments.args]
    optional = named[len(named) - len(arguments.defaults) :]
    optional += [each for each, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if default]
    if any(names_mode(each.arg) for each in optional):
        return True
    return arguments.kwarg is None and not any(names_mode(each.arg) for each in (*named, *arguments.kwonlyargs))


def _decorators(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> Iterable[str]:
    return (last_name(each.func if isinstance(each, ast.Call) else each) for each in node.decorator_list)


def _parameter(notes: Notes, function: str, name: str, default: ast.expr | None, unit: Unit) -> None:
    unit.mentions.add(name)
    notes.stored.add(name)
    if is_mode(name):
        notes.add(unit, "mode-parameter")
        if function in {"call", "build"} and name != "training":
            notes.add(unit, "flag-misnamed")
        if default is not None:
            give_flag(notes, default, unit, function)
    elif function == "call" and name.lower().strip("_") in {"mode", "phase"}:
        notes.add(unit, "flag-misnamed")
    if default is not None:
        notes.bindings.append((unit, ast.Name(name, ast.Store()), default))
        give_rate(notes, name, default, unit)


def _class(notes: Notes, node: ast.ClassDef, outer: Unit) -> None:
    notes.referred.update(node.bases)
    notes.class_body(node, outer).decorators.update(_decorators(node))
    bases = tuple(last_name(base) for base in node.bases)
    call = next((each for each in node.body if isinstance(each, ast.FunctionDef) and each.name == "call"), None)
    heard = ""
    if call is not None:
        names = {each.arg for each in (*call.args.posonlyargs, *call.args.args, *call.args.kwonlyargs)}
        told = ("training" in names and not call.decorator_list) or _only_raises(call)
        heard = "told" if told else "deaf"
        if call.args.kwarg is not None and "training" not in names and _names_training(call):
            notes.add(notes.class_body(node, outer), "flag-misnamed")
    notes.classes[node.name] = (tuple(filter(None, bases)), heard)
    if any("ropout" in base or "GaussianNoise" in base for base in bases):
        # a layer of the project that takes a rate under any name
        notes.add(notes.class_body(node, outer), "rate")


def _names_training(function: ast.FunctionDef) -> bool:
    """Whether a function has the text ``"training"``, as to look for that among its keywords."""
    return any(isinstance(each, ast.Constant) and each.value == "training" for each in ast.walk(function))


def _only_raises(function: ast.FunctionDef) -> bool:
    """Whether a function does nothing else: nobody is to call it."""
    body = function.body[1:] if ast.get_docstring(function, clean=False) is not None else function.body
    return len(body) == 1 and isinstance(body[0], ast.Raise)


def _compare(notes: Notes, node: ast.Compare, unit: Unit) -> None:
    if any(isinstance(each, ast.Attribute) and each.attr == "trainable" for each in (node.left, *node.comparators)):
        notes.add(unit, "trainable-compared")


def _dict(notes: Notes, node: ast.Dict, unit: Unit) -> None:
    notes.dicts.append((unit, node))
    for key, value in zip(node.keys, node.values, strict=True):
        if isinstance(key, ast.Constant) and isinstance(key.value, str):
            if is_mode(key.value):
                notes.add(unit, "flag-other", "flag-to-other")
            elif key.value == "keep_prob":
                notes.add(unit, "keep-prob-given")
            elif key.value in REMOVED_ARGUMENTS:
                notes.add(unit, "removed-argument")
            elif key.value == "trainable" and last_name(value) != "trainable":
                notes.add(unit, "trainable-set", "trainable-given")
            if is_rate_option(key.value) and rate_kind(value) == "bad":
                notes.add(unit, "spread" if is_spread_name(key.value) else "rate")


def _expression(notes: Notes, node: ast.Expr, unit: Unit) -> None:
    discard(notes, node.value, unit)
    if unit.kind == "module" and isinstance(node.value, ast.Call):
        notes.add(unit, "active")


def _return(notes: Notes, node: ast.Return, unit: Unit) -> None:
    if node.value is not None:
        notes.returns.setdefault(unit.name, []).append(node.value)


def _runs(notes: Notes, _: ast.stmt, unit: Unit) -> None:
    if unit.kind == "module":
        notes.add(unit, "active")


def _if(notes: Notes, node: ast.If, unit: Unit) -> None:
    test = node.test
    if unit.kind == "module" and isinstance(test, ast.Compare) and last_name(test.left) == "__name__":
        notes.add(unit, "active")


def _both(*visits: Visit) -> Visit:
    def visit(notes: Notes, node: Any, unit: Unit) -> None:
        for each in visits:
            each(notes, node, unit)

    return visit


VISITS: Mapping[type[ast.AST], Visit] = {
    ast.Name: _name,
    ast.Attribute: visit_attribute,
    ast.Constant: _constant,
    ast.Import: _imported,
    ast.ImportFrom: _imported,
    ast.Assign: visit_assign,
    ast.AnnAssign: visit_annotated,
    ast.AugAssign: visit_augmented,
    ast.NamedExpr: visit_named,
    ast.For: _both(visit_for, _runs),
    ast.AsyncFor: visit_for,
    ast.comprehension: visit_for,
    ast.With: _both(visit_with, _runs),
    ast.AsyncWith: visit_with,
    ast.While: _runs,
    ast.If: _if,
    ast.Call: visit_call,
    ast.Expr: _expression,
    ast.Return: _return,
    ast.FunctionDef: _definition,
    ast.AsyncFunctionDef: _definition,
    ast.ClassDef: _class,
    ast.Compare: _compare,
    ast.Dict: _dict,
}
