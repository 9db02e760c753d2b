"""What Keras sees of a method's signature, decorators of the project seen through.

Keras looks a parameter up with ``inspect.signature``, which follows ``functools.wraps`` and nothing else
(keras/src/layers/layer.py, ``_call_has_training_arg``, 3.15.1).
"""

from __future__ import annotations

from dropout_lint.semantics.values import UNKNOWN, ClassValue, Const, External, FunctionValue, Instance, Value
from dropout_lint.syntax.lazy import cst
from dropout_lint.syntax.literals import value_of
from dropout_lint.syntax.walk import children, walk


def written(function: FunctionValue) -> FunctionValue:
    """The function as its author wrote it, below all decorators."""
    while function.inner is not None:
        function = function.inner
    return function


def own_call(value: Value | None) -> FunctionValue | None:
    """The ``call`` that the project has written for a layer or model."""
    cls = value.cls if isinstance(value, Instance) else None
    method = cls.find("call") if isinstance(cls, ClassValue) else None
    return method if isinstance(method, FunctionValue) else None


def visible(function: FunctionValue) -> FunctionValue:
    """The function whose parameters ``inspect.signature`` reports."""
    while function.inner is not None and _wraps(function):
        function = function.inner
    return function


def _wraps(function: FunctionValue) -> bool:
    return any(isinstance(each, External) and each.name == "functools.wraps" for each in function.decorators)


def parameters(function: FunctionValue) -> tuple[cst.Param, ...]:
    """The named parameters of a function, ``self`` included."""
    found = function.node.params
    return (*found.posonly_params, *found.params, *found.kwonly_params)


def parameter(function: FunctionValue, name: str) -> cst.Param | None:
    """The parameter of that name."""
    return next((each for each in parameters(function) if each.name.value == name), None)


def sees(function: FunctionValue, name: str) -> bool:
    """Whether Keras finds a parameter of that name."""
    return parameter(visible(function), name) is not None


def readings(function: FunctionValue, name: str) -> tuple[cst.Name, ...] | None:
    """The places that read a parameter, or None where a nested function has one of the same name."""
    found: list[cst.Name] = []
    stack: list[cst.CSTNode] = list(children(function.node.body))
    while stack:
        node = stack.pop()
        if isinstance(node, (cst.FunctionDef, cst.Lambda)) and any(
            each.name.value == name for each in (*node.params.params, *node.params.kwonly_params)
        ):
            return None
        if isinstance(node, cst.Name) and node.value == name:
            found.append(node)
        elif isinstance(node, (cst.Attribute, cst.Arg)):
            stack.append(node.value)
        else:
            stack.extend(children(node))
    return tuple(found)


def reading_among_keywords(function: FunctionValue, name: str) -> cst.CSTNode | None:
    """Where a function looks for a name among its keywords first: ``kwargs.get(name)``, ``kwargs[name]``; or None.

    Not where it sets it, or only takes care that it is not there: ``kwargs.pop(name, None)`` as a statement.
    """
    gathered = function.node.params.star_kwarg
    if gathered is None:
        return None
    unread: set[int] = set()
    for node in walk(function.node.body):
        if isinstance(node, cst.Expr):
            unread.add(id(node.value))
        elif isinstance(node, (cst.AssignTarget, cst.AnnAssign, cst.Del)):
            unread.add(id(node.target))
        if id(node) in unread:
            continue
        container: cst.CSTNode | None = None
        key: cst.CSTNode | None = None
        if isinstance(node, cst.Subscript) and len(node.slice) == 1 and isinstance(node.slice[0].slice, cst.Index):
            container, key = node.value, node.slice[0].slice.value
        elif (
            isinstance(node, cst.Call)
            and isinstance(node.func, cst.Attribute)
            and node.func.attr.value in {"get", "pop"}
            and node.args
        ):
            container, key = node.func.value, node.args[0].value
        if (
            isinstance(container, cst.Name)
            and container.value == gathered.name.value
            and isinstance(key, cst.SimpleString)
            and value_of(key) == name
        ):
            return node
    return None


def is_read(function: FunctionValue, name: str) -> bool:
    """Whether a function, or one inside it, reads a name, or may do so through ``locals()``."""
    return not names_read(function).isdisjoint({name, *READING_ALL})


READING_ALL = frozenset({"locals", "exec", "eval"})


def names_read(function: FunctionValue) -> frozenset[str]:
    """All names that a function, or one inside it, reads."""
    found: set[str] = set()
    stack: list[cst.CSTNode] = list(children(function.node.body))
    while stack:
        node = stack.pop()
        if isinstance(node, cst.Name):
            found.add(node.value)
        elif isinstance(node, cst.AssignTarget) and isinstance(node.target, cst.Name):
            continue
        elif isinstance(node, (cst.Attribute, cst.Arg)):
            stack.append(node.value)
        else:
            stack.extend(children(node))
    return frozenset(found)


def default_of(function: FunctionValue, name: str) -> Value:
    """What a parameter is where nobody passes it: a constant, or unknown."""
    found = parameter(function, name)
    node = found.default if found is not None else None
    if isinstance(node, cst.Name):
        if node.value in _NAMED:
            return _NAMED[node.value]
        return function.scope.find(node.value) or UNKNOWN
    if isinstance(node, cst.Integer):
        return Const(value_of(node))
    return UNKNOWN


_NAMED = {"True": Const(True), "False": Const(False), "None": Const(None)}
