"""Models that hide a part of their input in training, to learn by filling it in: who wants to see that asks for it.

A masked autoencoder draws its mask where it is trained and nowhere else (https://arxiv.org/abs/2111.06377), and its
loss is that of what is hidden: shown or scored in inference mode, it has nothing to fill in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dropout_lint.semantics.values import ClassValue, FunctionValue, Instance, Value, alternatives
from dropout_lint.semantics.words import words
from dropout_lint.syntax.lazy import cst
from dropout_lint.syntax.walk import walk

if TYPE_CHECKING:
    from dropout_lint.semantics.events import ModeCall

_MOST_OBJECTS = 60


def hides_input(event: ModeCall) -> bool:
    """Whether the flag decides, in a class of the project inside what is called, that something is masked."""
    seen: set[int] = set()
    waiting: list[Value] = [event.callee]
    while waiting and len(seen) < _MOST_OBJECTS:
        for each in alternatives(waiting.pop(0)):
            if not isinstance(each, Instance) or each.serial in seen or not isinstance(each.cls, ClassValue):
                continue
            seen.add(each.serial)
            waiting += each.attributes.values()
            if any(_masks(cls) for cls in each.cls.ancestry()):
                return True
    return False


def _masks(cls: ClassValue) -> bool:
    return "masking" in words(cls.name) and any(
        isinstance(node, (cst.If, cst.IfExp)) and _asks_for_mode(node.test)
        for attribute in cls.attributes.values()
        if isinstance(attribute, FunctionValue)
        for node in walk(attribute.node)
    )


def _asks_for_mode(test: cst.BaseExpression) -> bool:
    return any(isinstance(node, cst.Name) and node.value == "training" for node in walk(test))
