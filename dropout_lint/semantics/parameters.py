"""The parameters of a project function in one call: what is handed over, defaults, and what nobody passes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from dropout_lint.semantics.defaults import note_default
from dropout_lint.semantics.graphs import inputs_of_graph
from dropout_lint.semantics.tagging import with_tags
from dropout_lint.semantics.values import Argument, Const, FunctionValue, Items, Opaque, Symbolic, Tags, Value
from dropout_lint.semantics.words import is_mode_name, kind_of_data
from dropout_lint.syntax.lazy import cst

if TYPE_CHECKING:
    from dropout_lint.semantics.arguments import Arguments
    from dropout_lint.semantics.events import Frame
    from dropout_lint.semantics.run import Run
    from dropout_lint.semantics.scopes import Scope

Evaluate = Callable[["Run", "Frame", "Scope", "cst.BaseExpression"], Value]


def bind_parameters(
    run: Run, frame: Frame, scope: Scope, function: FunctionValue, arguments: Arguments, evaluate: Evaluate
) -> None:
    """Give each parameter of ``function`` its value in ``scope``, and say in ``frame`` where it comes from."""
    parameters = function.node.params
    names = [*parameters.posonly_params, *parameters.params]
    positional = list(arguments.positional)
    if frame.receiver is not None and names and not isinstance(function.node, cst.Lambda):
        first = names.pop(0)
        scope.names[first.name.value] = frame.receiver
    keywords = dict(arguments.keywords)
    defaulted: set[str] = set()
    for parameter in names:
        name = parameter.name.value
        if positional and not (arguments.spread and len(positional) == 1 and name in keywords):
            given: Argument | None = positional.pop(0)
        else:
            given = keywords.pop(name, None)
        _bind_parameter(run, frame, scope, function, parameter, given, arguments, defaulted, evaluate)
    for parameter in parameters.kwonly_params:
        _bind_parameter(
            run,
            frame,
            scope,
            function,
            parameter,
            keywords.pop(parameter.name.value, None),
            arguments,
            defaulted,
            evaluate,
        )
    if isinstance(parameters.star_arg, cst.Param):
        exact = not frame.assumed and not arguments.spread
        rest_of_them = tuple(each.value for each in positional)
        if frame.receiver is not None and not (parameters.posonly_params or parameters.params):
            rest_of_them = (frame.receiver, *rest_of_them)
        scope.names[parameters.star_arg.name.value] = run.items("tuple", rest_of_them, exact)
    if parameters.star_kwarg is not None:
        rest = run.mapping({name: each.value for name, each in keywords.items()})
        if frame.assumed or arguments.unknown_keywords is not None:
            rest.entries[None] = Opaque(arguments.unknown_keywords or frozenset())
        for name, each in keywords.items():
            frame.arguments[f"**{name}"] = each
        scope.names[parameters.star_kwarg.name.value] = rest
    frame.defaulted = frozenset(defaulted)
    frame.parameters = dict(scope.names)


def _bind_parameter(
    run: Run,
    frame: Frame,
    scope: Scope,
    function: FunctionValue,
    parameter: cst.Param,
    given: Argument | None,
    arguments: Arguments,
    defaulted: set[str],
    evaluate: Evaluate,
) -> None:
    name = parameter.name.value
    if given is not None:
        frame.arguments[name] = given
        scope.names[name] = _named(given.value, name)
        return
    if parameter.default is not None and arguments.unknown_keywords is None:
        value = evaluate(run, frame, function.scope, parameter.default)
        if not frame.assumed or not _may_vary(value):
            defaulted.add(name)
            scope.names[name] = value
            note_default(run, frame, value)
            return
    if frame.assumed and frame.hook is None and name in inputs_of_graph(run, frame, function, evaluate):
        scope.names[name] = Symbolic()
        return
    scope.names[name] = unknown_parameter(function, name)


def _may_vary(value: Value) -> bool:
    """Whether nobody's default is a guess: None, False and True-but-not-the-mode say little about real calls."""
    return isinstance(value, Const) and (value.value is None or value.value is False)


def unknown_parameter(function: FunctionValue, name: str) -> Opaque:
    """The value of a parameter nobody passes."""
    kind = kind_of_data(name)
    tags: Tags = frozenset()
    if is_mode_name(name):
        tags = frozenset({("mode", name)})
    elif kind is not None:
        tags = frozenset({("data", kind, name)})
    return Opaque(tags, ("parameter", id(function.node), name))


def _named(value: Value, name: str) -> Value:
    """Data handed to a parameter called ``x_test`` are test data."""
    kind = kind_of_data(name)
    if kind is not None and isinstance(value, (Opaque, Items)) and not is_mode_name(name):
        return with_tags(value, frozenset({("data", kind, name)}))
    return value
