"""Binding values to names, attributes, items and patterns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dropout_lint.semantics import containers
from dropout_lint.semantics.attributes import set_attribute
from dropout_lint.semantics.joining import join
from dropout_lint.semantics.tagging import with_tags
from dropout_lint.semantics.tags import tags_of
from dropout_lint.semantics.values import UNKNOWN, Const, External, Instance, Items, OneOf, Opaque, Symbolic, Value
from dropout_lint.semantics.words import is_mode_name, kind_of_data
from dropout_lint.syntax.lazy import cst

if TYPE_CHECKING:
    from dropout_lint.semantics.conditions import Evaluate
    from dropout_lint.semantics.events import Frame
    from dropout_lint.semantics.run import Run
    from dropout_lint.semantics.scopes import Scope


def assign(run: Run, frame: Frame, scope: Scope, target: cst.BaseExpression, value: Value, evaluate: Evaluate) -> None:
    """Bind ``value`` to a name, attribute, item or pattern of them."""
    if isinstance(target, cst.Name):
        kind = kind_of_data(target.value)
        if kind is not None and isinstance(value, (Opaque, Items)) and not is_mode_name(target.value):
            value = with_tags(value, frozenset({("data", kind, target.value)}))
        if kind == "held-out" and not is_mode_name(target.value):
            run.use("named", target.value, tags_of(value), frame, target)
        if isinstance(value, Instance) and value.keras_name is not None and "__variable__" not in value.arguments:
            value.arguments["__variable__"] = Const(target.value)
        run.store.write(scope.target(target.value).names, target.value, value)
    elif isinstance(target, cst.Attribute):
        from dropout_lint.semantics import calls

        receiver = evaluate(run, frame, scope, target.value)
        if isinstance(value, Instance) and value.keras_name is not None and "__variable__" not in value.arguments:
            value.arguments["__variable__"] = Const(target.attr.value)
        set_attribute(run, frame, receiver, target.attr.value, value, target, calls.source_of(frame, target.value))
    elif isinstance(target, cst.Subscript):
        container = evaluate(run, frame, scope, target.value)
        key: Value = UNKNOWN
        if len(target.slice) == 1 and isinstance(target.slice[0].slice, cst.Index):
            key = evaluate(run, frame, scope, target.slice[0].slice.value)
        containers.set_item(run, container, key, value)
        if isinstance(container, External) and container.name == "os.environ":
            run.set_variable(key, value)
        if isinstance(container, Opaque) and isinstance(target.value, cst.Name):
            changed = with_tags(container, tags_of(value) | tags_of(key))
            run.store.write(scope.target(target.value.value).names, target.value.value, changed)
    elif isinstance(target, (cst.Tuple, cst.List)):
        _unpack(run, frame, scope, target, value, evaluate)
    elif isinstance(target, cst.StarredElement):
        assign(run, frame, scope, target.value, Opaque(tags_of(value)), evaluate)


def _unpack(
    run: Run, frame: Frame, scope: Scope, target: cst.Tuple | cst.List, value: Value, evaluate: Evaluate
) -> None:
    known = containers.elements_of(run, value)
    elements = target.elements
    plain = not any(isinstance(element, cst.StarredElement) for element in elements)
    for position, element in enumerate(elements):
        if known is not None and plain and len(known) == len(elements):
            part = known[position]
        elif isinstance(value, OneOf):
            part = join((containers.get_item(run, each, Const(position)) for each in value.values), 16)
        elif isinstance(value, Opaque):
            part = containers.get_item(run, value, Const(position))
        elif isinstance(value, Items):
            part = containers.element_of(run, value)
        elif isinstance(value, Symbolic):
            part = value
        else:
            part = Opaque(tags_of(value))
        if isinstance(element, cst.StarredElement):
            part = Opaque(tags_of(value))
        assign(run, frame, scope, element.value, part, evaluate)
