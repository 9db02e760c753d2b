"""A walk over the nodes that mean something, without LibCST's visitors.

Visitors, matchers and metadata providers cost up to eight times the parse; an explicit stack over a table of
fields costs less than a twentieth, and is not limited by recursion.
"""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from dropout_lint.syntax.lazy import cst

if TYPE_CHECKING:
    from collections.abc import Iterator

SEMANTIC_FIELDS: dict[str, tuple[str, ...]] = {
    # Only nodes whose order in the source is not the order of their fields in LibCST, or with fields that
    # hold operators: all others are read from the node class (see `_Fields`).
    "AnnAssign": ("target", "annotation", "value"),
    "Arg": ("keyword", "value"),
    "AugAssign": ("target", "value"),
    "BinaryOperation": ("left", "right"),
    "BooleanOperation": ("left", "right"),
    "ClassDef": ("decorators", "name", "type_parameters", "bases", "keywords", "body"),
    "ComparisonTarget": ("comparator",),
    "ExceptHandler": ("type", "name", "body"),
    "ExceptStarHandler": ("type", "name", "body"),
    "FunctionDef": ("decorators", "name", "type_parameters", "params", "returns", "body"),
    "IfExp": ("body", "test", "orelse"),
    "MatchAs": ("pattern", "name"),
    "MatchCase": ("pattern", "guard", "body"),
    "Param": ("name", "annotation", "default"),
    "Parameters": ("posonly_params", "params", "star_arg", "kwonly_params", "star_kwarg"),
    "TypeAlias": ("name", "type_parameters", "value"),
    "UnaryOperation": ("expression",),
}

_PUNCTUATION = frozenset(
    {
        "asynchronous",
        "colon",
        "comma",
        "conversion",
        "default_indent",
        "default_newline",
        "dot",
        "encoding",
        "end",
        "equal",
        "first_colon",
        "footer",
        "has_trailing_newline",
        "header",
        "indent",
        "lbrace",
        "lbracket",
        "leading_lines",
        "lines_after_decorators",
        "lpar",
        "operator",
        "posonly_ind",
        "rbrace",
        "rbracket",
        "relative",
        "rpar",
        "second_colon",
        "semicolon",
        "separator",
        "star",
        "start",
        "trailing_comma",
    }
)

_LEAVES = frozenset(
    {
        "Break",
        "Continue",
        "Ellipsis",
        "Float",
        "FormattedStringText",
        "Imaginary",
        "ImportStar",
        "Integer",
        "Name",
        "ParamSlash",
        "ParamStar",
        "Pass",
        "SimpleString",
        "TemplatedStringText",
    }
)


def walk(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """``node`` and what is below it, parents first, in source order.

    Whitespace, comments, punctuation and operators are left out.
    """
    fields_of = _FIELDS
    stack: list[Any] = [node]
    pop, push, push_all = stack.pop, stack.append, stack.extend
    while stack:
        node = pop()
        yield node
        for name in fields_of[type(node)]:
            value = getattr(node, name)
            if value is None:
                continue
            if type(value) is tuple or type(value) is list:
                push_all(value[::-1])
            elif type(value) in fields_of or hasattr(type(value), "children"):
                # Not the sentinel that stands for a default.
                push(value)


def children(node: cst.CSTNode) -> tuple[cst.CSTNode, ...]:
    """The nodes directly below ``node``, in source order, with the same omissions as in `walk`."""
    found: list[Any] = []
    for name in reversed(_FIELDS[type(node)]):
        value = getattr(node, name)
        if type(value) is tuple or type(value) is list:
            found.extend(value)
        elif value is not None and (type(value) in _FIELDS or hasattr(type(value), "children")):
            found.append(value)
    return tuple(found)


class _Fields(dict[type, tuple[str, ...]]):
    """Names of the semantic fields of a node class, last in source order first.

    Filled as classes are met, because LibCST gains node classes with the grammar
    (``TemplatedString`` in 1.8, ``LazyImport`` in 1.9) and this package has no upper bound on it.
    """

    def __missing__(self, kind: type) -> tuple[str, ...]:
        name = kind.__name__
        if name in _LEAVES:
            names: tuple[str, ...] = ()
        elif name in SEMANTIC_FIELDS:
            names = SEMANTIC_FIELDS[name]
        else:
            names = tuple(
                field.name
                for field in fields(kind)
                if field.name not in _PUNCTUATION and "whitespace" not in field.name
            )
        self[kind] = names[::-1]
        return self[kind]


_FIELDS = _Fields()


def last_name(node: cst.CSTNode) -> str:
    """The last name of a reference: ``c`` of ``a.b.c``; empty for what is none."""
    if isinstance(node, cst.Attribute):
        return node.attr.value
    return node.value if isinstance(node, cst.Name) else ""


def contains(outer: cst.CSTNode, node: cst.CSTNode) -> bool:
    """Whether ``node`` is part of ``outer``."""
    return any(each is node for each in walk(outer))
