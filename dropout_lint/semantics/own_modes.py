"""Layers of a project that ask for the mode themselves: what their ``call`` does in training and at no other time."""

from __future__ import annotations

from dropout_lint.semantics.signatures import parameters, written
from dropout_lint.semantics.values import ClassValue, FunctionValue, Instance
from dropout_lint.syntax.lazy import cst
from dropout_lint.syntax.walk import last_name, walk

_STATISTICS = frozenset({"moments", "sufficient_statistics", "fused_batch_norm"})


def own_mode(value: Instance) -> str:
    """``batch-statistics`` where the ``call`` of a project class takes those of the batch ``if training:``, or none."""
    cls = value.cls
    if not isinstance(cls, ClassValue):
        return "none"
    if cls.own_mode is None:
        method = cls.find("call")
        cls.own_mode = _mode_of_call(written(method)) if isinstance(method, FunctionValue) else "none"
    return cls.own_mode


def _mode_of_call(method: FunctionValue) -> str:
    # under another name Keras does not hand it down, and whoever calls says it
    flags = {"training"} & {each.name.value for each in parameters(method) if not _is_on(each)}
    for node in walk(method.node):
        if isinstance(node, cst.If) and isinstance(node.test, cst.Name) and node.test.value in flags:
            taken = {last_name(each.func) for each in walk(node.body) if isinstance(each, cst.Call)}
            if not taken.isdisjoint(_STATISTICS) and node.orelse is not None:
                return "batch-statistics"
    return "none"


def _is_on(parameter: cst.Param) -> bool:
    """Whether a default turns training on, or may."""
    default = parameter.default
    return default is not None and not (isinstance(default, cst.Name) and default.value in {"None", "False"})
