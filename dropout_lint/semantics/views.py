"""Views: one input that is augmented several times over, so that the outcomes can be compared."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dropout_lint.semantics.events import ModeCall, ModelUse
from dropout_lint.semantics.words import words
from dropout_lint.syntax.lazy import cst

if TYPE_CHECKING:
    from dropout_lint.semantics.events import Interpretation

_NUMBER = re.compile(r"[\[\]\d_]+")


def is_a_view(event: ModeCall | ModelUse, interpretation: Interpretation) -> bool:
    """Whether the same is done to the same input again, in the same function: ``one, two = augment(x), augment(x)``.

    Self-supervised and semi-supervised training compare such views, their validation loss too.
    """
    own = _said(event)
    return own is not None and any(
        other is not event
        and isinstance(other, (ModeCall, ModelUse))
        and other.frames[-1].function is event.frames[-1].function
        and other.place.node is not event.place.node
        and _said(other) == own
        for other in interpretation.events
    )


def is_called_augmenting(text: str) -> bool:
    """Whether something unknown is called after augmentation: ``self.augmenters[0]``."""
    return any(each.startswith("augment") for each in words(text.rpartition(".")[2]))


def _said(event: ModeCall | ModelUse) -> tuple[str, str] | None:
    """What is called, its number left out, and with what."""
    node = event.place.node
    if not isinstance(node, cst.Call) or not node.args:
        return None
    source = event.place.module.source_of
    return _NUMBER.sub("", source(node.func)), source(node.args[0].value)
