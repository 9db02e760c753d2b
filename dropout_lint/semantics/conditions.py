"""Conditions: which branch runs, what is known in it, and what a test says about a name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from dropout_lint.keras.ancestors import derives
from dropout_lint.keras.layers import LAYERS
from dropout_lint.semantics.joining import fingerprint, join
from dropout_lint.semantics.values import (
    NONE,
    UNKNOWN,
    ClassValue,
    Const,
    External,
    Instance,
    Items,
    OneOf,
    Opaque,
    Value,
    alternatives,
    truth,
)
from dropout_lint.semantics.words import is_mode_name
from dropout_lint.syntax.lazy import cst
from dropout_lint.syntax.walk import last_name

if TYPE_CHECKING:
    from dropout_lint.semantics.events import Frame
    from dropout_lint.semantics.run import Run
    from dropout_lint.semantics.scopes import Scope

Evaluate = Callable[["Run", "Frame", "Scope", "cst.BaseExpression"], Value]


def decide(run: Run, value: Value) -> bool | None:
    """Whether a condition holds, with what is known on this path."""
    known = truth(value)
    if known is None and isinstance(value, Opaque) and value.key is not None:
        if value.key in run.facts:
            return run.facts[value.key]
        if value.key[0] == "not" and value.key[1] in run.facts:
            return not run.facts[value.key[1]]
    return known


def facts_of(value: Value) -> tuple[tuple[tuple[Any, ...], bool], ...]:
    """What holds where ``value`` is truthy; kept for mode-like names only, so that paths stay few."""
    if isinstance(value, Opaque) and value.key is not None:
        key, wanted = (value.key[1], False) if value.key[0] == "not" else (value.key, True)
        if isinstance(key[-1], str) and is_mode_name(key[-1]):
            return ((key, wanted),)
    return ()


def guard_words(node: cst.BaseExpression) -> frozenset[str]:
    """The names a condition reads."""
    return frozenset(map(last_name, lookups(node)))


def lookups(node: cst.BaseExpression) -> Iterator[cst.Name | cst.Attribute]:
    """The names and attributes a condition reads."""
    stack: list[cst.CSTNode] = [node]
    while stack:
        each = stack.pop()
        if isinstance(each, cst.Name):
            yield each
        elif isinstance(each, cst.Attribute):
            yield each
            stack.append(each.value)
        elif isinstance(each, cst.Comparison):
            stack.append(each.left)
            stack.extend(target.comparator for target in each.comparisons)
        elif isinstance(each, cst.BooleanOperation):
            stack += (each.left, each.right)
        elif isinstance(each, cst.UnaryOperation):
            stack.append(each.expression)
        elif isinstance(each, cst.Call):
            stack.append(each.func)
            stack.extend(argument.value for argument in each.args)
        elif isinstance(each, cst.Subscript):
            stack.append(each.value)
            stack.extend(part.slice.value for part in each.slice if isinstance(part.slice, cst.Index))
        elif isinstance(each, (cst.Tuple, cst.List)):
            stack.extend(element.value for element in each.elements)


def compare(left: Value, right: Value, sign: cst.CSTNode) -> bool | None:
    """The outcome of a comparison of two known values, or None."""
    if isinstance(left, OneOf) or isinstance(right, OneOf):
        answers = {compare(one, two, sign) for one in alternatives(left) for two in alternatives(right)}
        return answers.pop() if len(answers) == 1 else None
    if isinstance(sign, (cst.Is, cst.IsNot)):
        same = _identical(left, right)
        return same if same is None or isinstance(sign, cst.Is) else not same
    if isinstance(sign, (cst.Equal, cst.NotEqual)):
        same = _equal(left, right)
        return same if same is None or isinstance(sign, cst.Equal) else not same
    if isinstance(sign, (cst.In, cst.NotIn)) and isinstance(right, Items) and right.exact:
        answers = {_equal(left, each) for each in right.items}
        found = True if True in answers else (None if None in answers else False)
        return found if found is None or isinstance(sign, cst.In) else not found
    if isinstance(left, Const) and isinstance(right, Const):
        try:
            if isinstance(sign, (cst.In, cst.NotIn)):
                return (left.value in right.value) is isinstance(sign, cst.In)
            if isinstance(sign, cst.LessThan):
                return bool(left.value < right.value)
            if isinstance(sign, cst.LessThanEqual):
                return bool(left.value <= right.value)
            if isinstance(sign, cst.GreaterThan):
                return bool(left.value > right.value)
            if isinstance(sign, cst.GreaterThanEqual):
                return bool(left.value >= right.value)
        except TypeError:
            return None
    return None


def _identical(left: Value, right: Value) -> bool | None:
    if isinstance(left, Const) and isinstance(right, Const):
        if left.value is None or right.value is None or isinstance(left.value, bool):
            return left.value is right.value
        return bool(left.value == right.value)
    for one, two in ((left, right), (right, left)):
        if isinstance(one, Const) and one.value is None and not isinstance(two, (Opaque, Const)):
            return False
    return _equal(left, right)


def _equal(left: Value, right: Value) -> bool | None:
    if isinstance(left, Const) and isinstance(right, Const):
        return bool(left.value == right.value)
    if isinstance(left, (ClassValue, External)) and isinstance(right, (ClassValue, External)):
        return fingerprint(left) == fingerprint(right)
    if isinstance(left, Instance) and left is right:
        return True
    return None


def narrow(run: Run, frame: Frame, scope: Scope, test: cst.BaseExpression, outcome: bool, evaluate: Evaluate) -> None:
    """Bind what a test that came out as ``outcome`` says about the name it tests."""
    for node, keep in tests(run, frame, scope, test, outcome, evaluate):
        value = evaluate(run, frame, scope, node)
        kept = keep(value)
        if kept is None or fingerprint(kept) == fingerprint(value):
            continue
        if isinstance(node, cst.Name):
            run.store.write(scope.target(node.value).names, node.value, kept)


def tests(
    run: Run, frame: Frame, scope: Scope, test: cst.BaseExpression, outcome: bool, evaluate: Evaluate
) -> Iterator[tuple[cst.BaseExpression, Callable[[Value], Value | None]]]:
    """The expressions of which a test that came out as ``outcome`` says something, and what is left of their values."""
    if isinstance(test, cst.UnaryOperation) and isinstance(test.operator, cst.Not):
        yield from tests(run, frame, scope, test.expression, not outcome, evaluate)
    elif isinstance(test, cst.BooleanOperation):
        if isinstance(test.operator, cst.And) is outcome:
            yield from tests(run, frame, scope, test.left, outcome, evaluate)
            yield from tests(run, frame, scope, test.right, outcome, evaluate)
    elif (
        isinstance(test, cst.Call)
        and isinstance(test.func, cst.Name)
        and len(test.args) == 2
        and test.func.value in {"isinstance", "issubclass"}
    ):
        classes = evaluate(run, frame, scope, test.args[1].value)
        yield test.args[0].value, lambda value: _of_class(run, frame, value, classes, outcome, test)
    elif isinstance(test, cst.Comparison) and len(test.comparisons) == 1:
        yield from _comparison_tests(run, frame, scope, test, outcome, evaluate)
    elif isinstance(test, (cst.Name, cst.Attribute)):
        yield test, lambda value: _matching(value, lambda each: truth(each) is not (not outcome))


def _comparison_tests(
    run: Run, frame: Frame, scope: Scope, test: cst.Comparison, outcome: bool, evaluate: Evaluate
) -> Iterator[tuple[cst.BaseExpression, Callable[[Value], Value | None]]]:
    left, sign, right = test.left, test.comparisons[0].operator, test.comparisons[0].comparator
    positive = isinstance(sign, (cst.Equal, cst.Is, cst.In)) is outcome
    if not isinstance(sign, (cst.Equal, cst.NotEqual, cst.Is, cst.IsNot, cst.In, cst.NotIn)):
        return
    if (
        isinstance(left, cst.Call)
        and isinstance(left.func, cst.Name)
        and left.func.value == "type"
        and len(left.args) == 1
    ):
        classes = evaluate(run, frame, scope, right)
        yield left.args[0].value, lambda value: _of_class(run, frame, value, classes, positive, test)
    elif isinstance(left, cst.Attribute) and left.attr.value == "__class__":
        classes = evaluate(run, frame, scope, right)
        yield left.value, lambda value: _of_class(run, frame, value, classes, positive, test)
    elif isinstance(left, cst.Attribute) and left.attr.value == "__name__":
        names = evaluate(run, frame, scope, right)
        subject = _class_subject(left.value)
        if subject is not None:
            yield subject, lambda value: _of_class_name(run, frame, value, names, positive, test)
    elif isinstance(sign, (cst.In, cst.NotIn)) and isinstance(right, (cst.Attribute, cst.Call)):
        # `"dropout" in layer.name`: says which of the known layers are meant
        text = evaluate(run, frame, scope, left)
        subject = _name_subject(right)
        if subject is not None and isinstance(text, Const) and isinstance(text.value, str):
            wanted = text.value.lower()
            yield subject, lambda value: _of_name(run, frame, value, wanted, positive, test)
    elif isinstance(right, cst.Name) and right.value == "None":
        yield left, lambda value: _matching(value, lambda each: _is_none(each) is not (not positive))


def _class_subject(node: cst.BaseExpression) -> cst.BaseExpression | None:
    """``x`` of ``type(x)`` or ``x.__class__``."""
    if (
        isinstance(node, cst.Call)
        and isinstance(node.func, cst.Name)
        and node.func.value == "type"
        and len(node.args) == 1
    ):
        return node.args[0].value
    if isinstance(node, cst.Attribute) and node.attr.value == "__class__":
        return node.value
    return None


def _name_subject(node: cst.BaseExpression) -> cst.BaseExpression | None:
    """``x`` of ``x.name`` or ``x.name.lower()``."""
    if (
        isinstance(node, cst.Call)
        and isinstance(node.func, cst.Attribute)
        and node.func.attr.value in {"lower", "casefold"}
    ):
        node = node.func.value
    if isinstance(node, cst.Attribute) and node.attr.value == "name":
        return node.value
    return None


def _of_name(run: Run, frame: Frame, value: Value, wanted: str, positive: bool, node: cst.CSTNode) -> Value | None:
    kept: list[Value] = []
    for each in alternatives(value):
        if isinstance(each, Opaque) and positive and each.key is not None and each.key[-2:] == ("layers", "[]"):
            kept += _assumed(run, frame, each, _classes_named(wanted), node)
        elif _may_be_named(each, wanted) is not (not positive):
            kept.append(each)
    return join(kept, 64) if kept else None


def _classes_named(wanted: str) -> list[Value]:
    """The classes whose automatic names (``spatial_dropout1d_2``) hold a text, if all of them are of one kind.

    Keras names a layer after its class unless told otherwise (keras/src/utils/naming.py, auto_name).
    """
    found = [facts for facts in LAYERS.values() if wanted.replace("_", "") in facts.name.lower()]
    if not found or not all(facts.weightless is True for facts in found):
        return [UNKNOWN]
    return [External(facts.canonical_name) for facts in found]


def _may_be_named(value: Value, wanted: str) -> bool | None:
    if not isinstance(value, Instance):
        return None
    given = value.arguments.get("name")
    if isinstance(given, Const) and isinstance(given.value, str):
        return wanted in given.value.lower()
    if given is not None:
        return None
    return wanted.replace("_", "") in value.class_name.lower()


def _is_none(value: Value) -> bool | None:
    if isinstance(value, Const):
        return value.value is None
    return None if isinstance(value, Opaque) else False


def _matching(value: Value, test: Callable[[Value], bool]) -> Value | None:
    kept = [each for each in alternatives(value) if test(each)]
    return join(kept, 64) if kept else None


def class_list(value: Value) -> list[Value]:
    """The classes of ``isinstance``'s second argument."""
    if isinstance(value, Items):
        # `isinstance` takes a tuple of tuples, too; nobody nests them deeper than that
        inner = [item.items if isinstance(item, Items) else alternatives(item) for item in value.items]
        return [each for part in inner for each in part]
    return list(alternatives(value))


