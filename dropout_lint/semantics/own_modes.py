"""Layers of a project that ask for the mode themselves: what their ``call`` does in training and at no other time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dropout_lint.keras.entry_points import DROPOUT_FUNCTIONS, KEEP_PROBABILITY_FUNCTIONS
from dropout_lint.semantics.events import FunctionCall
from dropout_lint.semantics.signatures import own_call, parameter, parameters, visible, written
from dropout_lint.semantics.values import ClassValue, Const, FunctionValue, Instance, Items, Value, alternatives
from dropout_lint.semantics.words import DRAWS, is_mode_name, keeps, words
from dropout_lint.syntax.lazy import cst
from dropout_lint.syntax.walk import last_name, walk

if TYPE_CHECKING:
    from dropout_lint.semantics.events import Event, Frame, Interpretation

_DROPS = DROPOUT_FUNCTIONS | KEEP_PROBABILITY_FUNCTIONS
_RATES = frozenset("drop dropout rate prob probability keep survival ratio p stddev std sigma".split())
_NO_SWITCH = frozenset({"self", "None", "True", "False", "not", "float"})
_STATISTICS = frozenset({"moments", "sufficient_statistics", "fused_batch_norm"})


def own_mode(value: Instance) -> str:
    """``batch-statistics`` where the ``call`` of a project class takes those of the batch ``if training:``, or none."""
    cls = value.cls
    if not isinstance(cls, ClassValue):
        return "none"
    if cls.own_mode is None:
        method = own_call(value)
        cls.own_mode = _mode_of_call(written(method)) if method is not None else "none"
    return cls.own_mode


def drawing(interpretation: Interpretation) -> frozenset[int]:
    """The serials of objects of the project whose ``call`` draws, or drops, in training and at no other time.

    Stochastic depth of one's own (https://arxiv.org/abs/1603.09382), or ``tf.nn.dropout`` under ``if training:``; the
    mode has to be the one that Keras hands down, and nothing else to decide, but a rate that is not zero.
    """
    found: set[int] = set()
    for event in interpretation.events:
        frame = _call_of(event)
        if isinstance(event, FunctionCall) and frame is not None and _draws(event):
            receiver = frame.receiver
            if (
                isinstance(receiver, Instance)
                and _only_in_training(event.guards[frame.conditions :])
                and _hears_of_mode(receiver)
                and not _is_off(receiver)
            ):
                found.add(receiver.serial)
    return frozenset(found)


def _call_of(event: Event) -> Frame | None:
    """The innermost ``call`` in which something happens."""
    frames = event.frames if isinstance(event, FunctionCall) else ()
    return next((frame for frame in reversed(frames) if frame.hook == "call"), None)


def _draws(event: FunctionCall) -> bool:
    if event.name in _DROPS:
        given = event.arguments.keywords.get("keep_prob") or event.arguments.get("rate", 1)
        off = event.name in KEEP_PROBABILITY_FUNCTIONS or "keep_prob" in event.arguments.keywords
        return given is not None and not _is_always(given.value, 1 if off else 0)
    return event.name.rpartition(".")[2] in DRAWS and event.name.startswith(("tensorflow.", "keras."))


def _only_in_training(guards: tuple[frozenset[str], ...]) -> bool:
    names = [name for guard in guards for name in guard if name not in _NO_SWITCH]
    return any(is_mode_name(name) for name in names) and all(is_mode_name(name) or _is_rate(name) for name in names)


def _hears_of_mode(value: Instance) -> bool:
    method = own_call(value)
    given = parameter(visible(method), "training") if method is not None else None
    return given is not None and not _is_on(given) and value.keras_name is not None


def _is_off(value: Instance) -> bool:
    """Whether a rate that it was made with leaves it nothing to drop."""
    return any(_is_always(each, 1 if keeps(name) else 0) for name, each in value.attributes.items() if _is_rate(name))


def _is_rate(name: str) -> bool:
    return not _RATES.isdisjoint(words(name))


def _is_always(value: Value, number: int) -> bool:
    """Whether a rate, or each in a list of them, is ``number``, or None."""
    return all(
        isinstance(one, Const) and (one.value is None or one.value == number)
        for each in alternatives(value)
        for item in (each.items if isinstance(each, Items) else (each,))
        for one in alternatives(item)
    )


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
