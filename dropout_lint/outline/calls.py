"""What calls add to an outline."""

from __future__ import annotations

import ast
from functools import lru_cache
from typing import TYPE_CHECKING

from dropout_lint.keras.entry_points import REMOVED_ARGUMENTS, REMOVED_METHODS
from dropout_lint.keras.foreign import MODULE_METHODS
from dropout_lint.outline.drawing import is_draw
from dropout_lint.outline.names import (
    dotted,
    held_in,
    is_class,
    is_keras_layer,
    is_mode,
    is_mode_layer,
    is_self,
    is_step,
    is_super,
    last_name,
    may_hold_state,
    names_a_phase,
    root_of,
)
from dropout_lint.outline.rates import is_rate_name, is_spread_name, rate_kind, takes_rate
from dropout_lint.outline.values import give_attribute, give_flag

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dropout_lint.outline.model import Unit
    from dropout_lint.outline.notes import Notes

__all__ = ["discard", "visit_call"]

_MODEL_METHODS = frozenset(
    {
        "fit", "predict", "evaluate", "compile", "fit_generator", "train_on_batch", "test_on_batch", "predict_on_batch",
        "predict_generator", "evaluate_generator",
    }
)  # fmt: skip
_RUN = _MODEL_METHODS | {"export", "save", "save_weights", "load_weights", "set_weights"}
_RUN_OTHERWISE = frozenset({"load_model", "Checkpoint", "model_fn", "add_endpoint"})
_GRADIENTS = frozenset({"GradientTape", "value_and_grad", "grad", "gradients", "minimize", "backward"})
_FLAG_ACCESS = frozenset({"getattr", "setattr", "hasattr", "get", "pop", "setdefault", "getboolean"})
_ATTRIBUTE_HOOKS = frozenset({"__getattr__", "__getattribute__", "__setattr__", "__delattr__"})
"""What Python calls with the name of an attribute that somebody reads or sets."""
_TAKE_NO_FLAG = frozenset(
    {
        "getattr", "isinstance", "hasattr", "print", "range", "str", "len", "bool", "int", "float", "append", "get",
        "setdefault", "pop", "skipif", "parametrize", "convert_to_tensor", "constant", "where", "cast", "fill", "full",
        "add_weight", "add_argument", "issubclass",
    }
)  # fmt: skip
_MAKERS_OF_WEIGHTS = ("add_weight", "add_weights", "add_variable", "variable", "Variable", "get_variable", "weight")
_NO_RATES = frozenset({"name", "dtype", "seed", "noise_shape", "trainable", "training", "data_format"})


def visit_call(notes: Notes, node: ast.Call, unit: Unit) -> None:
    """A call."""
    callee = node.func
    name = last_name(callee)
    notes.referred.add(callee)
    notes.calls.append((unit, node))
    if isinstance(callee, ast.Attribute):
        _method(notes, callee, unit)
    elif isinstance(callee, ast.Name) and not is_class(name):
        unit.calls.add(name)
    if is_class(name) and may_hold_state(name):
        unit.makers.add((name, root_of(callee)))
    if is_draw(callee, notes):
        unit.draws.add(name)
    _by_name(notes, node, name, unit)
    _arguments(notes, node, name, unit)
    if takes_rate(name):
        if "ropout" in name or name.startswith("Gaussian"):
            notes.add(unit, "takes-rate")
        _rates_given(notes, node.args, node.keywords, name, unit)
    elif name == "partial" and node.args and takes_rate(last_name(node.args[0])):
        _rates_given(notes, node.args[1:], node.keywords, last_name(node.args[0]), unit)
        notes.add(unit, "takes-rate")
    notes.hands(node, name)
    if isinstance(callee, ast.Name) or (isinstance(callee, ast.Attribute) and last_name(callee.value) == "self"):
        open_ended = any(keyword.arg is None or is_mode(keyword.arg) for keyword in node.keywords)
        notes.untold[name] = notes.untold.get(name, False) or not open_ended


