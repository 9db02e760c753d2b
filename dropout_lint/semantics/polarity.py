"""Which way round an expression says the mode.

``training``, ``not is_eval`` and ``mode == "train"`` are true in training, ``not training``, ``is_eval`` and
``mode != "train"`` in inference.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dropout_lint.semantics.events import Frame, Place
from dropout_lint.semantics.values import Const
from dropout_lint.semantics.words import inference_flag, is_mode_name, phase_of_text
from dropout_lint.syntax.lazy import cst
from dropout_lint.syntax.literals import value_of

if TYPE_CHECKING:
    from dropout_lint.semantics.values import Argument


_MOST_STEPS = 16
"""Variables and parameters through which a flag is followed."""


@dataclass(frozen=True, slots=True, eq=False)
class Polarity:
    """What a flag says of the mode, and the expression that says it."""

    training: bool
    """Whether the flag is true in training and false in inference; False where it is the other way round."""
    place: Place
    explicit: bool
    """Said by an operator (``not``, ``==``), not only by a name."""
    opposite: str | None
    """The expression that says the opposite, where that is simple."""


def polarity_of(frame: Frame, given: Argument) -> Polarity | None:
    """Which way round a flag is; None where nothing says so. Followed outwards through variables and parameters."""
    node: cst.CSTNode | None = given.node
    here, found, steps, for_the_mode = frame, None, 0, True
    while isinstance(node, cst.BaseExpression) and steps < _MOST_STEPS:
        steps += 1
        sign = sign_of(node)
        if sign is None and isinstance(given.value, Const) and given.value.origin is not None and found is None:
            # a variable, or what else passed the value on: the expression that computed it
            origin = given.value.origin
            sign = sign_of(origin.node) if _operates(origin.node) else None
            if sign is not None:
                return Polarity(
                    sign, Place(origin.module, origin.node), True, _opposite(origin.module.tree, origin.node)
                )
        if sign is not None:
            opposite = _opposite(here.module.tree, node) if for_the_mode else None
            found = Polarity(sign, Place(here.module, node), _operates(node), opposite)
        if not isinstance(node, cst.Name):
            break
        through = here.arguments.get(node.value)
        if through is None:
            # what is called otherwise may have other uses, for which it is the right way round
            for_the_mode = is_mode_name(node.value)
            node = here.module.definition(node.value, here.function.node if here.function is not None else None)
            if node is not None and sign is not None and sign_of(node) is sign:
                # a name that says what it is is no slip: what is done with it is
                break
        elif here.caller is not None:
            node, here = through.node, here.caller
        else:
            break
    return found


def _operates(node: cst.CSTNode) -> bool:
    return not isinstance(node, (cst.Name, cst.Attribute, cst.Subscript))


def sign_of(node: cst.CSTNode, depth: int = 0) -> bool | None:
    """Whether an expression is true in training (True) or in inference (False); None where it does not say."""
    if depth > 6:
        return None
    if isinstance(node, (cst.Name, cst.Attribute)):
        return _sign_of_name(node.value if isinstance(node, cst.Name) else node.attr.value)
    if isinstance(node, cst.Subscript):
        return _sign_of_key(node)
    if isinstance(node, cst.UnaryOperation) and isinstance(node.operator, cst.Not):
        return _not(sign_of(node.expression, depth + 1))
    if isinstance(node, cst.BooleanOperation):
        one, two = sign_of(node.left, depth + 1), sign_of(node.right, depth + 1)
        return one if one is two else None
    if isinstance(node, cst.IfExp):
        return _sign_of_conditional(node, depth)
    if isinstance(node, cst.BinaryOperation) and isinstance(node.operator, cst.Subtract):
        return _not(sign_of(node.right, depth + 1)) if _literal(node.left) is True else None
    if isinstance(node, cst.Comparison):
        return _sign_of_comparison(node)
    if isinstance(node, cst.Call) and node.args:
        name = node.func.attr.value if isinstance(node.func, cst.Attribute) else getattr(node.func, "value", "")
        if name == "logical_not":
            return _not(sign_of(node.args[0].value, depth + 1))
        if name in {"bool", "int", "cast"}:
            return sign_of(node.args[0].value, depth + 1)
    return None


def _not(sign: bool | None) -> bool | None:
    return None if sign is None else not sign


def _sign_of_name(name: str) -> bool | None:
    if is_mode_name(name):
        return True
    return False if inference_flag(name) else None


def _sign_of_key(node: cst.Subscript) -> bool | None:
    """``options["training"]``."""
    index = node.slice[0].slice if len(node.slice) == 1 else None
    if isinstance(index, cst.Index) and isinstance(index.value, cst.SimpleString):
        text = value_of(index.value)
        return _sign_of_name(text) if isinstance(text, str) else None
    return None


def _sign_of_conditional(node: cst.IfExp, depth: int) -> bool | None:
    one, two = _literal(node.body), _literal(node.orelse)
    if one is None or two is None or one is two:
        return None
    test = sign_of(node.test, depth + 1)
    return test if one else _not(test)


def _literal(node: cst.BaseExpression) -> bool | None:
    if isinstance(node, cst.Name) and node.value in {"True", "False"}:
        return node.value == "True"
    if isinstance(node, cst.Integer) and node.value in {"0", "1"}:
        return node.value == "1"
    return None


def _sign_of_comparison(node: cst.Comparison) -> bool | None:
    if len(node.comparisons) != 1:
        return None
    sign, right = node.comparisons[0].operator, node.comparisons[0].comparator
    same = isinstance(sign, (cst.Equal, cst.Is, cst.In))
    if not same and not isinstance(sign, (cst.NotEqual, cst.IsNot, cst.NotIn)):
        return None
    if _literal(right) is not None:
        found = sign_of(node.left)
        return found if _literal(right) is same else _not(found)
    phases = {_phase(each) for each in _listed(right)} or {_phase(node.left)}
    if phases == {None} and not isinstance(sign, (cst.In, cst.NotIn)):
        phases = {_phase(node.left)}
    if len(phases) != 1:
        return None
    phase = phases.pop()
    if phase is None:
        return None
    # "neither prediction nor …" may well be evaluation: only "not training" is the opposite of training
    if not same and phase == "inference":
        return True
    return (phase == "training") is same


def _listed(node: cst.BaseExpression) -> list[cst.BaseExpression]:
    if isinstance(node, (cst.List, cst.Tuple, cst.Set)):
        return [each.value for each in node.elements]
    return [node]


def _phase(node: cst.BaseExpression) -> str | None:
    if isinstance(node, cst.SimpleString):
        text = value_of(node)
        return phase_of_text(text) if isinstance(text, str) else None
    if isinstance(node, cst.Attribute):
        return phase_of_text(node.attr.value)
    return phase_of_text(node.value) if isinstance(node, cst.Name) and node.value.isupper() else None


_FLIPPED = {"Equal": "!=", "NotEqual": "==", "Is": "is not", "IsNot": "is"}
"""Comparisons that say the opposite, by LibCST's names."""


def _opposite(tree: cst.Module, node: cst.CSTNode) -> str | None:
    if isinstance(node, cst.UnaryOperation):
        return tree.code_for_node(node.expression).strip()
    if isinstance(node, (cst.Name, cst.Attribute, cst.Subscript)):
        return f"not {tree.code_for_node(node).strip()}"
    if isinstance(node, cst.Comparison) and len(node.comparisons) == 1:
        flipped = _FLIPPED.get(type(node.comparisons[0].operator).__name__)
        if flipped is not None:
            left = tree.code_for_node(node.left).strip()
            return f"{left} {flipped} {tree.code_for_node(node.comparisons[0].comparator).strip()}"
    return None
