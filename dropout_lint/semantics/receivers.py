"""How sure it is that a receiver or callee is a Keras layer or model.

Most methods a rule wants to speak about (``fit``, ``predict``, ``evaluate``) exist in other libraries too, so the name
of the method says little. What is known of the object decides; failing that, what the program does with it; failing
that, what it is called in a module that knows no other library with modules of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dropout_lint.findings import Confidence
from dropout_lint.semantics.calls import COMPILED, COMPILING
from dropout_lint.semantics.events import MethodCall
from dropout_lint.semantics.intent import uses_keras
from dropout_lint.semantics.models import is_layer, is_model
from dropout_lint.semantics.tags import tags_of
from dropout_lint.semantics.values import ClassValue, External, Instance, Opaque, alternatives
from dropout_lint.semantics.words import words

if TYPE_CHECKING:
    from dropout_lint.semantics.events import Frame, Interpretation
    from dropout_lint.semantics.values import Value

_MODEL_WORDS = frozenset({"model", "models", "net", "network"})
_MODEL_METHODS = frozenset({"get_layer", "train_on_batch", "test_on_batch", "predict_on_batch"})
"""Methods that only Keras's models have."""


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
        # it is something, and that is not Keras; a library of ready-made models makes some
        made = all(isinstance(each, Instance) and isinstance(each.cls, str) for each in found) and uses_keras(frames)
        return Confidence.MEDIUM if made and _is_used_as_model(value, interpretation) else None
    if not found and not model and is_layer_of_known_model(value, interpretation):
        return Confidence.HIGH
    if ("model",) in tags_of(value) or _is_used_as_model(value, interpretation):
        return Confidence.MEDIUM
    if found or not uses_keras(frames):
        return None
    last = text.rpartition(".")[2]
    return Confidence.LOW if not _MODEL_WORDS.isdisjoint(words(last)) else None


def sureness_by_trainable(
    value: Value, text: str, frames: tuple[Frame, ...], interpretation: Interpretation
) -> Confidence | None:
    """How sure it is that ``value`` is a layer, a model, or one of their variables, given that it is to be trainable.

    Only Keras and what is made like it calls an attribute that.
    """
    sure = sureness(value, text, frames, interpretation)
    found = [each for each in alternatives(value) if not isinstance(each, Opaque)]
    if any(isinstance(each, Instance) and _has_unknown_base(each) for each in found):
        return Confidence.MEDIUM if sure is not None else None
    if sure in {None, Confidence.LOW} and not found and uses_keras(frames):
        return Confidence.MEDIUM
    return sure if all(is_layer(each) for each in found) else None


def _has_unknown_base(value: Instance) -> bool:
    return isinstance(value.cls, ClassValue) and value.cls.has_unknown_base


def is_rebound(text: str, frames: tuple[Frame, ...], interpretation: Interpretation) -> bool:
    """Whether ``text`` begins with a global that a function nobody calls reads, and that is bound several times.

    Such a function is interpreted when the module is through; which of the bindings it would see is not known.
    """
    root = text.partition(".")[0].partition("[")[0]
    outermost, here = frames[0], frames[-1]
    if not outermost.assumed or any(root in frame.parameters for frame in frames):
        return False
    return len(interpretation.assigned.get((id(here.module), root), ())) > 1


def is_layer_of_known_model(value: Value, interpretation: Interpretation) -> bool:
    """Whether ``value`` is what ``model.layers[…]`` or ``model.get_layer(…)`` gives, of a model that the program makes.

    Places below such a layer (``model.layers[0].cell``) are not meant.
    """
    key = value.key if isinstance(value, Opaque) else None
    if key is None or len(key) < 4 or key[0] != "instance":
        return False
    inside = key[2] == "get_layer" and len(key) == 4
    inside |= key[2:4] == ("layers", "[]") and all(_is_position(each) for each in key[4:])
    model = interpretation.instance(key[1]) if inside else None
    return model is not None and is_layer(model)


def _is_position(part: object) -> bool:
    return isinstance(part, int) or (isinstance(part, str) and (part == "[]" or part.endswith(":")))


def _is_used_as_model(value: Value, interpretation: Interpretation) -> bool:
    """Whether the program treats the same unknown object as only Keras models are: compiles it, asks it for a layer."""
    receivers, keys = interpretation.once(_used_as_models)
    key = value.key if isinstance(value, Opaque) else None
    return id(value) in receivers or (COMPILED, id(value)) in keys or (key is not None and key in keys)


def _used_as_models(interpretation: Interpretation) -> tuple[frozenset[int], frozenset[object]]:
    """The ids of all objects that are treated so, and the keys of the unknown ones among them."""
    found = [
        event.receiver
        for event in interpretation.events
        if isinstance(event, MethodCall)
        and (event.name in _MODEL_METHODS or (event.name == "compile" and _compiles(event)))
    ]
    keys = frozenset(each.key for each in found if isinstance(each, Opaque) and each.key is not None)
    return frozenset(map(id, found)), keys


def _compiles(event: MethodCall) -> bool:
    """Whether ``compile`` is given what that of Keras takes, by its names or with an optimizer of Keras."""
    return not COMPILING.isdisjoint(event.arguments.keywords) or any(
        isinstance(each, Instance) and (each.keras_name or "").startswith("keras.optimizers.")
        for each in event.arguments.values
    )
