"""Dropout of a fixed rate in a graph of TensorFlow 1 that is trained and measured: a part of KTM404.

A graph is built once and run many times: with a number for a rate, dropout is on in every run of a session.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dropout_lint.findings import Confidence
from dropout_lint.keras.consumers import plain
from dropout_lint.rules.model import Draft
from dropout_lint.rules.telling import chain_of
from dropout_lint.semantics.intent import switches, text_means_it, way_says_intent
from dropout_lint.semantics.sessions import HELD_OUT
from dropout_lint.semantics.trials import is_test_code
from dropout_lint.semantics.values import Const, alternatives
from dropout_lint.semantics.words import GENERATING_WORDS, words
from dropout_lint.syntax.lazy import cst
from dropout_lint.syntax.walk import last_name

if TYPE_CHECKING:
    from dropout_lint.rules.model import Context
    from dropout_lint.semantics.events import FunctionCall, Interpretation, Use

_PUTS_TOGETHER = frozenset({"aggregated", "spread", "summed"})


def draft(event: FunctionCall, context: Context) -> Draft | None:
    """The finding on a function that drops, if a graph is trained with it and measured with it."""
    if not event.used("gradient") or event.guards or event.settled or _meant(event):
        return None
    if not _is_a_number(event, context.interpretation) or _corrupts_inputs(event, context.interpretation):
        return None
    stepped = {use.loops for use in event.used("stepped")}
    measured = [
        use
        for use in event.used("measured")
        # beside the training step, on the data of training, it is a look at how that goes
        if (use.text == HELD_OUT or use.loops not in stepped - {()}) and not _is_drawn(use, event, context)
    ]
    if not measured:
        return None
    use = next((each for each in measured if each.text == HELD_OUT), measured[0])
    return Draft(
        place=event.place,
        message=(
            f"tf.{plain(event.name).partition('.')[2]}() with a fixed rate is part of a graph that is trained and "
            f"measured: it drops units where {_fetched(use)} is computed too"
        ),
        confidence=Confidence.HIGH,
        label="drops units in every run of the session",
        help="feed the rate: rate=tf.placeholder_with_default(0.0, ()), and a value for it where the graph is trained",
        chain=chain_of(event.frames) if len(event.frames) > 1 else (),
    )


def _fetched(use: Use) -> str:
    """What a run computes, as it is written."""
    call = use.place.node
    fetched = call.args[0].value if isinstance(call, cst.Call) and call.args else None
    if isinstance(call, cst.Call) and isinstance(call.func, cst.Attribute) and call.func.attr.value == "eval":
        fetched = call.func.value
    text = use.place.module.source_of(fetched) if fetched is not None else ""
    return f"`{text}`" if isinstance(fetched, (cst.Name, cst.Attribute)) else "a prediction"


def _is_a_number(event: FunctionCall, interpretation: Interpretation) -> bool:
    """Whether the rate is a number between 0 and 1, at the call or under a name of the module that is bound once.

    What a parameter, an option or an attribute holds may be another number where the graph is not trained.
    """
    arguments = event.arguments
    given = arguments.get("keep_prob") or arguments.get("rate", 1)
    if given is None or arguments.spread or arguments.unknown_keywords is not None:
        return False
    known = [each.value for each in alternatives(given.value) if isinstance(each, Const)]
    if len(known) != 1 or len(alternatives(given.value)) != 1:
        return False
    if not isinstance(known[0], (int, float)) or not 0 < known[0] < 1:
        return False
    if isinstance(given.node, cst.Name):
        bound = interpretation.assigned.get((id(event.frames[-1].module), given.node.value), {})
        return len(bound) == 1 and isinstance(next(iter(bound.values()))[1], cst.Float)
    return isinstance(given.node, cst.Float)


def _corrupts_inputs(event: FunctionCall, interpretation: Interpretation) -> bool:
    """Whether what is dropped are inputs as they are fed: the noise of a denoising autoencoder."""
    first = event.arguments.get("x", 0)
    node = first.node if first is not None else None
    if not isinstance(node, cst.Name):
        return not isinstance(node, cst.CSTNode)
    frame = event.frames[-1]
    if node.value in frame.parameters:
        return False
    owner = id(frame.function.node) if frame.function is not None else id(frame.module)
    values = [value for _, value in interpretation.assigned.get((owner, node.value), {}).values()]
    return any(isinstance(each, cst.Call) and "placeholder" in last_name(each.func) for each in values)


def _meant(event: FunctionCall) -> bool:
    names = [name for frame in event.frames for name in (frame.name, frame.owner.name if frame.owner else "")]
    return (
        is_test_code(event.frames)
        or text_means_it(event.comment)
        or way_says_intent(event.frames)
        or any(GENERATING_WORDS.intersection(words(name)) or switches(name) for name in names)
    )


def _is_drawn(use: Use, event: FunctionCall, context: Context) -> bool:
    """Whether what is measured is drawn several times from the same data, and put together."""
    together = [other for other in event.uses if other.kind in _PUTS_TOGETHER]
    return any(
        ("loop", loop) not in use.sources
        and not context.interpretation.loops[loop].trains
        and any(loop in other.drawn or (other.kind == "summed" and loop in other.loops) for other in together)
        for loop in use.loops
    )