def _by_name(notes: Notes, node: ast.Call, name: str, unit: Unit) -> None:
    if name in _GRADIENTS:
        notes.add(unit, "fits", "trains", "active")
    elif is_step(name):
        notes.add(unit, "trains", "active")
    elif name in _RUN_OTHERWISE:
        notes.add(unit, "active")
    if name in {"isinstance", "issubclass"}:
        notes.referred.update(
            each for argument in node.args for each in ast.walk(argument) if isinstance(each, ast.expr)
        )
    if name == "setattr":
        _set_by_name(notes, node, unit)
    elif name == "getattr" and len(node.args) > 1 and not _is_written(notes, node.args[1], unit):
        notes.add(unit, "any-name")
    if (name in _FLAG_ACCESS or name.startswith("DEFINE_")) and any(
        isinstance(each, ast.Constant) and isinstance(each.value, str) and is_mode(each.value) for each in node.args
    ):
        notes.add(unit, "flag-other", "flag-to-other")


def _is_written(notes: Notes, name: ast.expr, unit: Unit) -> bool:
    """Whether a name that is looked up is written somewhere: there, or where somebody uses the attribute of a hook."""
    if isinstance(name, ast.Name) and unit.name in _ATTRIBUTE_HOOKS:
        return any(name.id in parameters for parameters in notes.parameters.get(unit.name, ()))
    return isinstance(name, ast.Constant)


def _method(notes: Notes, callee: ast.Attribute, unit: Unit) -> None:
    name = callee.attr
    if is_self(callee.value):
        unit.calls.add(name)
    if is_super(callee.value):
        return  # what a method does of the base that it overrides is asked of who calls the method
    if name == "compile":
        notes.compiles_models = True
        notes.add(unit, "trains", "active")
    elif name in _MODEL_METHODS or name.endswith(("_on_batch", "_generator")):
        notes.add(unit, "trains", "traces", "active")
        if name.startswith(("fit", "train")):
            notes.add(unit, "fits")
    elif name in _RUN or name.startswith("predict_"):
        notes.add(unit, "active")
    if name in REMOVED_METHODS:
        notes.add(unit, "removed-argument")
    if name in MODULE_METHODS and not is_class(last_name(callee.value)):
        notes.torch.append((unit, callee.value))
    if name == "call":
        notes.add(unit, "flag-none")
        notes.called_past.append((unit, callee.value))
    if name in {"append", "add", "update", "setdefault", "register", "extend", "insert"}:
        unit.keeps.add(last_name(callee.value))


def _set_by_name(notes: Notes, node: ast.Call, unit: Unit) -> None:
    """``setattr(layer, name, value)``: an attribute, which one may not be known yet."""
    given = node.args[1] if len(node.args) > 1 else None
    if isinstance(given, ast.Constant) and isinstance(given.value, str):
        give_attribute(notes, given.value, unit)
    else:
        notes.set_by_name.append((unit, node))


