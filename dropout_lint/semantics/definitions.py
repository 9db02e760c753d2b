"""Definitions of functions and classes."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import libcst as cst

from dropout_lint.semantics import calls, imports
from dropout_lint.semantics.arguments import Arguments
from dropout_lint.semantics.expressions import evaluate
from dropout_lint.semantics.scopes import Deferred, Scope
from dropout_lint.semantics.simple_statements import Flow
from dropout_lint.semantics.values import Argument, ClassValue, FunctionValue, Value

if TYPE_CHECKING:
    from dropout_lint.semantics.events import Frame
    from dropout_lint.semantics.run import Run


def define_function(run: Run, frame: Frame, scope: Scope, node: cst.FunctionDef) -> Flow:
    """Bind a function to its name, as its decorators leave it."""
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


def define_class(run: Run, frame: Frame, scope: Scope, node: cst.ClassDef) -> Flow:
    """Bind a class to its name; what stands in an imported module is looked into when it is asked for."""
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
    from dropout_lint.semantics.statements import block_of, execute_block

    bases = tuple(evaluate(run, frame, scope, base.value) for base in node.bases if base.star == "")
    cls = ClassValue(node, frame.module, scope, bases)
    cls.decorators = tuple(evaluate(run, frame, scope, each.decorator) for each in node.decorators)
    inner = Scope("class", scope)
    inner.names["__class__"] = cls
    execute_block(run, frame, inner, block_of(node.body))
    del inner.names["__class__"]
    for name in list(inner.names):
        inner.read(name)
    cls.attributes = inner.names
    run.classes.append(cls)
    return cls
