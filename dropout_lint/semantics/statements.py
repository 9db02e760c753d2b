"""Statements: the order of things, branches, loops, and what a context manager opens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import libcst as cst

from dropout_lint.semantics import calls, conditions, simple_statements
from dropout_lint.semantics.arguments import Arguments
from dropout_lint.semantics.containers import elements_of, get_item, loop_element, may_be_empty
from dropout_lint.semantics.defaults import failing, forget
from dropout_lint.semantics.definitions import define_class, define_function
from dropout_lint.semantics.events import OFF, Frame, TrainableSet
from dropout_lint.semantics.expressions import bind, evaluate
from dropout_lint.semantics.models import goes_over_layers
from dropout_lint.semantics.naming import names_behind
from dropout_lint.semantics.polarity import sign_of
from dropout_lint.semantics.simple_statements import Flow
from dropout_lint.semantics.tags import tags_of
from dropout_lint.semantics.unmet import note_unmet
from dropout_lint.semantics.values import (
    UNKNOWN,
    Argument,
    ClassValue,
    Const,
    FunctionValue,
    Instance,
    Managed,
    Opaque,
    Value,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dropout_lint.semantics.run import Run
    from dropout_lint.semantics.scopes import Scope

DEEPEST_SECOND_TURN = 5
"""Loops inside one another of which the innermost still has its second turn: each doubles the turns of all inside."""
_MOST_COMMENT_LINES, _LONGEST_COMMENT = 50, 4_000
"""What is read of the comments above a statement, each time it runs."""


def execute_block(run: Run, frame: Frame, scope: Scope, body: Sequence[cst.CSTNode]) -> Flow:
    """Execute statements in order.

    Raises:
        BudgetExceeded: when the file's budget is spent.
    """
    with run.block():
        for statement in body:
            run.step()
            flow = _execute(run, frame, scope, statement)
            if flow is not Flow.ON:
                return flow
    return Flow.ON


def _execute(run: Run, frame: Frame, scope: Scope, statement: cst.CSTNode) -> Flow:
    if isinstance(statement, cst.SimpleStatementLine):
        for small in statement.body:
            handler = simple_statements.HANDLERS.get(type(small))
            if handler is not None:
                before = len(run.events)
                _note_comments(frame, statement)
                flow = handler(run, frame, scope, small)
                for event in run.events[before:]:
                    if isinstance(event, TrainableSet) and event.container is None and event.node is not None:
                        event.container = statement
                if flow is not None:
                    return flow
        return Flow.ON
    compound = _COMPOUND.get(type(statement))
    return compound(run, frame, scope, statement) if compound is not None else Flow.ON


def _note_comments(frame: Frame, statement: cst.SimpleStatementLine) -> None:
    """A comment speaks of the statements below it, up to the next comment or blank line."""
    above = frame.comment.partition("\n")[0]
    if statement.leading_lines:
        lines = statement.leading_lines[-_MOST_COMMENT_LINES:]
        above = " ".join(line.comment.value for line in lines if line.comment is not None)[:_LONGEST_COMMENT]
    beside = statement.trailing_whitespace.comment
    frame.comment = f"{above}\n{beside.value[:_LONGEST_COMMENT] if beside is not None else ''}"


def block_of(block: cst.BaseSuite) -> Sequence[cst.CSTNode]:
    """The statements of an indented or one-line block."""
    return (cst.SimpleStatementLine(block.body),) if isinstance(block, cst.SimpleStatementSuite) else block.body


def _if(run: Run, frame: Frame, scope: Scope, node: cst.If) -> Flow:
    # elif arms are walked with a loop where all but one is decided against
    current: cst.If | cst.Else | None = node
    while isinstance(current, cst.If):
        run.step()
        test = evaluate(run, frame, scope, current.test)
        decided = conditions.decide(run, test)
        untold = failing(run, frame, scope, current.test, evaluate) if decided is not True and run.untold else ()
        if untold:
            return _branch(run, frame, scope, current, test, untold)
        if decided is True:
            if isinstance(current.orelse, cst.Else):
                body = block_of(current.orelse.body)
                note_unmet(run, frame, scope, current.test, False, body, evaluate, execute_block)
            conditions.narrow(run, frame, scope, current.test, True, evaluate)
            with run.block():
                run.settled.append(names_behind(run.assigned, frame, current.test))
                return execute_block(run, frame, scope, block_of(current.body))
        if decided is False and _leaves(current):
            run.settled.append(names_behind(run.assigned, frame, current.test))
        if decided is None:
            return _branch(run, frame, scope, current, test)
        note_unmet(run, frame, scope, current.test, True, block_of(current.body), evaluate, execute_block)
        current = current.orelse
    return execute_block(run, frame, scope, block_of(current.body)) if current is not None else Flow.ON


def _leaves(node: cst.If) -> bool:
    """Whether a branch ends in ``return`` or ``raise``: what follows runs under the opposite."""
    last = block_of(node.body)[-1]
    return isinstance(last, cst.SimpleStatementLine) and isinstance(last.body[-1], (cst.Return, cst.Raise))


def _branch(
    run: Run, frame: Frame, scope: Scope, node: cst.If, test: Value, untold: tuple[cst.BaseExpression, ...] = ()
) -> Flow:
    guard = names_behind(run.assigned, frame, node.test)
    facts = conditions.facts_of(test)
    against = {key: not value for key, value in facts}
    training = sign_of(node.test)
    guards = {outcome: guard if training in {None, outcome} else guard | {OFF} for outcome in (True, False)}
    flows: list[Flow] = []

    def taken() -> Flow:
        conditions.narrow(run, frame, scope, node.test, True, evaluate)
        forget(run, frame, scope, untold, evaluate)
        with run.guarded(guards[True], dict(facts), (id(node), True)):
            flows.append(execute_block(run, frame, scope, block_of(node.body)))
        return flows[-1]

    def otherwise() -> Flow:
        conditions.narrow(run, frame, scope, node.test, False, evaluate)
        with run.guarded(guards[False], against, (id(node), False)):
            if isinstance(node.orelse, cst.If):
                flows.append(_if(run, frame, scope, node.orelse))
            elif node.orelse is not None:
                flows.append(execute_block(run, frame, scope, block_of(node.orelse.body)))
            else:
                flows.append(Flow.ON)
        return flows[-1]

    flow = _either(run, taken, otherwise, guard, _at_first(run, frame, scope, node.test) if run.zeros else None)
    if flow is Flow.ON and flows != [Flow.ON, Flow.ON]:
        # `if not training: return x`: what follows in this block runs under the condition too
        goes_on = flows[0] is Flow.ON
        run.narrow(guards[goes_on], dict(facts) if goes_on else against, (id(node), goes_on))
    return flow


def _at_first(run: Run, frame: Frame, scope: Scope, test: cst.BaseExpression) -> int | None:
    """Which branch the first turn of a loop takes, by a test of the variable that counts from 0."""
    if not isinstance(test, cst.Comparison) or len(test.comparisons) != 1 or not isinstance(test.left, cst.Name):
        return None
    counter = evaluate(run, frame, scope, test.left)
    if not any(counter is each for each in run.zeros):
        return None
    target = test.comparisons[0]
    outcome = conditions.compare(Const(0), evaluate(run, frame, scope, target.comparator), target.operator)
    return None if outcome is None else int(not outcome)


def _either(
    run: Run,
    first: Callable[[], Flow],
    second: Callable[[], Flow],
    words: frozenset[str] = frozenset(),
    sure: int | None = None,
) -> Flow:
    """Try both branches from the same state and go on from where either ends; ``words`` are what decides.

    ``sure`` is the one that is known to be taken, where that is told and nothing else depends on it.
    """
    mark = run.store.begin()
    try:
        with run.course.arm() as arm_one:
            flow_one = first()
    finally:
        writes_one = run.store.end(mark)
    mark = run.store.begin()
    try:
        with run.course.arm() as arm_two:
            flow_two = second()
    finally:
        writes_two = run.store.end(mark)
    run.course.fork(words, arm_one, arm_two, sure)
    if flow_one is Flow.ON and flow_two is not Flow.ON:
        run.store.apply(writes_one)
        run.note_left(flow_two is Flow.LEAVES_TURN, writes_two)
    elif flow_two is Flow.ON and flow_one is not Flow.ON:
        run.store.apply(writes_two)
        run.note_left(flow_one is Flow.LEAVES_TURN, writes_one)
    else:
        run.store.merge(writes_one, writes_two)
    if Flow.ON in (flow_one, flow_two):
        return Flow.ON
    return Flow.LEAVES_TURN if Flow.LEAVES_TURN in (flow_one, flow_two) else Flow.LEAVES


def _maybe(run: Run, action: Callable[[], Flow]) -> None:
    """Something that happens or does not."""
    _either(run, action, lambda: Flow.ON)


def _for(run: Run, frame: Frame, scope: Scope, node: cst.For) -> Flow:
    source = evaluate(run, frame, scope, node.iter)
    known = elements_of(run, source)
    with run.loop(node, frame, conditions.guard_words(node.target), conditions.guard_words(node.iter)) as loop:
        if known is not None and not known:
            return Flow.ON
        element = loop_element(run, source, node.iter, loop.serial)
        selects = loop.targets if goes_over_layers(element) else frozenset()

        def turn() -> Flow:
            with run.course.passage("turn", selects=selects), run.turn():
                bind(run, frame, scope, node.target, element)
                return execute_block(run, frame, scope, block_of(node.body))

        runs_once = known is not None or (_counts(node.iter) and not may_be_empty(source))
        zeros = [element] if _counts_from_zero(node) else []
        run.zeros += zeros
        flow = turn() if runs_once else Flow.ON
        del run.zeros[len(run.zeros) - len(zeros) :]
        if runs_once and flow is Flow.LEAVES:
            return flow
        # a second turn shows what the first one left behind; deep inside others it would cost all their turns again
        again = len(run.loops) <= DEEPEST_SECOND_TURN
        if again or not runs_once:
            _maybe(run, turn)
        if again and not runs_once:
            _maybe(run, turn)
    if node.orelse is not None:
        return execute_block(run, frame, scope, block_of(node.orelse.body))
    return Flow.ON


def _counts(node: cst.BaseExpression) -> bool:
    """Whether a loop's source is one that is not empty in practice: ``range(n)``, a dataset, data.

    Not so ``plan.get(epoch, ())``, which says what to do most of the time: nothing.
    """
    if isinstance(node, cst.Call) and len(node.args) == 2 and isinstance(node.func, cst.Attribute):
        default = node.args[1].value
        if node.func.attr.value == "get" and isinstance(default, (cst.Tuple, cst.List)) and not default.elements:
            return False
    return isinstance(node, (cst.Call, cst.Name, cst.Attribute))


def _counts_from_zero(node: cst.For) -> bool:
    """``for epoch in range(epochs)``."""
    if not isinstance(node.iter, cst.Call) or len(node.iter.args) != 1 or not isinstance(node.target, cst.Name):
        return False
    return isinstance(node.iter.func, cst.Name) and node.iter.func.value in {"range", "trange"}


def _while(run: Run, frame: Frame, scope: Scope, node: cst.While) -> Flow:
    with run.loop(node):
        test = evaluate(run, frame, scope, node.test)
        if conditions.decide(run, test) is False:
            return Flow.ON

        def turn() -> Flow:
            with run.course.passage("turn"), run.turn():
                return execute_block(run, frame, scope, block_of(node.body))

        flow = turn()
        if flow is Flow.LEAVES:
            return flow
        if len(run.loops) <= DEEPEST_SECOND_TURN:
            _maybe(run, turn)
    return Flow.ON


def _with(run: Run, frame: Frame, scope: Scope, node: cst.With) -> Flow:
    return _with_items(run, frame, scope, node, 0)


def _with_items(run: Run, frame: Frame, scope: Scope, node: cst.With, position: int) -> Flow:
    if position == len(node.items):
        return execute_block(run, frame, scope, block_of(node.body))
    item = node.items[position]
    manager = evaluate(run, frame, scope, item.item)
    flows: list[Flow] = []

    def body(entered: Value) -> None:
        if item.asname is not None:
            bind(run, frame, scope, item.asname.name, entered)
        flows.append(_with_items(run, frame, scope, node, position + 1))

    if isinstance(manager, Managed):
        # the manager's own code runs before and after the body, in its place
        calls.call_function(
            run, frame, manager.function, manager.arguments, manager.place, receiver=manager.receiver, on_yield=body
        )
        if not flows:
            body(UNKNOWN)
        return flows[0]
    taped = isinstance(manager, Instance) and manager.cls == "tensorflow.GradientTape"
    if taped:
        run.tapes.append(manager)
    try:
        body(_enter(run, frame, manager))
    finally:
        if taped:
            run.tapes.pop()
    _leave(run, frame, manager)
    return flows[0]


def _leave(run: Run, frame: Frame, manager: Value) -> None:
    if isinstance(manager, Instance) and isinstance(manager.cls, ClassValue):
        method = manager.cls.find("__exit__")
        if isinstance(method, FunctionValue):
            nothing = Argument(Const(None))
            calls.call_function(run, frame, method, Arguments((nothing, nothing, nothing)), None, receiver=manager)


def _enter(run: Run, frame: Frame, manager: Value) -> Value:
    if isinstance(manager, Instance) and isinstance(manager.cls, ClassValue):
        method = manager.cls.find("__enter__")
        if isinstance(method, FunctionValue):
            return calls.call_function(run, frame, method, Arguments(), None, receiver=manager)
    return manager


def _caught(frame: Frame, node: cst.Try | cst.TryStar) -> frozenset[str]:
    """What a ``try`` catches, as a guard of its body: ``except AttributeError in run``."""
    names = [
        name
        for handler in node.handlers
        for name in (conditions.guard_words(handler.type) if handler.type is not None else ("BaseException",))
    ]
    return frozenset(f"except {name} in {frame.name}" for name in names)


def _try(run: Run, frame: Frame, scope: Scope, node: cst.Try | cst.TryStar) -> Flow:
    with run.course.passage("attempt"):
        with run.guarded(_caught(frame, node), {}):
            flow = execute_block(run, frame, scope, block_of(node.body))
        if flow is Flow.ON and node.orelse is not None:
            flow = execute_block(run, frame, scope, block_of(node.orelse.body))
    for handler in node.handlers:

        def handle(handler: Any = handler) -> Flow:
            if handler.name is not None:
                bind(run, frame, scope, handler.name.name, UNKNOWN)
            return execute_block(run, frame, scope, block_of(handler.body))

        if flow is Flow.LEAVES:
            mark = run.store.begin()
            try:
                other = handle()
            finally:
                writes = run.store.end(mark)
            if other is Flow.ON:
                run.store.apply(writes)
                flow = Flow.ON
        else:
            _maybe(run, handle)
    if node.finalbody is not None:
        last = execute_block(run, frame, scope, block_of(node.finalbody.body))
        return last if last is not Flow.ON else flow
    return flow


def _match(run: Run, frame: Frame, scope: Scope, node: cst.Match) -> Flow:
    subject = evaluate(run, frame, scope, node.subject)
    for case in node.cases:

        def arm(case: cst.MatchCase = case) -> Flow:
            _bind_pattern(run, frame, scope, case.pattern, subject)
            return execute_block(run, frame, scope, block_of(case.body))

        decided = _matches(run, frame, scope, case.pattern, subject) if case.guard is None else None
        if decided is True:
            return arm()
        if decided is False:
            continue
        _maybe(run, arm)
    return Flow.ON


def _matches(run: Run, frame: Frame, scope: Scope, pattern: cst.MatchPattern, subject: Value) -> bool | None:
    """Whether a pattern fits, where that is known."""
    if isinstance(pattern, cst.MatchValue):
        return conditions.compare(subject, evaluate(run, frame, scope, pattern.value), cst.Equal())
    if isinstance(pattern, cst.MatchSingleton):
        return conditions.compare(subject, evaluate(run, frame, scope, pattern.value), cst.Is())
    if isinstance(pattern, cst.MatchOr):
        answers = {_matches(run, frame, scope, each.pattern, subject) for each in pattern.patterns}
        return True if True in answers else (None if None in answers else False)
    if isinstance(pattern, cst.MatchAs) and pattern.pattern is None:
        return True
    return None


def _bind_pattern(run: Run, frame: Frame, scope: Scope, pattern: cst.MatchPattern, subject: Value) -> None:
    stack: list[Any] = [pattern]
    while stack:
        each = stack.pop()
        if isinstance(each, cst.MatchAs):
            if each.name is not None:
                bind(run, frame, scope, each.name, subject if each is pattern else Opaque(tags_of(subject)))
            if each.pattern is not None:
                stack.append(each.pattern)
        elif isinstance(each, (cst.MatchList, cst.MatchTuple)):
            for position, element in enumerate(each.patterns):
                inner = getattr(element, "value", None)
                if isinstance(inner, cst.MatchAs) and inner.name is not None and inner.pattern is None:
                    bind(run, frame, scope, inner.name, get_item(run, subject, Const(position)))
                elif inner is not None:
                    stack.append(inner)


_COMPOUND: dict[type, Callable[[Run, Frame, Scope, Any], Flow]] = {
    cst.FunctionDef: define_function,
    cst.ClassDef: define_class,
    cst.If: _if,
    cst.For: _for,
    cst.While: _while,
    cst.With: _with,
    cst.Try: _try,
    cst.TryStar: _try,
    cst.Match: _match,
}
