"""Views: one input that is augmented several times over, so that the outcomes can be compared."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dropout_lint.semantics.words import words
from dropout_lint.syntax.lazy import cst

if TYPE_CHECKING:
    from dropout_lint.semantics.events import Interpretation, ModeCall, ModelUse

_NUMBER = re.compile(r"[\[\]\d_]+")


def is_a_view(event: ModeCall | ModelUse, interpretation: Interpretation) -> bool:
    """Whether the same is done to the same input again: ``one, two = augment(x), augment(x)`` in one function and loop.

    Self-supervised and semi-supervised training compare such views, their validation loss too.
    """
    own = _said(event)
    return own is not None and any(
        other.place.node is not event.place.node for other in interpretation.calls(_said, own)
    )


def is_called_augmenting(text: str) -> bool:
    """Whether something unknown is called after augmentation: ``self.augmenters[0]``."""
    return any(each.startswith("augment") for each in words(text.rpartition(".")[2]))


def _said(event: ModeCall | ModelUse) -> tuple[object, ...] | None:
    """What is called, the number of an augmenter left out, with what, and where."""
    node = event.place.node
    if not isinstance(node, cst.Call) or not node.args:
        return None
    module = event.place.module
    callee, given = module.source_of(node.func), module.source_of(node.args[0].value)
    where = (id(module), id(event.frames[-1].function), tuple(loop.serial for loop in event.loops))
    return _NUMBER.sub("", callee) if is_called_augmenting(callee) else callee, given, where
