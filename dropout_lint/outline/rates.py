"""Rates, as far as an expression alone tells: in range, out of range, or somebody's name for one."""

from __future__ import annotations

import ast
import re
from functools import lru_cache

from dropout_lint.outline.names import last_name, root_of

__all__ = ["LIBRARIES", "is_rate_name", "is_rate_option", "is_spread_name", "rate_kind", "takes_rate"]

_RATE = (
    r"(?:drop(?:out|ped|ping)?s?(?:_?(?:rates?|prob(?:ability|s)?|p))?\d*|drop_?path(?:_?(?:rates?|prob))?|rates?|"
    r"prob(?:ability)?|keep(?:_?prob(?:ability)?)?|kept|retain|survival(?:_?(?:rate|prob(?:ability)?))?|std(?:dev)?|"
    r"noise(?:_?(?:std(?:dev)?|rate|level|scale))?|p)"
)
_RATE_NAME = re.compile(r"(?i)(?:\w*_)?" + _RATE)
_SPREAD_NAME = re.compile(r"(?i)(?:\w*_)?(?:std(?:dev)?|noise(?:_?(?:std(?:dev)?|rate|level|scale))?)")
_OPTION = re.compile(r"(?i)-{0,2}(?:\w*[_-])?" + _RATE + r"(?:[_-]\w*)?")
_OTHER_RATE = re.compile(
    r"(?i)\w*(?:learning|growth|sampl\w*|frame|decay|lr|bit|dilation|refresh|error|data|reduction|squeeze)_?rates?"
)
LIBRARIES = frozenset({"np", "numpy", "tf", "keras", "ops", "math", "jnp", "layers", "backend", "random", "torch"})
"""What libraries and their modules are called, whether they are imported or made."""
_MAKERS_OF_OTHER = frozenset(
    {"super", "add_weight", "add_variable", "list", "tuple", "dict", "zip", "range", "set", "get_config"}
)
_DEEPEST = 24
_SCALING = (ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow)


@lru_cache(maxsize=16384)
def is_rate_name(name: str) -> bool:
    """Whether a variable, parameter or attribute is named like a rate."""
    return _RATE_NAME.fullmatch(name) is not None and _OTHER_RATE.fullmatch(name) is None


@lru_cache(maxsize=16384)
def is_spread_name(name: str) -> bool:
    """Whether it is named like the spread of noise, which only layers that add noise take."""
    return _SPREAD_NAME.fullmatch(name) is not None


@lru_cache(maxsize=16384)
def takes_rate(name: str) -> bool:
    """Whether a function or a class is named like one that takes a rate."""
    return "drop" in name or "Drop" in name or name.startswith("GaussianNoise")


@lru_cache(maxsize=16384)
def is_rate_option(text: str) -> bool:
    """Whether a text is the name of an option for a rate: ``--dropout``, ``drop_rate``."""
    return _OPTION.fullmatch(text) is not None and _OTHER_RATE.fullmatch(text.lstrip("-")) is None


def rate_kind(value: ast.expr, depth: int = 0) -> str:
    """``good`` for a number in range or what is none, ``name`` for another name, ``bad`` for all else."""
    if isinstance(value, ast.Constant):
        return _of_constant(value.value)
    if isinstance(value, (ast.Name, ast.Attribute)):
        return "good" if is_rate_name(last_name(value)) else "name"
    if depth > _DEEPEST:
        return "bad"
    if isinstance(value, ast.Subscript):
        return "bad" if isinstance(value.value, ast.Call) else rate_kind(value.value, depth + 1)
    if isinstance(value, (ast.Lambda, ast.Compare, ast.JoinedStr, ast.Dict, ast.Set)):
        return "good"  # no number
    if isinstance(value, (ast.ListComp, ast.GeneratorExp)):
        return rate_kind(value.elt, depth + 1)
    if isinstance(value, ast.IfExp):
        return _worst((value.body, value.orelse), depth)
    if isinstance(value, (ast.BoolOp, ast.List, ast.Tuple)):
        return _worst(value.values if isinstance(value, ast.BoolOp) else value.elts, depth)
    if isinstance(value, ast.BinOp):
        return _of_operation(value, depth)
    if isinstance(value, ast.Call):
        return _of_call(value, depth)
    return "bad"


def _worst(values: list[ast.expr] | tuple[ast.expr, ...], depth: int) -> str:
    kinds = {rate_kind(each, depth + 1) for each in values}
    return "bad" if "bad" in kinds else "name" if "name" in kinds else "good"


def _of_constant(value: object) -> str:
    if value is None or value is False:
        return "good"
    return "good" if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 1 else "bad"


def _of_operation(value: ast.BinOp, depth: int) -> str:
    """``drop_path * i / blocks`` and ``1 - keep`` stay rates; ``drop * 100`` need not."""
    if isinstance(value.op, ast.Sub) and isinstance(value.left, ast.Constant) and value.left.value in (1, 1.0):
        return "good" if rate_kind(value.right, depth + 1) == "good" else "bad"
    if isinstance(value.op, ast.Div) and isinstance(value.left, ast.Constant) and value.left.value in (1, 1.0):
        return "good"  # a part of the whole
    if not isinstance(value.op, _SCALING):
        return "bad"
    sides = (value.left, value.right)
    if any(isinstance(each, ast.Constant) for each in sides) and rate_kind(value.right, depth + 1) != "good":
        return "bad" if not isinstance(value.op, ast.Div) else rate_kind(value.left, depth + 1)
    return "good" if any(rate_kind(each, depth + 1) == "good" for each in sides) else "bad"


def _of_call(value: ast.Call, depth: int) -> str:
    """What a function gives that is no part of the project is nothing a rule knows."""
    function = value.func
    name = last_name(function)
    if name == "float" and len(value.args) == 1 and not isinstance(value.args[0], ast.Starred):
        return rate_kind(value.args[0], depth + 1)
    if name in {"get", "pop", "getattr", "setdefault"}:
        return rate_kind(value.args[-1], depth + 1) if len(value.args) > 1 else "good"
    if root_of(function) in LIBRARIES:
        return "good"
    return "good" if name[:1].isupper() or name in _MAKERS_OF_OTHER else "bad"
