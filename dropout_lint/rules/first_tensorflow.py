"""KTM102 in the graphs of TensorFlow 1: ``tf.layers`` and ``tf.contrib.layers`` with a flag that is always True."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dropout_lint.findings import Confidence
from dropout_lint.keras.consumers import plain
from dropout_lint.keras.entry_points import TF1_LAYERS
from dropout_lint.rules.model import Draft
from dropout_lint.rules.telling import argument_at, chain_of
from dropout_lint.semantics.events import FunctionCall, Place
from dropout_lint.semantics.intent import is_test_code
from dropout_lint.semantics.values import Argument, truth
from dropout_lint.semantics.words import is_mode_name, role_of_name, says_intent, words
from dropout_lint.syntax.lazy import cst

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dropout_lint.rules.model import Context

_POSITION_OF_TRAINING = {"tensorflow.layers.dropout": 4}
_GENERATES = frozenset(["generator", "gen", "gan", "gans", "dcgan", "generate", "generative"])


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
    generates = any(_GENERATES.intersection(words(each)) for each in names)
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
        notes=("with Keras 3, tf.compat.v1.layers raises AttributeError",)
        if context.generation == 3 and name.startswith("tensorflow.layers.")
        else (),
        chain=chain_of(event.frames) if len(event.frames) > 1 else (),
    )
