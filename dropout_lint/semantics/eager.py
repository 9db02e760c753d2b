"""Which models are never traced: each of their steps reads Python attributes and `trainable` flags anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dropout_lint.semantics.events import AttributeSet, ModelUse
from dropout_lint.semantics.ownership import tokens_of
from dropout_lint.semantics.values import truth

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dropout_lint.semantics.events import Interpretation
    from dropout_lint.semantics.ownership import Token


def run_eagerly(interpretation: Interpretation) -> frozenset[Token]:
    """The models that ``compile(run_eagerly=True)`` or ``model.run_eagerly = True`` may keep from being traced."""
    return frozenset(_tokens(interpretation))


def _tokens(interpretation: Interpretation) -> Iterator[Token]:
    for event in interpretation.events:
        if isinstance(event, ModelUse) and event.kind == "compile" and event.arguments is not None:
            given = event.arguments.keywords.get("run_eagerly")
            if given is not None and truth(given.value) is not False:
                yield from tokens_of(event.receiver)
        elif isinstance(event, AttributeSet) and event.name == "run_eagerly" and truth(event.value) is not False:
            yield from tokens_of(event.receiver)
