"""What an expression evaluates to."""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING, Any

import libcst as cst

from dropout_lint.semantics import calls, conditions, noise
from dropout_lint.semantics.arithmetic import binary
from dropout_lint.semantics.assignment import assign
from dropout_lint.semantics.attributes import get_attribute
from dropout_lint.semantics.containers import (
    element_of,
    elements_of,
    get_item,
    loop_element,
    merge_mapping,
    set_item,
    slice_of,
)
from dropout_lint.semantics.imports import unbound
from dropout_lint.semantics.joining import join
from dropout_lint.semantics.naming import names_behind
from dropout_lint.semantics.run import EXPRESSIONS_PER_STEP, TAGS_PER_STEP
from dropout_lint.semantics.scopes import Scope
from dropout_lint.semantics.tagging import collect, derived, with_tags
from dropout_lint.semantics.tags import tags_of, weight
from dropout_lint.semantics.values import (
    NONE,
    UNKNOWN,
    Const,
    External,
    FunctionValue,
    Items,
    OneOf,
    Opaque,
    Origin,
    Symbolic,
    Value,
    alternatives,
    truth,
)
from dropout_lint.semantics.words import is_mode_name
from dropout_lint.syntax.literals import value_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from dropout_lint.semantics.events import Frame
    from dropout_lint.semantics.run import Run

_BUILTINS = frozenset(dir(builtins))
_CONSTANT_NAMES = {"True": True, "False": False, "None": None}