def is_a(value: Value, cls: Value) -> bool | None:
    """Whether ``value`` is an instance of ``cls``, where both are known."""
    if not isinstance(value, Instance):
        return (
            None
            if isinstance(value, Opaque) or not isinstance(cls, (ClassValue, External)) or not _is_keras(cls)
            else False
        )
    if isinstance(cls, ClassValue):
        if isinstance(value.cls, ClassValue):
            return any(each is cls for each in value.cls.ancestry())
        return False
    if isinstance(cls, External):
        name = value.keras_name
        if name is None:
            return None if not isinstance(value.cls, str) else value.cls == cls.name
        if name.startswith(("keras.applications.", "keras.models.")):
            name = "keras.Model"
        return derives(name, cls.name, 2 if value.generation == "2" else 3)
    return None


def _is_keras(cls: ClassValue | External) -> bool:
    return cls.is_keras if isinstance(cls, External) else cls.keras_base is not None


def _of_class(run: Run, frame: Frame, value: Value, classes: Value, outcome: bool, node: cst.CSTNode) -> Value | None:
    wanted = class_list(classes)

    def answer(each: Value) -> bool | None:
        answers = {is_a(each, cls) for cls in wanted}
        return True if True in answers else (None if None in answers else False)

    kept: list[Value] = []
    for each in alternatives(value):
        held = answer(each)
        if held is outcome:
            kept.append(each)
        elif held is None:
            kept += _assumed(run, frame, each, wanted, node) if outcome else [each]
    return join(kept, 64) if kept else None


