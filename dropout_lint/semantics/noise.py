"""Randomness and batch statistics inside a layer: what they are combined with, and whether the mode decides that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dropout_lint.semantics.tags import limited, tags_of
from dropout_lint.semantics.values import Const, Instance, Opaque, Tags, Value, alternatives
from dropout_lint.semantics.words import COIN_FLIPS, DRAWS, KEEP_NOISE, ROUNDS_DOWN, is_mode_name
from dropout_lint.syntax.lazy import cst

if TYPE_CHECKING:
    from dropout_lint.semantics.arguments import Arguments
    from dropout_lint.semantics.events import Frame
    from dropout_lint.semantics.run import Run

_MARKS = frozenset({"noise", "offset", "chance", "mask", "statistic", "share", "rest"})
"""What a value is marked as: a draw, one moved by a number, one moved by a probability, what such a draw decides; a
statistic of the batch; an activation times a draw, or times what such a draw leaves of one.
"""
_DESCRIBE_THE_DRAW = frozenset({"shape", "seed", "dtype", "name", "key"})
PHASE_FUNCTIONS = frozenset({"in_train_phase", "in_test_phase"})
CHOOSING_FUNCTIONS = frozenset({"cond", "smart_cond", "case", "switch_case", "switch"}) | PHASE_FUNCTIONS
"""The last names of functions that run one of the functions they are given, or none."""


def last_name(name: str) -> str:
    """``normal`` of ``tensorflow.random.normal``."""
    return name.rpartition(".")[2]


def follows_mode(value: Value) -> bool:
    """Whether a value is computed from the training flag, or is one."""
    return any(
        any(tag[0] == "mode" for tag in tags_of(each))
        or (isinstance(each, Opaque) and each.key is not None and _ends_in_mode(each.key))
        for each in alternatives(value)
    )


def _ends_in_mode(key: tuple[object, ...]) -> bool:
    return isinstance(key[-1], str) and is_mode_name(key[-1])


def tags_of_draw(name: str, serial: int, arguments: Arguments) -> Tags:
    """What marks the output of a function of TensorFlow or Keras from here on."""
    last = last_name(name)
    if last == "learning_phase":
        return frozenset({("mode", last)})
    if "placeholder" in last or last == "variable":
        # somebody sets it from outside
        return frozenset({("fed",)})
    if last == "moments":
        return frozenset({("event", serial), ("statistic", serial)})
    if last in COIN_FLIPS and all(_same_in_every_mode(value) for value in _scales(arguments)):
        return frozenset({("event", serial), ("mask", serial)})
    if last in DRAWS and all(_same_in_every_mode(value) for value in _scales(arguments)):
        return frozenset({("noise", serial)})
    return frozenset()


def _same_in_every_mode(scale: Value) -> bool:
    """Whether a scale is neither computed from something nor one of several, as in ``0.3 if training else 0.0``."""
    if any(tag[0] in {"input", "mode", "vars", "noise"} for tag in tags_of(scale)):
        return False
    several = alternatives(scale)
    return len(several) == 1 or not any(isinstance(each, Const) and not each.value for each in several)


def _scales(arguments: Arguments) -> list[Value]:
    """The arguments of a draw that say how large it is."""
    named = [each.value for key, each in arguments.keywords.items() if key not in _DESCRIBE_THE_DRAW]
    return [*(each.value for each in arguments.positional[1:]), *named]


def passed_on(name: str, tags: Tags) -> Tags:
    """The tags of a function's input that its output keeps: noise that went through a function is something else."""
    last = last_name(name)
    if last in KEEP_NOISE:
        return tags
    decided = {("mask", tag[1]) for tag in tags if tag[0] == "chance"} if last == ROUNDS_DOWN else set()
    return through_layer(tags) | decided


def through_layer(tags: Tags) -> Tags:
    """What is left of the marks on a layer's input."""
    return limited(frozenset(tag for tag in tags if tag[0] not in _MARKS))


def note_choice(run: Run, name: str, arguments: Arguments, frame: Frame, node: cst.CSTNode) -> None:
    """``tf.where(training, noisy, x)``: what goes in beside the mode only counts in one of them."""
    if last_name(name) in PHASE_FUNCTIONS or any(follows_mode(value) for value in arguments.values):
        run.use("gated", name, arguments.tags(), frame, node)