def _arguments(notes: Notes, node: ast.Call, name: str, unit: Unit) -> None:
    callee = node.func
    for keyword in node.keywords:
        given = keyword.arg
        if given is None:
            continue
        unit.mentions.add(given)
        if given == "keep_prob":
            notes.add(unit, "keep-prob-given")
        if is_mode(given):
            give_flag(notes, keyword.value, unit)
            to_other = name in _MODEL_METHODS or name.lstrip("_")[:1].isupper() or name in {"partial", "dict"}
            if to_other or (isinstance(callee, ast.Subscript) and isinstance(callee.slice, ast.Constant)):
                notes.add(unit, "flag-to-other")
        elif given == "trainable":
            if not name.endswith(_MAKERS_OF_WEIGHTS):
                notes.add(unit, "trainable-given")
        elif given in REMOVED_ARGUMENTS:
            notes.add(unit, "removed-argument")
        elif is_rate_name(given):
            if "drop" in given and is_keras_layer(name):
                notes.add(unit, "takes-rate")
            if "drop" in given and is_spread_name(last_name(held_in(keyword.value))):
                notes.add(unit, "takes-spread")
            root = "" if is_keras_layer(name) else root_of(callee)
            notes.rates_given.append((unit, root, keyword.value, is_spread_name(given)))
        if name == "dict" and given in REMOVED_ARGUMENTS:
            notes.add(unit, "removed-argument")
    if not node.args or _takes_no_flag(name):
        return
    for position, argument in enumerate(node.args):
        if type(argument) is ast.Name:
            flag = is_mode(argument.id)
        elif type(argument) is ast.Attribute:
            flag = is_mode(argument.attr)
            if argument.attr == "trainable":
                notes.add(unit, "trainable-handed")
        else:
            flag = _chooses(argument)
        if flag:
            notes.by_position(unit, callee, position, argument)


@lru_cache(maxsize=16384)
def _takes_no_flag(name: str) -> bool:
    """Whether what stands first in the arguments of a function is never the training flag."""
    return name in _TAKE_NO_FLAG or name.startswith(("assert", "DEFINE_")) or is_keras_layer(name)


def _chooses(argument: ast.expr) -> bool:
    if isinstance(argument, ast.Constant):
        return argument.value is True or argument.value is False
    if isinstance(argument, ast.Compare):
        sides = (argument.left, *argument.comparators)
        return any(
            isinstance(each, ast.Constant) and isinstance(each.value, str) and names_a_phase(each.value)
            for each in sides
        )
    return isinstance(argument, ast.UnaryOp) and isinstance(argument.op, ast.Not)


def _rates_given(
    notes: Notes, given: Sequence[ast.expr], keywords: Sequence[ast.keyword], name: str, unit: Unit
) -> None:
    """The arguments of what is called like dropout: a layer takes its rate first, a function second."""
    layer = name.lstrip("_")[:1].isupper()
    if any(map(_is_complement, (*given, *(keyword.value for keyword in keywords)))):
        notes.add(unit, "keeps")
    for position, argument in enumerate(given[:3]):
        if position or layer:
            _rate_given(notes, argument, unit, certain=position == (0 if layer else 1))
    for keyword in keywords:
        if keyword.arg is None:
            notes.add(unit, "rate")
        elif keyword.arg not in _NO_RATES:
            _rate_given(notes, keyword.value, unit, certain=True)


def _rate_given(notes: Notes, value: ast.expr, unit: Unit, *, certain: bool) -> None:
    kind = rate_kind(value)
    if is_spread_name(last_name(held_in(value))):
        notes.add(unit, "takes-spread")
    if kind == "name":
        notes.local.add(last_name(held_in(value)))
    elif certain and (kind == "bad" or (isinstance(value, ast.Constant) and value.value is None)):
        notes.add(unit, "rate")
    if isinstance(value, ast.Subscript):
        notes.looked_up.append(unit)


def _is_complement(value: ast.expr) -> bool:
    """Whether this is ``1 - x``."""
    return (
        isinstance(value, ast.BinOp)
        and isinstance(value.op, ast.Sub)
        and isinstance(value.left, ast.Constant)
        and value.left.value == 1
    )


def discard(notes: Notes, value: ast.expr, unit: Unit) -> None:
    """A call whose result nobody keeps."""
    if not isinstance(value, ast.Call):
        return
    callee = value.func
    name = last_name(callee)
    if isinstance(callee, ast.Subscript) or (is_mode_layer(name) and name[:1].isupper()):
        notes.add(unit, "discarded")
    elif isinstance(callee, ast.Call):
        if last_name(callee.func)[:1].isupper():
            notes.add(unit, "discarded")
    elif name:
        notes.statements.append((unit, dotted(callee)))
