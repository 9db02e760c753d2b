"""Methods of libraries and of unknown values: what goes in comes out, and what becomes of it is noted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dropout_lint.keras.consumers import method_kind
from dropout_lint.semantics import calls, externals, keras_calls, sessions
from dropout_lint.semantics.arguments import Arguments
from dropout_lint.semantics.differentiation import EVERYTHING
from dropout_lint.semantics.models import is_model
from dropout_lint.semantics.tagging import collect, derived, with_tags
from dropout_lint.semantics.tags import tags_of
from dropout_lint.semantics.values import (
    Argument,
    Const,
    FunctionValue,
    Instance,
    Items,
    Method,
    Opaque,
    Symbolic,
    Tags,
    Value,
)

if TYPE_CHECKING:
    from dropout_lint.semantics.events import Frame
    from dropout_lint.semantics.run import Run
    from dropout_lint.syntax.lazy import cst

_ONCE = frozenset({"run", "experimental_run_v2", "call_for_each_replica", "submit", "numpy_function", "py_function"})
_EXPORTS = frozenset({"add_endpoint", "export", "save"})
_SAME_FUNCTION = frozenset({"function", "jit"})
_GENERATORS = frozenset(
    {"numpy.random.Generator", "numpy.random.RandomState", "random.Random", "tensorflow.random.Generator"}
)
_DRAWS = frozenset({"next", "get_next", "__next__"})
_GROWS = frozenset({"append", "extend", "add", "update", "insert", "write"})


def call(
    run: Run, frame: Frame, receiver: Value, name: str, arguments: Arguments, node: cst.CSTNode, *, model: bool
) -> Value:
    """Call the method ``name`` of something of which no more is known; ``model`` says that it is a model or layer."""
    tags = tags_of(receiver)
    if name == "backward":
        run.use("gradient", "backward()", tags, frame, node, EVERYTHING)
        run.note_training()
    event = None
    if "training" in arguments.keywords and not is_model(receiver):
        in_graph = any(isinstance(each, Symbolic) for each in arguments.values)
        event = keras_calls.mode_event(run, frame, Method(receiver, name), arguments, node, in_graph)
    if name in {"run", "eval"}:
        sessions.note_run(run, frame, receiver, name, arguments, node)
    if name in _ONCE:
        return _run_once(run, frame, arguments, node)
    if not model:
        run.hand_over(arguments.values, frame, node)
    if name in _SAME_FUNCTION and arguments.positional and isinstance(arguments.positional[0].value, FunctionValue):
        return arguments.positional[0].value
    incoming = arguments.tags(without=("training",))
    _note_uses(run, frame, name, tags, incoming, node)
    returned = externals.call_back(
        run, frame, arguments, node, data=tags, always=name in {"map", "apply", "flat_map", "batch"}
    )
    if name in _EXPORTS:
        run.use("saved", f".{name}()", tags_of(returned), frame, node)
    outgoing = tags | incoming | _drawn(run, receiver, name, arguments) | tags_of(returned)
    if name in {"write", "append", "add"} and run.loops and isinstance(receiver, Instance):
        # tf.TensorArray.write: a collection that is handed on
        outgoing |= tags_of(collect(run, Opaque(outgoing), receiver.loops))
    if event is not None:
        outgoing |= {("event", run.known_as(event))}
    if isinstance(receiver, Symbolic):
        return with_tags(receiver, outgoing)
    if any(isinstance(each, Symbolic) for each in arguments.values):
        return derived(*arguments.values, extra=outgoing)
    if isinstance(receiver, Opaque) and receiver.key is not None:
        if name in _GROWS:
            outside = tuple(loop.serial for loop in run.loops[:-1])
            grown = Opaque(tags_of(collect(run, Opaque(outgoing), outside)), receiver.key)
            run.store.write(run.opaque_cells, receiver.key, grown)
        if name in {"numpy", "copy", "items", "values"}:
            return Opaque(outgoing, receiver.key)
        if name == "get_layer":
            wanted = next((each.value for each in arguments.values if isinstance(each, Const)), None)
            return Opaque(outgoing, (*receiver.key, "get_layer", wanted))
    return Opaque(outgoing)


def _note_uses(run: Run, frame: Frame, name: str, tags: Tags, incoming: Tags, node: cst.CSTNode) -> None:
    """What a method does to its receiver, whose tags are ``tags``, and to what goes in."""
    if name == "save":
        run.use("saved", ".save()", tags, frame, node)
    if name in {"numpy", "item", "tolist"}:
        run.use("converted", f".{name}()", tags, frame, node)
    kind = method_kind(name)
    if name in _DRAWS or kind in {"repeat", "random"}:
        return
    if kind == "score":
        run.use("metric", f"{calls.receiver_text(frame, node)}.{name}()", tags | incoming, frame, node)
    elif kind in externals.USE_OF_KIND:
        used = tags | incoming if kind in {"saver", "response"} else tags
        run.use(externals.USE_OF_KIND[kind], f".{name}()", used, frame, node)


def _drawn(run: Run, receiver: Value, name: str, arguments: Arguments) -> Tags:
    """The tags of what differs from turn to turn of a loop, or stands several times in one batch."""
    turns = frozenset({("loop", loop.serial) for loop in run.loops})
    found: Tags = frozenset()
    kind = method_kind(name)
    if kind == "repeat":
        # `dataset.repeat()` is the same word, for passes over the data rather than copies of a row
        if name != "repeat" or len(arguments.positional) > 1 or "axis" in arguments.keywords:
            found = frozenset({("tiled",)})
    elif kind == "random":
        found = turns | {("random",)}
    elif name in _DRAWS:
        found = turns
    if isinstance(receiver, Instance) and receiver.cls in _GENERATORS:
        found |= turns | {("random",)}
    return found


def _run_once(run: Run, frame: Frame, arguments: Arguments, node: cst.CSTNode) -> Value:
    """``strategy.run(step, args=(x, y))``."""
    if not arguments.positional:
        return derived(*arguments.values)
    function = arguments.positional[0].value
    given = arguments.get("args", 1)
    positional = arguments.positional[1:]
    if given is not None and isinstance(given.value, Items):
        positional = tuple(Argument(each) for each in given.value.items)
    if isinstance(function, (FunctionValue,)) or externals.is_function(function):
        return calls.call_value(run, frame, function, Arguments(positional, {}), node)
    return derived(*arguments.values)