def compared(left: Value, right: Value) -> Tags:
    """What marks ``draw < rate``: it decides for each unit whether it is dropped."""
    for own, other in ((left, right), (right, left)):
        drawn = {("mask", tag[1]) for tag in _marks(own) if tag[0] == "noise"}
        if drawn and _is_probability(other) and not follows_mode(other):
            return frozenset(drawn)
    return frozenset()


def combined(
    run: Run, frame: Frame, left: Value, right: Value, sign: cst.CSTNode, node: cst.CSTNode, result: Value
) -> Value:
    """Note what an arithmetic operator does with noise and statistics; give the result with the right marks."""
    ours = [_marks(left), _marks(right)]
    if not ours[0] and not ours[1]:
        return result
    kept: set[tuple[object, ...]] = set()
    if isinstance(sign, cst.Add) and _mixes(*ours):
        # a point between two others, as the gradient penalty of a WGAN wants it: nothing is disturbed
        run.use("mixed", "", tags_of(left) | tags_of(right), frame, node)
    for marks, own, other in ((ours[0], left, right), (ours[1], right, left)):
        if not marks:
            continue
        if follows_mode(other):
            run.use("gated", "", tags_of(own), frame, node)
        elif isinstance(sign, (cst.Add, cst.Subtract)):
            kept |= _added(run, frame, marks, own, other, sign, right, node)
        elif isinstance(sign, (cst.Multiply, cst.Divide)):
            kept |= _scaled(run, frame, marks, own, other, node)
    tags = frozenset(tag for tag in tags_of(result) if tag[0] not in _MARKS) | kept
    return Opaque(tags) if isinstance(result, Opaque) else result


def _mixes(left: Tags, right: Tags) -> bool:
    """Whether ``a * x`` and ``(1 - a) * y`` of one draw meet."""
    sides = [
        {kind: {tag[1] for tag in marks if tag[0] == kind} for kind in ("share", "rest")} for marks in (left, right)
    ]
    return any(not one["share"].isdisjoint(other["rest"]) for one, other in (sides, sides[::-1]))


def _marks(value: Value) -> Tags:
    return frozenset(tag for tag in tags_of(value) if tag[0] in _MARKS)


def _added(
    run: Run, frame: Frame, marks: Tags, own: Value, other: Value, sign: cst.CSTNode, right: Value, node: cst.CSTNode
) -> set[tuple[object, ...]]:
    if _is_activation(other):
        if any(tag[0] == "statistic" for tag in marks) and isinstance(sign, cst.Subtract) and own is right:
            run.use("subtracted", "", tags_of(own), frame, node)
        elif any(tag[0] == "noise" for tag in marks):
            run.use("added", "", tags_of(own), frame, node)
        return set()
    if _is_plain(other):
        # 1 + noise: a factor round one
        moved = {("offset", tag[1]) for tag in marks if tag[0] in {"noise", "mask"}}
        return {*marks, *moved, *(("chance", tag[1]) for tag in marks if tag[0] == "noise" and _is_probability(other))}
    return set()


def _scaled(
    run: Run, frame: Frame, marks: Tags, own: Value, other: Value, node: cst.CSTNode
) -> set[tuple[object, ...]]:
    if _is_activation(other):
        moved = {tag[1] for tag in marks if tag[0] == "offset"}
        if any(tag[0] == "mask" for tag in marks):
            run.use("dropped", "", tags_of(own), frame, node)
        elif moved:
            run.use("added", "", tags_of(own), frame, node)
        # noise times something computed from the inputs: a sample of a distribution the model learns
        return {("rest" if tag[1] in moved else "share", tag[1]) for tag in marks if tag[0] in {"noise", "mask"}}
    return set(marks) if _is_plain(other) else set()


def _is_activation(value: Value) -> bool:
    return any(tag[0] == "input" for tag in tags_of(value))


def _is_probability(value: Value) -> bool:
    """Whether a plain number may leave something to chance: no constant that is none, all or more."""
    return _is_plain(value) and not any(
        isinstance(each, Const) and not (isinstance(each.value, (int, float)) and 0 < each.value < 1)
        for each in alternatives(value)
    )


def _is_plain(value: Value) -> bool:
    """A number of the configuration: no weight, no variable, nothing computed from the inputs."""
    return all(
        isinstance(each, (Const, Opaque)) and not any(tag[0] in {"input", "vars", "random"} for tag in tags_of(each))
        for each in alternatives(value)
        if not isinstance(each, Instance)
    ) and not any(isinstance(each, Instance) for each in alternatives(value))
