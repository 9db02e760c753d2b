"""Tests that only the defaults of a constructor fail which nobody is seen to call.

``def __init__(self, rate=0.0)`` and ``if self.rate > 0`` in ``call``: whoever makes such an object elsewhere may say
0.5. Where a file makes none itself, what stands under the test may run as well as not, and a rate of 0 is any rate.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dropout_lint.keras.entry_points import DROPOUT_FUNCTIONS
from dropout_lint.keras.layers import layer as layer_facts
from dropout_lint.semantics import conditions
from dropout_lint.semantics.values import UNKNOWN, Argument, Const, Instance, Opaque, Value
from dropout_lint.syntax.lazy import cst

if TYPE_CHECKING:
    from dropout_lint.semantics.arguments import Arguments
    from dropout_lint.semantics.conditions import Evaluate
    from dropout_lint.semantics.events import Frame
    from dropout_lint.semantics.run import Run
    from dropout_lint.semantics.scopes import Scope


def note_default(run: Run, frame: Frame, value: Value) -> None:
    """Remember a default of the constructor of an object that the file does not make."""
    if frame.assumed and frame.name == "__init__" and isinstance(frame.receiver, Instance) and _is_open(value):
        run.untold[id(value)] = value


def _is_open(value: Value) -> bool:
    """Whether another value is as likely: a number or a text, but not a switch, whose default is what is meant."""
    return isinstance(value, Const) and isinstance(value.value, (int, float, str)) and not isinstance(value.value, bool)


def failing(
    run: Run, frame: Frame, scope: Scope, test: cst.BaseExpression, evaluate: Evaluate
) -> tuple[cst.BaseExpression, ...]:
    """The expressions in ``test``, which comes out False, whose values are such defaults; none where others fail it."""
    parts = [test]
    found: list[cst.BaseExpression] = []
    while parts:
        part = parts.pop()
        if isinstance(part, cst.BooleanOperation) and isinstance(part.operator, cst.And):
            parts += (part.left, part.right)
            continue
        outcome: bool | None = False
        if isinstance(part, cst.Comparison) and len(part.comparisons) == 1:
            target = part.comparisons[0]
            nodes = [part.left, target.comparator]
            left, right = values = [_read(run, frame, scope, each, evaluate) for each in nodes]
            if left is not None and right is not None:
                outcome = conditions.compare(left, right, target.operator)
        else:
            nodes, values = [part], [_read(run, frame, scope, part, evaluate)]
            if values[0] is not None:
                outcome = conditions.decide(run, values[0])
        if outcome is False:
            untold = [each for each, value in zip(nodes, values, strict=True) if id(value) in run.untold]
            if not untold:
                return ()
            found += untold
    return tuple(found)


def forget(run: Run, frame: Frame, scope: Scope, nodes: tuple[cst.BaseExpression, ...], evaluate: Evaluate) -> None:
    """Whatever passes the test, it is not the default."""
    for node in nodes:
        if isinstance(node, cst.Name):
            run.store.write(scope.target(node.value).names, node.value, UNKNOWN)
        elif isinstance(node, cst.Attribute):
            owner = evaluate(run, frame, scope, node.value)
            if isinstance(owner, Instance):
                unknown = Opaque(key=("instance", owner.serial, node.attr.value))
                run.store.write(owner.attributes, node.attr.value, unknown)


def as_made_elsewhere(run: Run, frame: Frame, name: str, arguments: Arguments) -> Arguments:
    """The arguments of what drops in a ``call``: a rate that is 0 by such a default may be any other."""
    if not run.untold or not _has_rate(name) or not any(each.hook == "call" for each in frame.chain()):
        return arguments

    def told(given: Argument) -> Argument:
        off = isinstance(given.value, Const) and not given.value.value and id(given.value) in run.untold
        return Argument(UNKNOWN, given.node) if off else given

    positional = tuple(told(each) for each in arguments.positional)
    keywords = {key: told(each) for key, each in arguments.keywords.items()}
    return replace(arguments, positional=positional, keywords=keywords)


def _has_rate(name: str) -> bool:
    facts = layer_facts(name)
    return name in DROPOUT_FUNCTIONS or (facts is not None and bool(facts.rate_arguments))


def _read(run: Run, frame: Frame, scope: Scope, node: cst.BaseExpression, evaluate: Evaluate) -> Value | None:
    """The value of a name, an attribute of one, or a literal; None for what it would do something to evaluate."""
    plain = node.value if isinstance(node, cst.Attribute) else node
    known = (cst.Name, cst.SimpleString, cst.Integer, cst.Float, cst.Tuple, cst.List)
    return evaluate(run, frame, scope, node) if isinstance(plain, known) else None
