"""How sure it is that a receiver or callee is a Keras layer or model.

Most methods a rule wants to speak about (``fit``, ``predict``, ``evaluate``) exist in other libraries too, so the name
of the method says little. What is known of the object decides; failing that, what the program does with it; failing
that, what it is called in a module that knows no other library with modules of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dropout_lint.findings import Confidence
from dropout_lint.semantics.events import MethodCall
from dropout_lint.semantics.intent import uses_keras
from dropout_lint.semantics.models import is_layer, is_model
from dropout_lint.semantics.values import External, Instance, Opaque, alternatives, tags_of
from dropout_lint.semantics.words import words

if TYPE_CHECKING:
    from dropout_lint.semantics.events import Frame, Interpretation
    from dropout_lint.semantics.values import Value

_MODEL_WORDS = frozenset({"model", "models", "net", "network"})
_COMPILING = frozenset({"loss", "optimizer", "metrics"})
"""Keywords that only Keras's ``compile`` has."""


def sureness(
    value: Value, text: str, frames: tuple[Frame, ...], interpretation: Interpretation, model: bool = False
) -> Confidence | None:
    """How sure it is that ``value``, written ``text``, is a Keras layer or model (``model``: a model); None: not.

    HIGH where every value it may be is one, MEDIUM where it comes from where Keras models come from or is compiled like
    one, LOW where only its name says so.
    """
    is_one = is_model if model else is_layer
    found = [each for each in alternatives(value) if not isinstance(each, Opaque)]
    if found and all(is_one(each) for each in found):
        return Confidence.HIGH if len(found) == len(alternatives(value)) else Confidence.MEDIUM
    if any(isinstance(each, (Instance, External)) for each in found):
        # it is something, and that is not Keras
        return None
    if ("model",) in tags_of(value) or _is_compiled(value, interpretation):
        return Confidence.MEDIUM
    if found or not uses_keras(frames):
        return None
    last = text.rpartition(".")[2]
    return Confidence.LOW if not _MODEL_WORDS.isdisjoint(words(last)) else None


def _is_compiled(value: Value, interpretation: Interpretation) -> bool:
    """Whether the program compiles the same unknown object as only Keras models are compiled."""
    key = value.key if isinstance(value, Opaque) else None
    return any(
        isinstance(event, MethodCall)
        and event.name == "compile"
        and (event.receiver is value or (key is not None and getattr(event.receiver, "key", None) == key))
        and not _COMPILING.isdisjoint(event.arguments.keywords)
        for event in interpretation.events
    )
