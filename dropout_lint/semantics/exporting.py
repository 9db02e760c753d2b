"""Functions that are written out to be served: whatever they compute is inference."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dropout_lint.semantics.attributes import get_attribute
from dropout_lint.semantics.tags import tags_of
from dropout_lint.semantics.values import (
    Bound,
    ClassValue,
    FunctionValue,
    Instance,
    Partial,
    Value,
    leaves,
)
from dropout_lint.syntax.lazy import cst
from dropout_lint.syntax.walk import last_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dropout_lint.semantics.arguments import Arguments
    from dropout_lint.semantics.events import Frame
    from dropout_lint.semantics.run import Run

EXPORTERS = {
    "tensorflow.saved_model.save": (("obj", 0), ("signatures", 2)),
    "tensorflow.lite.TFLiteConverter.from_concrete_functions": (("funcs", 0),),
    "tf2onnx.convert.from_function": (("function", 0),),
}
"""What writes functions out, and the parameters (name and position) that take them, or objects that have them."""
_MOST = 16


def note_export(run: Run, frame: Frame, name: str, arguments: Arguments, node: cst.CSTNode) -> None:
    """``tf.saved_model.save(module, path, signatures=serve)`` and the like."""
    for keyword, position in EXPORTERS.get(name, ()):
        given = arguments.get(keyword, position)
        if given is not None:
            export(run, frame, given.value, f"{name.replace('tensorflow.', 'tf.')}()", node)


def export(run: Run, frame: Frame, value: Value, text: str, node: cst.CSTNode) -> None:
    """Whoever reads what is written calls the functions in ``value``, on data that are not known."""
    from dropout_lint.semantics.externals import run_on_unknown

    for number, function in enumerate(_functions(run, frame, value, node)):
        if number == _MOST:
            break
        run.use("exported", text, tags_of(run_on_unknown(run, frame, function, node)), frame, node)


def _functions(run: Run, frame: Frame, value: Value, node: cst.CSTNode) -> Iterator[Value]:
    for each in leaves(value, mappings=True):
        if isinstance(each, (FunctionValue, Bound, Partial)):
            yield each
        elif isinstance(each, Instance) and isinstance(each.cls, ClassValue):
            names = {name for cls in each.cls.ancestry() for name, one in cls.attributes.items() if _has_signature(one)}
            for name in sorted(names):
                found = get_attribute(run, frame, each, name, node)
                if isinstance(found, Bound):
                    yield found


def _has_signature(value: Value) -> bool:
    """Whether ``tf.function`` is told what a method takes, so that it is written out without ever being called."""
    return isinstance(value, FunctionValue) and any(
        isinstance(each.decorator, cst.Call)
        and last_name(each.decorator.func) == "function"
        and any(given.keyword is not None and given.keyword.value == "input_signature" for given in each.decorator.args)
        for each in getattr(value.node, "decorators", ())
    )
