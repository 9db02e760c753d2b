"""Whether a loop goes over some of the layers there are, as it is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dropout_lint.syntax.lazy import cst

if TYPE_CHECKING:
    from dropout_lint.semantics.events import TrainableSet

_IN_ORDER = frozenset({"enumerate", "reversed", "list", "tuple"})


def goes_over_slice(toggle: TrainableSet) -> bool:
    """Whether the innermost loop round a toggle goes over part of something: ``for layer in model.layers[:n]``.

    The layers of a functional model are known without their order, so what they are cannot tell.
    """
    node = toggle.loops[-1].node if toggle.loops else None
    if not isinstance(node, (cst.For, cst.CompFor)):
        return False
    source = node.iter
    while isinstance(source, cst.Call) and isinstance(source.func, cst.Name) and source.args:
        if source.func.value not in _IN_ORDER:
            return False
        source = source.args[0].value
    return isinstance(source, cst.Subscript) and any(
        isinstance(each.slice, cst.Slice) and (each.slice.lower is not None or each.slice.upper is not None)
        for each in source.slice
    )
