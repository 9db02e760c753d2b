"""The layers of TensorFlow 1, which are functions: ``tf.layers`` and ``tf.contrib.layers``.

KTM102 speaks of a flag that is always True, KTM105 of one that is never passed where the graph is trained.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dropout_lint.findings import Confidence
from dropout_lint.keras.consumers import plain
from dropout_lint.keras.entry_points import TF1_LAYERS
from dropout_lint.rules.model import Draft
from dropout_lint.rules.telling import argument_at, chain_of
from dropout_lint.semantics.events import FunctionCall, Place
from dropout_lint.semantics.learning import Learner
from dropout_lint.semantics.trials import is_test_code
from dropout_lint.semantics.values import Argument, truth
from dropout_lint.semantics.words import GENERATING_WORDS, is_mode_name, role_of_name, says_intent, words
from dropout_lint.syntax.lazy import cst

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dropout_lint.rules.model import Context

_POSITION_OF_TRAINING = {"tensorflow.layers.dropout": 4}
_MOST_POSITIONAL = 4
"""Arguments that a call may have by position without one of them being the flag."""


def drafts(context: Context) -> Iterator[Draft]:
    """Yield a finding for each such layer whose flag is written where the layer is."""
    for event in context.interpretation.events:
        if not isinstance(event, FunctionCall):
            continue
        name = plain(event.name)
        flag = TF1_LAYERS.get(name)
        if flag is None:
            continue
        given = event.arguments.get(flag, _POSITION_OF_TRAINING.get(name))
        if given is not None and truth(given.value) is True and _is_literal(given) and not _switched(event):
            yield _draft(event, name, flag, given, context)


def untold(context: Context) -> Iterator[Draft]:
    """Yield a finding (KTM105) for each such layer that is trained and never told the mode: its default is False."""
    learner = Learner(context.interpretation)
    for event in context.interpretation.events:
        if not isinstance(event, FunctionCall) or not plain(event.name).startswith("tensorflow.layers."):
            continue
        name = plain(event.name)
        arguments = event.arguments
        if name not in TF1_LAYERS or arguments.spread or arguments.unknown_keywords is not None:
            continue
        if len(arguments.positional) > _MOST_POSITIONAL or arguments.get("training") is not None:
            continue
        learning = learner.of(event)
        if learning is not None and learning.trained and not _switched_off(event):
            yield _untold(event, name, context)


def _switched_off(event: FunctionCall) -> bool:
    return is_test_code(event.frames) or any(is_mode_name(name) for guard in event.guards for name in guard)


def _untold(event: FunctionCall, name: str, context: Context) -> Draft:
    last = name.rpartition(".")[2]
    effect = "drops nothing" if last == "dropout" else "never uses the statistics of a batch, nor learns any"
    return Draft(
        place=event.place,
        message=f"`{last}` is trained here without training=True: it {effect}, in training too",
        confidence=Confidence.HIGH,
        help="hand the mode in: training=(mode == tf.estimator.ModeKeys.TRAIN), or a placeholder",
        notes=_notes(name, context),
        chain=chain_of(event.frames) if len(event.frames) > 1 else (),
    )


def _notes(name: str, context: Context) -> tuple[str, ...]:
    told = context.generation == 3 and name.startswith("tensorflow.layers.")
    return ("with Keras 3, tf.compat.v1.layers raises AttributeError",) if told else ()


def _is_literal(given: Argument) -> bool:
    """Whether the flag is spelt out at the layer: what a caller hands in is a switch."""
    node = given.node
    return isinstance(node, cst.Integer) or (isinstance(node, cst.Name) and node.value == "True")


def _switched(event: FunctionCall) -> bool:
    if is_test_code(event.frames):
        return True
    guards = [name for guard in event.guards for name in guard]
    if any(is_mode_name(name) or says_intent(name) or "train" in words(name) for name in guards):
        return True
    return any(role_of_name(frame.name) == "training" or says_intent(frame.name) for frame in event.frames)


def _draft(event: FunctionCall, name: str, flag: str, given: Argument, context: Context) -> Draft:
    module = event.frames[-1].module
    last = name.rpartition(".")[2]
    drops = last == "dropout"
    does = "drops units" if drops else "normalises with the statistics of the batch"
    assert given.node is not None
    names = [frame.name for frame in event.frames] + [frame.owner.name for frame in event.frames if frame.owner]
    generates = any(GENERATING_WORDS.intersection(words(each)) for each in names)
    return Draft(
        place=Place(module, argument_at(event.place.node, given.node)),
        message=(
            f"{flag}=True is written into the graph for `{last}`: it {does} wherever the graph is run, in evaluation "
            "and prediction too"
        ),
        # batch statistics in the generator of a GAN are a matter of taste
        confidence=Confidence.LOW if generates and not drops else Confidence.HIGH if drops else Confidence.MEDIUM,
        label=f"{does} in every run",
        help=f"feed the mode: {flag}=is_training, a placeholder or an argument of the function",
        notes=_notes(name, context),
        chain=chain_of(event.frames) if len(event.frames) > 1 else (),
    )
