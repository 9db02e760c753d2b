"""Operators between two values: of constants as Python computes them, of lists and dictionaries, of tensors."""

from __future__ import annotations

import operator
import re
from typing import TYPE_CHECKING, Any

import libcst as cst

from dropout_lint.semantics import noise
from dropout_lint.semantics.containers import SMALL, merge_mapping
from dropout_lint.semantics.joining import join
from dropout_lint.semantics.tagging import derived, with_tags
from dropout_lint.semantics.tags import serials_in, tags_of
from dropout_lint.semantics.values import UNKNOWN, Const, Items, Mapping, OneOf, Opaque, Origin, Value, alternatives
from dropout_lint.semantics.words import words

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeGuard

    from dropout_lint.semantics.events import Frame
    from dropout_lint.semantics.run import Run

_LARGEST_CONSTANT = 1_000
"""Characters or bits of what is computed from constants: sums and products of a few lines fill any memory."""
_PLAIN_FORMAT = re.compile(r"[^%]*(?:%(?:[sdrif]|%)[^%]*)*")
_ARITHMETIC: dict[type, Callable[[Any, Any], Any]] = {
    cst.Add: operator.add,
    cst.Subtract: operator.sub,
    cst.Multiply: operator.mul,
    cst.Divide: operator.truediv,
    cst.FloorDivide: operator.floordiv,
    cst.Modulo: operator.mod,
    cst.BitAnd: operator.and_,
    cst.BitOr: operator.or_,
    cst.BitXor: operator.xor,
}


def binary(run: Run, frame: Frame, left: Value, right: Value, sign: cst.CSTNode, node: cst.CSTNode) -> Value:
    """``left <sign> right`` for arithmetic, list and dict operators."""
    if (
        isinstance(left, Const)
        and isinstance(right, Const)
        and isinstance(left.value, SMALL)
        and isinstance(right.value, SMALL)
    ):
        result = _computed(left.value, right.value, sign)
        return Const(result, Origin(frame.module, node)) if result is not None else UNKNOWN
    if _is_number_or_several(left, right) or _is_number_or_several(right, left):
        pairs = [(one, other) for one in alternatives(left) for other in alternatives(right)]
        return join([binary(run, frame, one, other, sign, node) for one, other in pairs])
    zero = _nothing_of(left, right, sign)
    if zero is not None:
        return zero
    if isinstance(sign, cst.Add) and isinstance(left, Items) and isinstance(right, Items):
        return run.items(left.kind, left.items + right.items, left.exact and right.exact)
    if isinstance(sign, cst.BitOr) and isinstance(left, Mapping) and isinstance(right, Mapping):
        merged = run.mapping(left.entries)
        merge_mapping(run, merged, right)
        return merged
    if isinstance(sign, cst.Multiply) and isinstance(left, Items) and isinstance(right, Const):
        return run.items(left.kind, left.items, exact=False)
    if isinstance(sign, cst.Add):
        run.note_sum(left, right, frame, node)
        _note_return(run, frame, left, right, node)
    result = noise.combined(run, frame, left, right, sign, node, derived(left, right))
    if isinstance(sign, cst.Multiply) and isinstance(node, cst.BinaryOperation):
        return with_tags(result, _DISCOUNT) if _is_discount(node.left) or _is_discount(node.right) else result
    return result


def _is_number(value: Value) -> TypeGuard[Const]:
    return isinstance(value, Const) and type(value.value) in {int, float}


def _is_number_or_several(several: Value, number: Value) -> bool:
    """Whether one is a number and the other of several values, a number among them: a rate that the mode decides."""
    return isinstance(several, OneOf) and _is_number(number) and any(map(_is_number, several.values))


def _nothing_of(left: Value, right: Value, sign: cst.CSTNode) -> Const | None:
    """The zero in ``0.0 * i / depth``: whatever the turn of the loop is, it is no share of nothing."""
    pairs = [(left, right)] if isinstance(sign, cst.Divide) else [(left, right), (right, left)]
    if not isinstance(sign, (cst.Multiply, cst.Divide)):
        return None
    for zero, other in pairs:
        if _is_number(zero) and zero.value == 0 and _counts(other):
            return zero
    return None


def _counts(value: Value) -> bool:
    """Whether a number that is not known is computed from nothing but the turns of a loop, or is a constant."""
    if isinstance(value, Const):
        return _is_number(value)
    tags = tags_of(value) if isinstance(value, Opaque) else frozenset()
    return bool(tags) and all(tag[0] in {"loop", "element"} for tag in tags)


_DISCOUNT = frozenset({("discount",)})


def _is_discount(node: cst.CSTNode) -> bool:
    """``self.gamma``: the factor that makes later rewards count less, by its name."""
    name = node.attr if isinstance(node, cst.Attribute) else node
    return isinstance(name, cst.Name) and not {"gamma", "discount"}.isdisjoint(words(name.value))


def _note_return(run: Run, frame: Frame, left: Value, right: Value, node: cst.CSTNode) -> None:
    """``reward + gamma * value``: what a model says of the next state becomes what is learned of this one."""
    for value, other in ((left, right), (right, left)):
        tags = tags_of(value)
        if tags >= _DISCOUNT and not serials_in(tags_of(other)):
            run.use("bootstrapped", "", tags, frame, node)


def _computed(left: Any, right: Any, sign: cst.CSTNode) -> Any:
    """``left <sign> right``; None where it raises, or where the source decides how large it gets."""
    compute = _ARITHMETIC.get(type(sign))
    text = isinstance(left, str) or isinstance(right, str)
    if compute is None or (text and not isinstance(sign, cst.Add) and not _fills_in(left, sign)):
        return None
    try:
        result = compute(left, right)
    except Exception:  # what the program would raise is not ours to report
        return None
    return result if _size(result) <= _LARGEST_CONSTANT else None


def _fills_in(text: Any, sign: cst.CSTNode) -> bool:
    """Whether it is a ``"%s of %d" % …`` without widths and precisions, which can ask for gigabytes."""
    return isinstance(sign, cst.Modulo) and isinstance(text, str) and _PLAIN_FORMAT.fullmatch(text) is not None


def _size(value: Any) -> int:
    if isinstance(value, str):
        return len(value)
    return value.bit_length() if isinstance(value, int) else 1
