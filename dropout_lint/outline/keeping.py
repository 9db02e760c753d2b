"""Probabilities to keep: where one is handed on to what may take it for a rate.

A rate is known as one to keep by the names it goes by on its way, so one of those names must be handed over somewhere:
as an argument, or to something that is called otherwise.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from dropout_lint.outline.names import is_keras_layer, last_name, root_of
from dropout_lint.outline.rates import LIBRARIES, is_rate_name, takes_rate
from dropout_lint.semantics.words import CONVERSIONS, READERS, keeps

if TYPE_CHECKING:
    from dropout_lint.outline.notes import Notes

__all__ = ["hand_keeps_on"]

_WORDS = re.compile(r"(?i)keep|kept|retain|survival")
_HAND_THROUGH = frozenset({"partial", "dict", "Namespace", "SimpleNamespace"})


def hand_keeps_on(notes: Notes, words: str) -> None:
    """Add ``keeps`` where what is named like a probability to keep is handed on; ``words`` are those of the file."""
    if _WORDS.search(words) is None:
        return
    for unit, call in notes.calls:
        if _is_taken(call, notes):
            notes.add(unit, "keeps")
    for unit, target, value in notes.bindings:
        if _says_so(value) and not _is_one_to_keep(last_name(target)):
            notes.add(unit, "keeps")
    for unit, node in notes.dicts:
        for key, value in zip(node.keys, node.values, strict=True):
            named = isinstance(key, ast.Constant) and isinstance(key.value, str) and _is_one_to_keep(key.value)
            if _says_so(value) and not named:
                notes.add(unit, "keeps")


def _is_taken(call: ast.Call, notes: Notes) -> bool:
    name, root = last_name(call.func), root_of(call.func)
    name = notes.aliases.get(name, name)
    takes = takes_rate(name) or is_keras_layer(name)
    if not takes and name not in _HAND_THROUGH and (root in LIBRARIES or notes.is_foreign(root)):
        # a function of a library: only what is called a rate could be one
        return any(_says_so(each.value) and each.arg is not None and is_rate_name(each.arg) for each in call.keywords)
    if any(_says_so(each) for each in call.args):
        return True
    return any(
        _says_so(each.value) and not (each.arg is not None and _is_one_to_keep(each.arg)) for each in call.keywords
    )


def _is_one_to_keep(name: str) -> bool:
    return keeps(name) is True


def _says_so(value: ast.expr) -> bool:
    """Whether a value goes by such a name, or is 1 minus what is called a rate; see `dropout_lint.semantics.naming`."""
    turned = False
    while True:
        if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Sub) and _is_one(value.left):
            value, turned = value.right, True
        elif isinstance(value, ast.Call) and value.args and last_name(value.func) in CONVERSIONS:
            value = value.args[0]
        else:
            break
    says = keeps(_label(value))
    return says is True or (says is False and turned)


def _is_one(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and value.value == 1


def _label(value: ast.expr) -> str:
    if isinstance(value, ast.Subscript):
        texts = [value.slice]
    elif isinstance(value, ast.Call):
        texts = value.args if last_name(value.func) in READERS else []
    else:
        return last_name(value)
    return next((each.value for each in texts if isinstance(each, ast.Constant) and isinstance(each.value, str)), "")
