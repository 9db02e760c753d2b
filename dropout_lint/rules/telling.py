"""Words that several rules share: what a model contains, how a line was reached, what a version does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dropout_lint.semantics.choices import toggled_at
from dropout_lint.semantics.events import Frame, ModeCall, Place, TrainableSet
from dropout_lint.semantics.models import Content, mode_of
from dropout_lint.semantics.values import Const, Instance, truth
from dropout_lint.syntax.lazy import cst

if TYPE_CHECKING:
    from dropout_lint.keras.versions import KerasVersion
    from dropout_lint.semantics.values import Value

_EFFECTS = {
    "dropout": "drops units",
    "noise": "adds noise",
    "batch-statistics": "normalises with the statistics of the batch",
    "rnn-dropout": "drops inputs or states",
    "attention-dropout": "drops attention weights",
    "augmentation": "changes the images",
    "power-iteration": "updates its power iteration",
}
_MATTERS = (
    "batch-statistics",
    "dropout",
    "rnn-dropout",
    "attention-dropout",
    "noise",
    "power-iteration",
    "augmentation",
)


def version_text(version: KerasVersion | None) -> str:
    """``Keras 3.15``; ``Keras`` where the version is not known."""
    return f"Keras {version}" if version is not None else "Keras"


def stays_active(content: Content) -> str:
    """What a call in training mode does: "Dropout stays active", "BatchNormalization uses batch statistics"."""
    kinds = {mode_of(layer) for layer in content.layers}
    names = _class_names(content, exclude={"batch-statistics"})
    if kinds == {"batch-statistics"}:
        return "BatchNormalization uses the statistics of the batch and overwrites its own"
    if not kinds:
        return "its dropout and batch normalisation run as in training"
    listed = " and ".join(names[:2])
    verb = "stay" if len(names) > 1 else "stays"
    if "batch-statistics" in kinds:
        return f"{listed} {verb} active and BatchNormalization uses the statistics of the batch"
    return f"{listed} {verb} active"


def stays_inactive(layers: tuple[Instance, ...], here: bool = False) -> str:
    """What training in inference mode does: "Dropout is never active", "BatchNormalization never learns …".

    With ``here``, other calls may run the layers in training mode.
    """
    if not layers:
        return "any dropout and batch normalisation in it run as in inference"
    statistics = [layer for layer in layers if mode_of(layer) in {"batch-statistics", "power-iteration"}]
    others = _class_names(Content(layers), exclude={"batch-statistics", "power-iteration", "augmentation", "none"})
    are, never = "are" if len(others) > 1 else "is", "not" if here else "never"
    told = [f"{' and '.join(others[:2])} {are} {never} active"] if others else []
    own = next((layer.class_name for layer in layers if mode_of(layer) == "none"), "")
    if own and not told:
        told = [f"what {own} draws in training is left out"]
    if statistics:
        name = statistics[0].class_name
        told.append(
            f"{name} {'normalises with its moving statistics' if here else 'never learns its statistics'}"
            if mode_of(statistics[0]) == "batch-statistics"
            else f"{name} {'does not normalise' if here else 'never normalises'}"
        )
    return " and ".join(told)


def _class_names(content: Content, exclude: set[str]) -> list[str]:
    ordered = sorted(
        content.layers, key=lambda layer: _MATTERS.index(mode_of(layer)) if mode_of(layer) in _MATTERS else 9
    )
    return list(dict.fromkeys(layer.class_name for layer in ordered if mode_of(layer) not in exclude))


def label_of(content: Content) -> str:
    """The text beside the carets: which layer does what, and where it is made."""
    for kind in _MATTERS:
        for layer in content.layers:
            if mode_of(layer) == kind:
                return f"{_described(layer)} {_EFFECTS[kind]} here"
    return ""


def _described(layer: Instance) -> str:
    rate = next((layer.arguments[name] for name in ("rate", "stddev", "dropout") if name in layer.arguments), None)
    if isinstance(rate, Const) and isinstance(rate.value, (int, float)):
        return f"{layer.class_name} (rate {rate.value:g})" if mode_of(layer) != "noise" else layer.class_name
    return layer.class_name


def holders(content: Content) -> list[Instance]:
    """The layers whose own state a call in training mode overwrites."""
    return [layer for layer in content.layers if mode_of(layer) in {"batch-statistics", "power-iteration"}]


def name_of_callee(event: ModeCall) -> str:
    """What is called, as it is written; by its class where that is long."""
    return name_of_call(event.callee_text, event.callee)


def name_of_call(text: str, callee: Value) -> str:
    """What is called, as it is written; by its class where that is long."""
    if len(text) <= 40:
        return text
    return f"{callee.class_name}(…)" if isinstance(callee, Instance) else "the model"


def assignment_of(toggle: TrainableSet) -> str:
    """``emb.trainable = False``, as a reader knows it; or the call that says so: ``freeze(emb, False)``."""
    at = toggled_at(toggle)
    if at is not toggle.place:
        return f"`{at.module.source_of(at.node)}`"
    wanted = {True: "True", False: "False"}.get(truth(toggle.value), "…")  # type: ignore[arg-type]
    if toggle.how == "constructor":
        return f"`{toggle.receiver_text}(trainable={wanted})`"
    return f"`{toggle.receiver_text}.trainable = {wanted}`"


def chain_of(frames: tuple[Frame, ...]) -> tuple[tuple[Place, str], ...]:
    """The calls by which a line was reached, outermost first."""
    links = tuple((frame.call, f"{frame.name}()") for frame in frames[1:] if frame.call is not None)
    if frames[0].function is not None and frames[0].hook is not None:
        return ((Place(frames[0].module, name_of(frames[0])), f"{frames[0].name}()"), *links)
    return links


def name_of(frame: Frame) -> cst.CSTNode:
    """The node that names a frame's function."""
    function = frame.function
    assert function is not None
    return function.node.name if isinstance(function.node, cst.FunctionDef) else function.node


def argument_at(call: cst.CSTNode, value: cst.CSTNode) -> cst.CSTNode:
    """The whole argument ``training=True`` whose value is ``value``; the value itself where it stands alone."""
    if isinstance(call, cst.Call):
        for argument in call.args:
            if argument.value is value and argument.keyword is not None:
                return argument
    return value


def is_argument(node: cst.CSTNode, call: cst.CSTNode) -> bool:
    """Whether ``node`` is an argument of ``call``, or the value of one."""
    return isinstance(call, cst.Call) and any(node is each or node is each.value for each in call.args)
