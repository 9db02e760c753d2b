"""Statements: the order of things, branches, loops, and what a context manager opens."""

from __future__ import annotations

from dataclasses import replace
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, Any

import libcst as cst

from dropout_lint.semantics import calls, conditions, imports
from dropout_lint.semantics.arguments import Arguments
from dropout_lint.semantics.containers import elements_of, get_item
from dropout_lint.semantics.events import AttributeSet, Discarded, Frame, Place, TrainableSet
from dropout_lint.semantics.expressions import binary, bind, evaluate, loop_element
from dropout_lint.semantics.models import goes_over_layers
from dropout_lint.semantics.naming import note_assignment
from dropout_lint.semantics.passages import Leave
from dropout_lint.semantics.run import derived, with_tags
from dropout_lint.semantics.scopes import Deferred, Scope
from dropout_lint.semantics.unmet import note_unmet
from dropout_lint.semantics.values import (
    UNKNOWN,
    Argument,
    ClassValue,
    Const,
    External,
    FunctionValue,
    Instance,
    Items,
    Managed,
    Opaque,
    Value,
    tags_of,
)
from dropout_lint.semantics.words import ANSWERING_WORDS, is_mode_name, role_of_name, words

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dropout_lint.semantics.run import Run


DEEPEST_SECOND_TURN = 5
"""Loops inside one another of which the innermost still has its second turn: each doubles the turns of all inside."""


_MOST_COMMENT_LINES, _LONGEST_COMMENT = 50, 4_000
"""What is read of the comments above a statement, each time it runs."""


class Flow(Enum):
    """Where control goes after a statement."""

    ON = "on"
    LEAVES_TURN = "break or continue"
    LEAVES = "return or raise"


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
            handler = _SMALL.get(type(small))
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


# Small statements --------------------------------------------------------------------------------------------


def _expression(run: Run, frame: Frame, scope: Scope, node: cst.Expr) -> Flow | None:
    before = len(run.events)
    meant = _as_assignment(run, frame, scope, node.value)
    value = evaluate(run, frame, scope, node.value) if meant is None else derived(meant.receiver, meant.value)
    if isinstance(node.value, (cst.Call, cst.Comparison)):
        run.emit(Discarded(run.serial(), Place(frame.module, node.value), value, frame.chain(), meant))
    if isinstance(node.value, cst.Call):
        from dropout_lint.semantics.events import ModeCall

        for event in run.events[before:]:
            if isinstance(event, ModeCall) and event.place.node is node.value:
                event.discarded = True
        if _ends(run, frame, scope, node.value):
            run.course.add(Leave("raise"))
            return Flow.LEAVES
    return None


def _ends(run: Run, frame: Frame, scope: Scope, call: cst.Call) -> bool:
    """Whether the program ends here, on this path: ``sys.exit()`` somewhere else than in the middle of a script."""
    func = call.func
    name = func.value if isinstance(func, cst.Name) else func.attr.value if isinstance(func, cst.Attribute) else ""
    if name not in {"exit", "_exit", "quit"} or not (run.guards or frame.function is not None):
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
    value = evaluate(run, frame, scope, node.value)
    for target in node.targets:
        note_assignment(run, frame, target.target, node.value)
        if run.loops and _updates(target.target, node.value):
            run.use("summed", "summed up over the loop", tags_of(value), frame, node)
        bind(run, frame, scope, target.target, value)
    return None


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


# Compound statements -----------------------------------------------------------------------------------------


def _function(run: Run, frame: Frame, scope: Scope, node: cst.FunctionDef) -> Flow:
    decorators = tuple(evaluate(run, frame, scope, decorator.decorator) for decorator in node.decorators)
    owner = scope.names.get("__class__") if scope.kind == "class" else frame.owner
    outer = scope if scope.kind != "class" else scope.parent
    function = FunctionValue(
        node,
        frame.module,
        outer or scope,
        node.name.value,
        owner if isinstance(owner, ClassValue) else None,
        decorators,
        guards=tuple(run.guards),
    )
    run.functions.append((function, frame))
    name = node.name.value
    for decorator in node.decorators:
        if isinstance(decorator.decorator, cst.Attribute) and decorator.decorator.attr.value == "setter":
            name = f"{name}.setter"
    bind_name = scope.target(name).names
    run.store.write(bind_name, name, _decorated(run, frame, function, node))
    return Flow.ON


def _decorated(run: Run, frame: Frame, function: FunctionValue, node: cst.FunctionDef) -> Value:
    """The function as its project decorators leave it; decorators of libraries are taken to keep it."""
    value: Value = function
    for decorator, syntax in zip(reversed(function.decorators), reversed(node.decorators), strict=True):
        if isinstance(decorator, FunctionValue):
            made = calls.call_value(run, frame, decorator, Arguments((Argument(value),)), syntax.decorator)
            if isinstance(made, FunctionValue) and made is not value and isinstance(value, FunctionValue):
                run.called.add(id(function.node))
                value = replace(made, owner=function.owner, name=function.name, inner=value)
    return value