def evaluate(run: Run, frame: Frame, scope: Scope, node: cst.BaseExpression) -> Value:
    """The value of an expression, with its effects on the store and its events.

    Raises:
        BudgetExceeded: when the file's budget is spent.
    """
    run.pace += 1
    if run.pace >= EXPRESSIONS_PER_STEP:
        run.pace = 0
        run.step()
    handler = _HANDLERS.get(type(node))
    value = handler(run, frame, scope, node) if handler is not None else UNKNOWN
    if isinstance(value, (Opaque, Symbolic)):
        size = len(value.tags) + (len(value.layers) if isinstance(value, Symbolic) else 0)
        if size >= TAGS_PER_STEP:
            # whatever is done with it goes through all of them
            run.step(size // TAGS_PER_STEP)
    elif isinstance(value, (Items, OneOf)):
        size = weight(value)
        if size >= TAGS_PER_STEP:
            run.step(size // TAGS_PER_STEP)
    return value


def _name(run: Run, frame: Frame, scope: Scope, node: cst.Name) -> Value:
    name = node.value
    if name in _CONSTANT_NAMES:
        return _literal(run, frame, node, lambda: _CONSTANT_NAMES[name])
    found = scope.find(name)
    if found is not None:
        return found
    if name in _BUILTINS:
        return External(f"builtins.{name}")
    meant = unbound(run, frame, name)
    if meant is not None:
        return meant
    return Opaque(key=("name", id(frame.module.tree), name))


def _literal(run: Run, frame: Frame, node: cst.CSTNode, read: Callable[[], Any]) -> Const:
    """The value of a literal, read once."""
    known = run.constants.get(id(node))
    if known is None:
        known = run.constants[id(node)] = Const(read(), Origin(frame.module, node))
    return known


def _attribute(run: Run, frame: Frame, scope: Scope, node: cst.Attribute) -> Value:
    # chains are walked with a loop: `a.b.c…` may be thousands of links long
    links: list[cst.Attribute] = []
    base: cst.BaseExpression = node
    while isinstance(base, cst.Attribute):
        links.append(base)
        base = base.value
    value = evaluate(run, frame, scope, base)
    for link in reversed(links):
        value = get_attribute(run, frame, value, link.attr.value, link)
    return value


def _integer(run: Run, frame: Frame, scope: Scope, node: cst.Integer) -> Value:
    text = node.value.replace("_", "")
    # int() of a very long literal is quadratic, and refused by newer Pythons
    return _literal(run, frame, node, lambda: value_of(node)) if len(text) < 400 else UNKNOWN


def _float(run: Run, frame: Frame, scope: Scope, node: cst.Float) -> Value:
    return _literal(run, frame, node, lambda: float(node.value.replace("_", "")))


def _string(run: Run, frame: Frame, scope: Scope, node: cst.SimpleString | cst.ConcatenatedString) -> Value:
    try:
        found = _literal(run, frame, node, lambda: value_of(node))
    except Exception:  # malformed escapes: the gate has let them pass, their value does not matter
        return UNKNOWN
    return found if found.value is not None else UNKNOWN


def _formatted(run: Run, frame: Frame, scope: Scope, node: cst.FormattedString) -> Value:
    values = [
        evaluate(run, frame, scope, part.expression)
        for part in node.parts
        if isinstance(part, cst.FormattedStringExpression)
    ]
    return derived(*values)


def _sequence(kind: str) -> Callable[[Run, Frame, Scope, Any], Value]:
    def handler(run: Run, frame: Frame, scope: Scope, node: cst.List | cst.Tuple | cst.Set) -> Value:
        values: list[Value] = []
        exact = True
        for element in node.elements:
            value = evaluate(run, frame, scope, element.value)
            if isinstance(element, cst.StarredElement):
                inner = elements_of(run, value)
                if inner is None:
                    exact = False
                    values.append(Opaque(tags_of(value)))
                else:
                    values.extend(inner)
            else:
                values.append(value)
        return run.items(kind, tuple(values), exact)

    return handler


def _dict(run: Run, frame: Frame, scope: Scope, node: cst.Dict) -> Value:
    made = run.mapping()
    for element in node.elements:
        if isinstance(element, cst.StarredDictElement):
            merge_mapping(run, made, evaluate(run, frame, scope, element.value))
        elif isinstance(element, cst.DictElement):
            key = evaluate(run, frame, scope, element.key)
            set_item(run, made, key, evaluate(run, frame, scope, element.value))
    return made


def _subscript(run: Run, frame: Frame, scope: Scope, node: cst.Subscript) -> Value:
    container = evaluate(run, frame, scope, node.value)
    if len(node.slice) == 1 and isinstance(node.slice[0].slice, cst.Index):
        return get_item(run, container, evaluate(run, frame, scope, node.slice[0].slice.value))
    bounds: list[Value] = []
    for element in node.slice:
        if isinstance(element.slice, cst.Index):
            bounds.append(evaluate(run, frame, scope, element.slice.value))
        elif isinstance(element.slice, cst.Slice):
            bounds += [
                evaluate(run, frame, scope, bound)
                for bound in (element.slice.lower, element.slice.upper, element.slice.step)
                if bound is not None
            ]
    if len(node.slice) == 1 and isinstance(container, Items):
        return slice_of(run, container, bounds, node.slice[0].slice)
    if isinstance(container, Symbolic):
        return container
    tags = frozenset().union(*(tags_of(bound) for bound in bounds)) if bounds else frozenset()
    if isinstance(container, Opaque) and container.key is not None and container.key[-1] == "layers":
        # `base.layers[-4:]`: which ones is not known, but whose
        return Opaque(container.tags | tags, (*container.key, "[]", *map(_bound_text, bounds)))
    return with_tags(derived(container), tags)


def _bound_text(bound: Value) -> str:
    return f"{bound.value}:" if isinstance(bound, Const) else ":"


def _boolean(run: Run, frame: Frame, scope: Scope, node: cst.BooleanOperation) -> Value:
    left = evaluate(run, frame, scope, node.left)
    decided = conditions.decide(run, left)
    wants_right = decided if isinstance(node.operator, cst.And) else (None if decided is None else not decided)
    if wants_right is False:
        return left
    right = evaluate(run, frame, scope, node.right)
    if wants_right is True:
        return right
    # of `a and b` with a truthy b, or `a or b`, only one outcome of `a` is passed on
    kept = [each for each in alternatives(left) if truth(each) is not isinstance(node.operator, cst.And)]
    return join((*kept, right))


def _unary(run: Run, frame: Frame, scope: Scope, node: cst.UnaryOperation) -> Value:
    operand = evaluate(run, frame, scope, node.expression)
    origin = Origin(frame.module, node)
    if isinstance(node.operator, cst.Not):
        decided = conditions.decide(run, operand)
        return Const(not decided, origin) if decided is not None else _negated(operand)
    if isinstance(operand, Const) and isinstance(operand.value, (int, float)) and isinstance(node.operator, cst.Minus):
        return Const(-operand.value, origin)
    return derived(operand)


def _negated(value: Value) -> Value:
    if isinstance(value, Opaque) and value.key is not None:
        return Opaque(value.tags, ("not", value.key))
    return Opaque(tags_of(value))


def _binary(run: Run, frame: Frame, scope: Scope, node: cst.BinaryOperation) -> Value:
    # `a + b + c + …` nests to the left, thousands deep in generated code
    spine: list[cst.BinaryOperation] = []
    base: cst.BaseExpression = node
    while isinstance(base, cst.BinaryOperation):
        spine.append(base)
        base = base.left
    value = evaluate(run, frame, scope, base)
    for operation in reversed(spine):
        value = binary(run, frame, value, evaluate(run, frame, scope, operation.right), operation.operator, operation)
    return value


def _comparison(run: Run, frame: Frame, scope: Scope, node: cst.Comparison) -> Value:
    left = evaluate(run, frame, scope, node.left)
    if len(node.comparisons) != 1:
        others = [evaluate(run, frame, scope, target.comparator) for target in node.comparisons]
        return derived(left, *others)
    target = node.comparisons[0]
    right = evaluate(run, frame, scope, target.comparator)
    decided = conditions.compare(left, right, target.operator)
    if decided is not None:
        return Const(decided, Origin(frame.module, node))
    if isinstance(target.operator, (cst.GreaterThan, cst.GreaterThanEqual, cst.LessThan, cst.LessThanEqual)):
        run.use("decision", "compared with a threshold", tags_of(left) | tags_of(right), frame, node)
        return with_tags(derived(left, right), noise.compared(left, right))
    return derived(left, right)


def _conditional(run: Run, frame: Frame, scope: Scope, node: cst.IfExp) -> Value:
    test = evaluate(run, frame, scope, node.test)
    decided = conditions.decide(run, test)
    if decided is not None:
        return evaluate(run, frame, scope, node.body if decided else node.orelse)
    guard = names_behind(run.assigned, frame, node.test)
    facts = conditions.facts_of(test)
    with run.guarded(guard, dict(facts), (id(node), True)):
        first = evaluate(run, frame, scope, node.body)
    with run.guarded(guard, {key: not value for key, value in facts}, (id(node), False)):
        second = evaluate(run, frame, scope, node.orelse)
    if any(is_mode_name(name) for name in guard):
        run.use("gated", "", tags_of(first) | tags_of(second), frame, node)
    return join((first, second))


def _lambda(run: Run, frame: Frame, scope: Scope, node: cst.Lambda) -> Value:
    return FunctionValue(node, frame.module, scope, "<lambda>")


def _comprehension(run: Run, frame: Frame, scope: Scope, node: cst.BaseComp) -> Value:
    inner = Scope("function", scope)
    made: list[Value] = []
    outside = tuple(loop.serial for loop in run.loops)
    sources: list[tuple[Value, ...] | None] = []

    def clauses(clause: cst.CompFor | None) -> None:
        if clause is None:
            if isinstance(node, cst.DictComp):
                evaluate(run, frame, inner, node.key)
                made.append(collect(run, evaluate(run, frame, inner, node.value), outside))
            else:
                made.append(collect(run, evaluate(run, frame, inner, node.elt), outside))  # type: ignore[attr-defined]
            return
        source = evaluate(run, frame, inner, clause.iter)
        known = elements_of(run, source)
        sources.append(known)
        with run.loop(
            clause, frame, conditions.guard_words(clause.target), conditions.guard_words(clause.iter)
        ) as loop:
            turns = known if known is not None and 0 < len(known) <= 12 and clause.inner_for_in is None else (None,)
            for turn in turns:
                run.step()
                value = turn if turn is not None else loop_element(run, source, clause.iter, loop.serial)
                bind(run, frame, inner, clause.target, value)
                if not all(_passes(run, frame, inner, test.test) for test in clause.ifs):
                    continue
                clauses(clause.inner_for_in)

    clauses(node.for_in)
    exact = node.for_in.inner_for_in is None and not node.for_in.ifs and _known_length(node.for_in, sources[0])
    if isinstance(node, cst.DictComp):
        return run.mapping({None: join(made, 64)} if made else {})
    kind = "set" if isinstance(node, cst.SetComp) else "list"
    return run.items(kind, tuple(made), exact)


def _known_length(clause: cst.CompFor, known: tuple[Value, ...] | None) -> bool:
    """Whether a comprehension has an element for each of its source, whose elements are ``known``."""
    if isinstance(clause.iter, (cst.List, cst.Tuple)):
        return len(clause.iter.elements) <= 12
    return isinstance(clause.iter, (cst.Name, cst.Attribute)) and known is not None and len(known) <= 12


def _passes(run: Run, frame: Frame, scope: Scope, test: cst.BaseExpression) -> bool:
    """Whether a comprehension's condition can hold; narrows the names it tests."""
    decided = conditions.decide(run, evaluate(run, frame, scope, test))
    if decided is not False:
        conditions.narrow(run, frame, scope, test, True, evaluate)
    return decided is not False


def bind(run: Run, frame: Frame, scope: Scope, target: cst.BaseExpression, value: Value) -> None:
    """Bind ``value`` to an assignment target."""
    assign(run, frame, scope, target, value, evaluate)


def _named(run: Run, frame: Frame, scope: Scope, node: cst.NamedExpr) -> Value:
    value = evaluate(run, frame, scope, node.value)
    bind(run, frame, scope, node.target, value)
    return value


def _awaited(run: Run, frame: Frame, scope: Scope, node: cst.Await) -> Value:
    return evaluate(run, frame, scope, node.expression)


def _yield(run: Run, frame: Frame, scope: Scope, node: cst.Yield) -> Value:
    value: Value = NONE
    if node.value is not None:
        value = evaluate(run, frame, scope, node.value.item if isinstance(node.value, cst.From) else node.value)
    if frame.on_yield is not None:
        frame.on_yield(value)
    elif node.value is not None:
        frame.pending.append(
            element_of(run, value)
            if isinstance(node.value, cst.From)
            else collect(run, value, tuple(loop.serial for loop in run.loops[:-1]))
        )
    return UNKNOWN


def _call(run: Run, frame: Frame, scope: Scope, node: cst.Call) -> Value:
    return calls.evaluate_call(run, frame, scope, node, evaluate)


def _ellipsis(run: Run, frame: Frame, scope: Scope, node: cst.Ellipsis) -> Value:
    return NONE


_HANDLERS: dict[type, Callable[[Run, Frame, Scope, Any], Value]] = {
    cst.Name: _name,
    cst.Attribute: _attribute,
    cst.Integer: _integer,
    cst.Float: _float,
    cst.SimpleString: _string,
    cst.ConcatenatedString: _string,
    cst.FormattedString: _formatted,
    cst.List: _sequence("list"),
    cst.Tuple: _sequence("tuple"),
    cst.Set: _sequence("set"),
    cst.Dict: _dict,
    cst.Subscript: _subscript,
    cst.BooleanOperation: _boolean,
    cst.UnaryOperation: _unary,
    cst.BinaryOperation: _binary,
    cst.Comparison: _comparison,
    cst.IfExp: _conditional,
    cst.Lambda: _lambda,
    cst.ListComp: _comprehension,
    cst.SetComp: _comprehension,
    cst.GeneratorExp: _comprehension,
    cst.DictComp: _comprehension,
    cst.NamedExpr: _named,
    cst.Await: _awaited,
    cst.Yield: _yield,
    cst.Call: _call,
    cst.Ellipsis: _ellipsis,
}
