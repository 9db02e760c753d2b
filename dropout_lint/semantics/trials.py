"""Whether code is there for its own sake: to compare the modes, to test a layer, to see that a model runs at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dropout_lint.semantics.events import Frame, MethodCall, ModeCall
from dropout_lint.semantics.values import ClassValue, Instance, truth
from dropout_lint.semantics.words import words
from dropout_lint.syntax.lazy import cst

if TYPE_CHECKING:
    from dropout_lint.semantics.events import Interpretation, ModelUse


def compares_modes(event: ModeCall, interpretation: Interpretation) -> bool:
    """Whether the output is held against that of the same model in inference mode: somebody looks at the modes.

    So it is where two loops side by side go over the same data, in one mode each, and do the same with what comes out.
    """
    same = _same_model(event)
    off = interpretation.once(_off)
    if any(off.get(partner) == same for use in event.uses for partner in use.partners):
        return True
    twin = _twin(event)
    return twin is not None and any(
        other.loops[-1].node is not event.loops[-1].node for other in interpretation.mode_calls(_twin_if_off, twin)
    )


def _same_model(event: ModeCall) -> tuple[int, int]:
    """What is called, and where (the ids)."""
    return id(event.callee), id(event.frames[-1])


def _off(interpretation: Interpretation) -> dict[int, tuple[int, int]]:
    """By serial: what is called in inference mode, and where."""
    return {
        event.serial: _same_model(event)
        for event in interpretation.events
        if isinstance(event, ModeCall) and truth(event.flag) is False
    }


def _twin(event: ModeCall) -> tuple[object, ...] | None:
    """What is called, over what data, and what is done with what comes out; None outside of loops over data."""
    loops = [loop.node for loop in event.loops]
    over = _iterated(loops[-1], event) if loops else None
    kinds = frozenset(use.kind for use in event.uses)
    return (_same_model(event), tuple(map(id, loops[:-1])), over, kinds) if over is not None and kinds else None


def _twin_if_off(event: ModeCall) -> tuple[object, ...] | None:
    return _twin(event) if truth(event.flag) is False else None


def _iterated(node: cst.CSTNode, event: ModeCall) -> str | None:
    """What a loop goes over, as it is written."""
    return event.frames[-1].module.source_of(node.iter) if isinstance(node, (cst.For, cst.CompFor)) else None


def is_test_code(frames: tuple[Frame, ...]) -> bool:
    """Whether a unit test is running: layers are called in both modes there to compare them."""
    for frame in frames:
        if frame.module.is_test:
            return True
        if frame.owner is not None and (_is_test_case(frame.owner) or _defined_in_test(frame.owner)):
            return True
    return False


def _is_test_case(cls: ClassValue) -> bool:
    return any(base.name.endswith("TestCase") for base in cls.external_bases)


def _defined_in_test(cls: ClassValue) -> bool:
    """Whether a class stands in a method of a unit test."""
    outer = cls.scope.frame
    return isinstance(outer, Frame) and any(
        each.owner is not None and _is_test_case(each.owner) for each in outer.chain()
    )


def tries_out(event: ModeCall | ModelUse, interpretation: Interpretation) -> bool:
    """Whether a function is there to see that the code runs: ``test_model()`` is handed nothing, and calls a model that
    has learned nothing.
    """
    if not any(_takes_nothing(frame) and words(frame.name)[:1] == ("test",) for frame in event.frames):
        return False
    callee = event.callee if isinstance(event, ModeCall) else event.receiver
    if not isinstance(callee, Instance) or "__loaded__" in callee.arguments:
        return False
    return next(interpretation.trainings_before(event), None) is None and not interpretation.once(_has_learned)


def _has_learned(interpretation: Interpretation) -> bool:
    return any(isinstance(each, MethodCall) and each.name in _LEARNED_BEFORE for each in interpretation.events)


_LEARNED_BEFORE = frozenset({"load_weights", "restore", "set_weights", "load"})


def _takes_nothing(frame: Frame) -> bool:
    if frame.function is None:
        return False
    taken = frame.function.node.params
    return not (taken.params or taken.posonly_params or taken.kwonly_params or isinstance(taken.star_arg, cst.Param))