def _class(run: Run, frame: Frame, scope: Scope, node: cst.ClassDef) -> Flow:
    if frame.function is None and scope.kind == "module" and frame.module is not run.entry and not run.guards:
        # most classes of most modules are never asked for, and each would bring in the modules of its bases
        scope.names[node.name.value] = Deferred(partial(_defined_late, run, frame, scope, node))
    else:
        run.store.write(scope.target(node.name.value).names, node.name.value, _made_class(run, frame, scope, node))
    return Flow.ON


def _defined_late(run: Run, frame: Frame, scope: Scope, node: cst.ClassDef) -> ClassValue:
    with imports.importing(run):
        return _made_class(run, frame, scope, node)


def _made_class(run: Run, frame: Frame, scope: Scope, node: cst.ClassDef) -> ClassValue:
    bases = tuple(evaluate(run, frame, scope, base.value) for base in node.bases if base.star == "")
    cls = ClassValue(node, frame.module, scope, bases)
    cls.decorators = tuple(
        _decorator(evaluate(run, frame, scope, each.decorator), each.decorator) for each in node.decorators
    )
    inner = Scope("class", scope)
    inner.names["__class__"] = cls
    execute_block(run, frame, inner, block_of(node.body))
    del inner.names["__class__"]
    for name in list(inner.names):
        inner.read(name)
    cls.attributes = inner.names
    run.classes.append(cls)
    return cls


def _decorator(value: Value, node: cst.BaseExpression) -> Value:
    return value


def _if(run: Run, frame: Frame, scope: Scope, node: cst.If) -> Flow:
    # elif arms are walked with a loop where all but one is decided against
    current: cst.If | cst.Else | None = node
    while isinstance(current, cst.If):
        run.step()
        test = evaluate(run, frame, scope, current.test)
        decided = conditions.decide(run, test)
        if decided is True:
            if isinstance(current.orelse, cst.Else):
                body = block_of(current.orelse.body)
                note_unmet(run, frame, scope, current.test, False, body, evaluate, execute_block)
            conditions.narrow(run, frame, scope, current.test, True, evaluate)
            with run.block():
                run.settled.append(conditions.guard_words(current.test))
                return execute_block(run, frame, scope, block_of(current.body))
        if decided is False and _leaves(current):
            run.settled.append(conditions.guard_words(current.test))
        if decided is None:
            return _branch(run, frame, scope, current, test)
        note_unmet(run, frame, scope, current.test, True, block_of(current.body), evaluate, execute_block)
        current = current.orelse
    return execute_block(run, frame, scope, block_of(current.body)) if current is not None else Flow.ON


def _leaves(node: cst.If) -> bool:
    """Whether a branch ends in ``return`` or ``raise``: what follows runs under the opposite."""
    last = block_of(node.body)[-1]
    return isinstance(last, cst.SimpleStatementLine) and isinstance(last.body[-1], (cst.Return, cst.Raise))


def _branch(run: Run, frame: Frame, scope: Scope, node: cst.If, test: Value) -> Flow:
    guard = conditions.guard_words(node.test)
    facts = conditions.facts_of(test)
    against = {key: not value for key, value in facts}
    flows: list[Flow] = []

    def taken() -> Flow:
        conditions.narrow(run, frame, scope, node.test, True, evaluate)
        with run.guarded(guard, dict(facts), (id(node), True)):
            flows.append(execute_block(run, frame, scope, block_of(node.body)))
        return flows[-1]

    def otherwise() -> Flow:
        conditions.narrow(run, frame, scope, node.test, False, evaluate)
        with run.guarded(guard, against, (id(node), False)):
            if isinstance(node.orelse, cst.If):
                flows.append(_if(run, frame, scope, node.orelse))
            elif node.orelse is not None:
                flows.append(execute_block(run, frame, scope, block_of(node.orelse.body)))
            else:
                flows.append(Flow.ON)
        return flows[-1]

    flow = _either(run, taken, otherwise, guard)
    if flow is Flow.ON and flows != [Flow.ON, Flow.ON]:
        # `if not training: return x`: what follows in this block runs under the condition too
        goes_on = flows[0] is Flow.ON
        run.narrow(guard, dict(facts) if goes_on else against, (id(node), goes_on))
    return flow


def _either(
    run: Run, first: Callable[[], Flow], second: Callable[[], Flow], words: frozenset[str] = frozenset()
) -> Flow:
    """Try both branches from the same state and go on from where either ends; ``words`` are what decides."""
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
    run.course.fork(words, arm_one, arm_two)
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

        runs_once = known is not None or _counts(node.iter)
        flow = turn() if runs_once else Flow.ON
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
    """Whether a loop's source is one that is not empty in practice: ``range(n)``, a dataset, data."""
    return isinstance(node, (cst.Call, cst.Name, cst.Attribute))


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


_SMALL: dict[type, Callable[[Run, Frame, Scope, Any], Flow | None]] = {
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
_COMPOUND: dict[type, Callable[[Run, Frame, Scope, Any], Flow]] = {
    cst.FunctionDef: _function,
    cst.ClassDef: _class,
    cst.If: _if,
    cst.For: _for,
    cst.While: _while,
    cst.With: _with,
    cst.Try: _try,
    cst.TryStar: _try,
    cst.Match: _match,
}
