"""Statements of one line: expressions, assignments, and what leaves a block."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

import libcst as cst

from dropout_lint.semantics import calls, imports
from dropout_lint.semantics.arithmetic import binary
from dropout_lint.semantics.events import AttributeSet, Discarded, Frame, ModeCall, Place
from dropout_lint.semantics.expressions import bind, evaluate
from dropout_lint.semantics.naming import note_assignment
from dropout_lint.semantics.passages import Leave
from dropout_lint.semantics.tagging import derived, with_tags
from dropout_lint.semantics.tags import tags_of
from dropout_lint.semantics.values import UNKNOWN, Const, External, Items, Opaque
from dropout_lint.semantics.words import ANSWERING_WORDS, is_mode_name, role_of_name, words
from dropout_lint.syntax.walk import last_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from dropout_lint.semantics.run import Run
    from dropout_lint.semantics.scopes import Scope


class Flow(Enum):
    """Where control goes after a statement."""

    ON = "on"
    LEAVES_TURN = "break or continue"
    LEAVES = "return or raise"


def _expression(run: Run, frame: Frame, scope: Scope, node: cst.Expr) -> Flow | None:
    before = len(run.events)
    meant = _as_assignment(run, frame, scope, node.value)
    value = evaluate(run, frame, scope, node.value) if meant is None else derived(meant.receiver, meant.value)
    if isinstance(node.value, (cst.Call, cst.Comparison)):
        run.emit(Discarded(run.serial(), Place(frame.module, node.value), value, frame.chain(), meant))
    if isinstance(node.value, cst.Call):
        _discard(run, node.value, before)
        if _ends(run, frame, scope, node.value):
            run.course.add(Leave("raise"))
            return Flow.LEAVES
    return None


def _discard(run: Run, call: cst.Call, before: int) -> None:
    """Nobody wants what a call gives back; ``before`` are the events that had happened then."""
    for event in run.events[before:]:
        if isinstance(event, ModeCall) and event.place.node is call:
            event.discarded = True


def _ends(run: Run, frame: Frame, scope: Scope, call: cst.Call) -> bool:
    """Whether the program ends here, on this path: ``sys.exit()`` somewhere else than in the middle of a script."""
    func = call.func
    if last_name(func) not in {"exit", "_exit", "quit"} or not (run.guards or frame.function is not None):
        return False
    callee = evaluate(run, frame, scope, func)
    return isinstance(callee, External) and callee.name in {"sys.exit", "os._exit", "builtins.exit", "builtins.quit"}


def _as_assignment(run: Run, frame: Frame, scope: Scope, node: cst.BaseExpression) -> AttributeSet | None:
    """What ``layer.trainable == False`` would do if it were an assignment."""
    if not (isinstance(node, cst.Comparison) and isinstance(node.left, cst.Attribute) and len(node.comparisons) == 1):
        return None
    if not isinstance(node.comparisons[0].operator, (cst.Equal, cst.Is)):
        return None
    receiver = evaluate(run, frame, scope, node.left.value)
    value = evaluate(run, frame, scope, node.comparisons[0].comparator)
    text = calls.source_of(frame, node.left.value)
    return AttributeSet(
        run.serial(),
        Place(frame.module, node),
        receiver,
        text,
        node.left.attr.value,
        value,
        frame.chain(),
        tuple(run.loops),
    )


def _assign(run: Run, frame: Frame, scope: Scope, node: cst.Assign) -> Flow | None:
    before = len(run.events)
    value = evaluate(run, frame, scope, node.value)
    if isinstance(node.value, cst.Call) and all(_is_nobody(target.target) for target in node.targets):
        _discard(run, node.value, before)
    for target in node.targets:
        note_assignment(run, frame, target.target, node.value)
        if run.loops and _updates(target.target, node.value):
            run.use("summed", "summed up over the loop", tags_of(value), frame, node)
        bind(run, frame, scope, target.target, value)
    return None


def _is_nobody(target: cst.BaseAssignTargetExpression) -> bool:
    return isinstance(target, cst.Name) and not target.value.strip("_")


def _updates(target: cst.BaseAssignTargetExpression, value: cst.BaseExpression) -> bool:
    """Whether a value is computed from what its target holds: ``self.mean = self.mean + step``."""
    if not isinstance(target, (cst.Name, cst.Attribute)) or not isinstance(value, cst.BinaryOperation):
        return False
    stack: list[cst.BaseExpression] = [value]
    while stack:
        each = stack.pop()
        if isinstance(each, cst.BinaryOperation):
            stack += (each.left, each.right)
        elif _same_place(target, each):
            return True
    return False


def _same_place(one: cst.BaseExpression, other: cst.BaseExpression) -> bool:
    """Whether two expressions are the same name, or attributes of the same thing by the same names."""
    while isinstance(one, cst.Attribute) and isinstance(other, cst.Attribute) and one.attr.value == other.attr.value:
        one, other = one.value, other.value
    return isinstance(one, cst.Name) and isinstance(other, cst.Name) and one.value == other.value


def _annotated(run: Run, frame: Frame, scope: Scope, node: cst.AnnAssign) -> Flow | None:
    if scope.kind == "class" and isinstance(node.target, cst.Name):
        listed = scope.names.get("__annotations__")
        before = listed.items if isinstance(listed, Items) else ()
        scope.names["__annotations__"] = run.items("list", (*before, Const(node.target.value)))
    if node.value is not None:
        note_assignment(run, frame, node.target, node.value)
        bind(run, frame, scope, node.target, evaluate(run, frame, scope, node.value))
    elif isinstance(node.target, cst.Name) and scope.kind != "class" and scope.find(node.target.value) is None:
        bind(run, frame, scope, node.target, UNKNOWN)
    return None


_AUGMENTED: dict[type, type] = {
    cst.AddAssign: cst.Add,
    cst.SubtractAssign: cst.Subtract,
    cst.MultiplyAssign: cst.Multiply,
    cst.DivideAssign: cst.Divide,
    cst.BitOrAssign: cst.BitOr,
    cst.BitAndAssign: cst.BitAnd,
}


def _augmented(run: Run, frame: Frame, scope: Scope, node: cst.AugAssign) -> Flow | None:
    before = evaluate(run, frame, scope, node.target)
    operand = evaluate(run, frame, scope, node.value)
    sign = _AUGMENTED.get(type(node.operator), cst.Add)()
    result = binary(run, frame, before, operand, sign, node)
    if run.loops and not isinstance(before, Items):
        # a running value varies with the loop; it is no constant
        result = with_tags(Opaque(tags_of(before) | tags_of(operand)), frozenset({("loop", run.loops[-1].serial)}))
        run.use("summed", "summed up over the loop", tags_of(operand), frame, node)
    bind(run, frame, scope, node.target, result)
    return None


def _return(run: Run, frame: Frame, scope: Scope, node: cst.Return) -> Flow:
    if node.value is not None:
        value = evaluate(run, frame, scope, node.value)
        frame.returns.append(value)
        if any(is_mode_name(name) for guard in run.guards for name in guard):
            run.use("gated", "", tags_of(value), frame, node)
        if frame.assumed:
            answers = role_of_name(frame.name) == "inference" and not ANSWERING_WORDS.isdisjoint(words(frame.name))
            run.use("returned", f"returned by {frame.name}()" if answers else "", tags_of(value), frame, node)
    else:
        frame.returns.append(Const(None))
    run.course.add(Leave("return"))
    return Flow.LEAVES


def _raise(run: Run, frame: Frame, scope: Scope, node: cst.Raise) -> Flow:
    if node.exc is not None:
        evaluate(run, frame, scope, node.exc)
    run.course.add(Leave("raise"))
    return Flow.LEAVES


def _leaves_turn(run: Run, frame: Frame, scope: Scope, node: cst.CSTNode) -> Flow:
    run.course.add(Leave("turn"))
    return Flow.LEAVES_TURN


def _import(run: Run, frame: Frame, scope: Scope, node: cst.Import) -> Flow | None:
    imports.import_statement(run, frame, scope, node)
    return None


def _import_from(run: Run, frame: Frame, scope: Scope, node: cst.ImportFrom) -> Flow | None:
    imports.from_statement(run, frame, scope, node)
    return None


def _assert(run: Run, frame: Frame, scope: Scope, node: cst.Assert) -> Flow | None:
    value = evaluate(run, frame, scope, node.test)
    run.use("asserted", "asserted", tags_of(value), frame, node)
    return None


def _delete(run: Run, frame: Frame, scope: Scope, node: cst.Del) -> Flow | None:
    return None


def _global(run: Run, frame: Frame, scope: Scope, node: cst.Global) -> Flow | None:
    scope.globals.update(item.name.value for item in node.names)
    return None


def _nonlocal(run: Run, frame: Frame, scope: Scope, node: cst.Nonlocal) -> Flow | None:
    scope.nonlocals.update(item.name.value for item in node.names)
    return None


HANDLERS: dict[type, Callable[[Run, Frame, Scope, Any], Flow | None]] = {
    cst.Expr: _expression,
    cst.Assign: _assign,
    cst.AnnAssign: _annotated,
    cst.AugAssign: _augmented,
    cst.Return: _return,
    cst.Raise: _raise,
    cst.Break: _leaves_turn,
    cst.Continue: _leaves_turn,
    cst.Import: _import,
    cst.ImportFrom: _import_from,
    cst.Assert: _assert,
    cst.Del: _delete,
    cst.Global: _global,
    cst.Nonlocal: _nonlocal,
}