def _assumed(run: Run, frame: Frame, value: Value, classes: list[Value], node: cst.CSTNode) -> list[Value]:
    """Objects that an unknown value is, after ``isinstance`` said of which classes."""
    if not isinstance(value, Opaque):
        return [value]
    made: list[Value] = []
    for cls in classes:
        if isinstance(cls, External) and cls.name.startswith("keras.layers.") and cls.name != "keras.layers.Layer":
            layer = run.allocate(cls.name, frame, node, value.key)
            # it is known to exist, not to be made here
            layer.made_in, layer.found_in = None, value.key
            made.append(layer)
        elif isinstance(cls, ClassValue) and cls.keras_base is not None:
            made.append(run.allocate(cls, frame, node))
        else:
            return [value]
    return made


def _of_class_name(
    run: Run, frame: Frame, value: Value, names: Value, outcome: bool, node: cst.CSTNode
) -> Value | None:
    listed = names.items if isinstance(names, Items) else alternatives(names)
    wanted = {each.value for each in listed if isinstance(each, Const)}
    kept: list[Value] = []
    for each in alternatives(value):
        if isinstance(each, Instance):
            if (each.class_name in wanted) is outcome:
                kept.append(each)
        elif outcome and isinstance(each, Opaque) and wanted:
            kept += _assumed(
                run, frame, each, [External(f"keras.layers.{name}") for name in sorted(map(str, wanted))], node
            )
        else:
            kept.append(each)
    return join(kept, 64) if kept else None


def is_none_constant(value: Value) -> bool:
    """Whether a value is the constant None."""
    return value is NONE or (isinstance(value, Const) and value.value is None)
