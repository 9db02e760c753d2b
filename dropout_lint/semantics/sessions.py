"""Sessions of TensorFlow 1: what a run computes of a graph, and whether it trains it.

A graph is built once and run many times. What `minimize` and `apply_gradients` give carries the tag ``("step",)``: a
run that fetches it trains, and one that does not, and is given data, measures or predicts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dropout_lint.semantics.conditions import guard_words
from dropout_lint.semantics.tags import tags_of
from dropout_lint.semantics.values import Instance, Mapping, leaves
from dropout_lint.semantics.words import kind_of_data, role_of_name
from dropout_lint.syntax.lazy import cst

if TYPE_CHECKING:
    from dropout_lint.semantics.arguments import Arguments
    from dropout_lint.semantics.events import Frame
    from dropout_lint.semantics.run import Run
    from dropout_lint.semantics.values import Argument, Tags, Value

STEP = ("step",)
HELD_OUT = "held-out data"
"""The text of a measuring run whose data are not those of training, by their names."""


def note_run(run: Run, frame: Frame, receiver: Value, name: str, arguments: Arguments, node: cst.CSTNode) -> None:
    """Note what ``session.run(fetches, feed_dict)`` or ``tensor.eval(feed_dict)`` computes, if it is such a call."""
    fed = arguments.get("feed_dict", 1 if name == "run" else 0)
    if fed is None:
        return
    fetched = _fetched(receiver, name, arguments)
    if not fetched:
        return
    tags: Tags = frozenset().union(*(tags_of(each) for each in fetched))
    if STEP in tags or any(role_of_name(each) == "training" for each in _names(receiver, name, arguments)):
        # a step that is made otherwise, by `tf.no_op` behind what it waits for, is known by its name
        run.use("stepped", f"{name}()", tags, frame, node)
        run.note_training()
        return
    held_out = _is_held_out(fed)
    answers = [each for each in fetched if held_out or not any(each is loss for loss in run.minimized)]
    tags = frozenset().union(*(tags_of(each) for each in answers)) if answers else frozenset()
    run.use("measured", HELD_OUT if held_out else f"{name}()", tags, frame, node, tags_of(fed.value))


def _fetched(receiver: Value, name: str, arguments: Arguments) -> tuple[Value, ...]:
    if name == "eval":
        return (receiver,)
    given = arguments.get("fetches", 0)
    known = isinstance(receiver, Instance) and isinstance(receiver.cls, str) and receiver.cls.endswith("Session")
    if given is None or not (known or "feed_dict" in arguments.keywords):
        return ()
    entries = given.value.entries.values() if isinstance(given.value, Mapping) else (given.value,)
    return tuple(leaf for each in entries for leaf in leaves(each))


def _names(receiver: Value, name: str, arguments: Arguments) -> frozenset[str]:
    given = arguments.get("fetches", 0) if name == "run" else None
    return guard_words(given.node) if given is not None and isinstance(given.node, cst.BaseExpression) else frozenset()


def _is_held_out(fed: Argument) -> bool:
    """Whether the names of what is fed say so: ``{x: x_test, y: y_test}``."""
    if not isinstance(fed.node, cst.Dict):
        return False
    values = [each.value for each in fed.node.elements if isinstance(each, cst.DictElement)]
    return any(kind_of_data(name) == "held-out" for value in values for name in guard_words(value))
