"""Calls that train a model and do not say so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeGuard

from dropout_lint.semantics.events import HandedOver, MethodCall, ModeCall, ModelUse
from dropout_lint.semantics.learning import Learner, asks_for_mode, callee_of
from dropout_lint.semantics.models import is_layer, mode_of
from dropout_lint.semantics.roles import off_switch
from dropout_lint.semantics.tags import tags_of
from dropout_lint.semantics.trials import is_test_code
from dropout_lint.semantics.values import Const, Instance, truth
from dropout_lint.syntax.lazy import cst

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dropout_lint.semantics.events import Event, Frame, Interpretation, Place, Use

__all__ = ["Untold", "says_nothing", "untold"]


@dataclass(frozen=True, slots=True)
class Untold:
    """One such call."""

    event: ModelUse | ModeCall
    layers: tuple[Instance, ...]
    """What a flag would switch on in the model."""
    complete: bool
    """Whether these are all there may be."""
    sure: bool
    """Whether the model is among what learns, and by this call alone."""

    @property
    def required(self) -> bool:
        """Whether the project's own ``call`` has no default for the flag."""
        return isinstance(self.event, ModelUse) and self.event.bare is not None and self.event.bare.required

    @property
    def bypass(self) -> tuple[Place, cst.BaseExpression] | None:
        """The ``model.call(x)`` by which a ``call`` was entered, past Keras, which hands on no mode; and the model."""
        for frame in self.event.frames:
            if frame.hook == "call":
                return None
            model = _model_run_past_keras(frame)
            if model is not None and frame.call is not None:
                return frame.call, model
        return None


def untold(interpretation: Interpretation) -> tuple[Untold, ...]:
    """The calls that train a model, or may, and do not say so, in order; two rules ask."""
    return interpretation.once(_untold)


def _untold(interpretation: Interpretation) -> tuple[Untold, ...]:
    learner = Learner(interpretation)
    return () if learner.phase_is_set else tuple(_found(interpretation, learner))


def _found(interpretation: Interpretation, learner: Learner) -> Iterator[Untold]:
    applies = any(map(_applies, interpretation.events))
    for event in interpretation.events:
        if not says_nothing(event):
            continue
        learning = learner.of(event)
        if learning is None or learning.trained is False or _ignored(event, learning.use):
            continue
        if not applies and _only_looks(learning.use):
            continue
        layers, complete = learner.mode_layers(event)
        callee = callee_of(event)
        sure = bool(learning.trained) and not learner.trained_beside(callee, learning)
        yield Untold(event, _switched(layers, learner.settled(callee)), complete, sure)


def _applies(event: Event) -> bool:
    """Whether something updates weights as the script runs: an optimizer, the program, or who is handed them for it."""
    if isinstance(event, HandedOver):
        return ("vars",) in tags_of(event.value) and not event.frames[0].assumed
    if not isinstance(event, (ModelUse, MethodCall)) or event.frames[0].assumed:
        return False
    if isinstance(event, ModelUse):
        return event.kind in {"gradient", "train"}
    return event.name.startswith(("assign", "set_weights", "scatter_"))


def _only_looks(gradient: Use) -> bool:
    """Whether a script takes a gradient at its outermost level, where somebody would be seen to apply it."""
    return gradient.text == "tape.gradient" and all(frame.function is None for frame in gradient.frames)


def says_nothing(event: Event) -> TypeGuard[ModelUse | ModeCall]:
    """Whether a call hands over no flag, or one that is False because a helper is called without it."""
    if isinstance(event, ModelUse):
        return event.bare is not None and not event.symbolic
    return (
        isinstance(event, ModeCall)
        and not event.graph
        and isinstance(event.flag, Const)
        and truth(event.flag) is False
        and event.choice.place.node is event.choice.call
    )


def _ignored(event: ModelUse | ModeCall, gradient: Use) -> bool:
    if _steps_outside(event) or is_test_code(event.frames):
        return True
    if any(use.text == "get_updates()" for use in event.used("gradient")):
        # a graph of the first Keras, in which a call that says nothing follows the learning phase that is fed
        return True
    guards = event.guards if isinstance(event, ModeCall) else event.bare.guards if event.bare is not None else ()
    if asks_for_mode(guards, gradient):
        return True
    if isinstance(event, ModeCall) or event.bare is None:
        return False
    # its own `call` may run in training mode by default
    return off_switch(event.frames) is not None or truth(event.bare.default) is not False


def _steps_outside(event: ModelUse | ModeCall) -> bool:
    """Whether it happens in some ``call``, which whoever takes the gradient has told the mode or not."""
    inside = [frame for frame in event.frames if frame.hook == "call"]
    return bool(inside) and not any(inside[-1] in use.frames for use in event.used("gradient"))


def _switched(layers: tuple[Instance, ...], settled: frozenset[int]) -> tuple[Instance, ...]:
    """The layers that a flag would switch on; augmentation already is."""
    return tuple(each for each in layers if each.serial not in settled and mode_of(each) != "augmentation")


def _model_run_past_keras(frame: Frame) -> cst.BaseExpression | None:
    """``model`` of the ``model.call(x)`` by which a frame was entered; None where it was entered otherwise."""
    node = frame.call.node if frame.call is not None else None
    func = node.func if isinstance(node, cst.Call) else None
    if frame.name != "call" or not isinstance(func, cst.Attribute) or func.attr.value != "call":
        return None
    if isinstance(func.value, cst.Call) and isinstance(func.value.func, cst.Name):
        return None  # super().call(x)
    return func.value if isinstance(frame.receiver, Instance) and is_layer(frame.receiver) else None
