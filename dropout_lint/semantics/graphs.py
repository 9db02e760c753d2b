"""What `output` of a layer or model stands for: the graph that leads there, which another model may be made of."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Any

from dropout_lint.semantics.models import inner_layers, is_model, mode_of
from dropout_lint.semantics.run import TAGS_PER_STEP
from dropout_lint.semantics.values import UNKNOWN, External, Instance, Items, Opaque, Symbolic, Value
from dropout_lint.syntax.lazy import cst
from dropout_lint.syntax.walk import last_name, walk

if TYPE_CHECKING:
    from dropout_lint.semantics.events import Frame
    from dropout_lint.semantics.parameters import Evaluate
    from dropout_lint.semantics.run import Run
    from dropout_lint.semantics.values import FunctionValue


def output_of(run: Run, value: Instance) -> Symbolic:
    """``value.output``: all layers on the way, one by one, where they are known."""
    if not is_model(value):
        return run.outputs.get(value.serial) or _after(run, value) or Symbolic((value,))
    known = inner_layers(value)
    return Symbolic(tuple(known or (Opaque(key=("instance", value.serial, "layers", "[]")), *_held(value))))


def output_inside(run: Run, serial: int, whole: tuple[Any, ...]) -> Symbolic:
    """``base.layers[-2].output`` of a layer that is not known: some of the layers of ``base``, whose key is ``whole``.

    What a ready-made model has everywhere, that part has too: batch normalisation, while dropout may come after it.
    """
    place = bisect_left(run.instances, serial, key=lambda each: each.serial)
    base = run.instances[place] if place < len(run.instances) and run.instances[place].serial == serial else None
    held = _held(base) if base is not None else ()
    return Symbolic((Opaque(key=whole), *(each for each in held if mode_of(each) == "batch-statistics")))


def _held(model: Instance) -> tuple[Instance, ...]:
    """The layers that are known of a ready-made model."""
    held = model.arguments.get("__holds__")
    return tuple(each for each in held.items if isinstance(each, Instance)) if isinstance(held, Items) else ()


def _after(run: Run, layer: Instance) -> Symbolic | None:
    """The graph up to a layer of a ``Sequential``; layers that a loop adds stand there once, for all its turns."""
    run.step(len(run.instances) // TAGS_PER_STEP)
    for model in reversed(run.instances):
        listed = model.attributes.get("__layers__") if model.keras_name == "keras.Sequential" else None
        if not isinstance(listed, Items):
            continue
        before: list[Value] = []
        for each in listed.items:
            if not isinstance(each, Symbolic):
                before.append(each)
            if each is layer:
                sure = listed.exact and set(layer.loops) <= set(model.loops)
                return Symbolic(tuple(before) if sure else (*before, UNKNOWN))
    return None


def inputs_of_graph(run: Run, frame: Frame, function: FunctionValue, evaluate: Evaluate) -> frozenset[str]:
    """The parameters of a function that are the inputs of a model it makes, ``Model(image, …)``: no data.

    Not those that it binds anew: ``shape = Input(shape)``.
    """
    known = run.graph_inputs.get(id(function.node))
    if known is None:
        names: set[str] = set()
        bound: set[str] = set()
        for node in walk(function.node.body):
            if isinstance(node, cst.Call) and last_name(node.func) == "Model":
                callee = evaluate(run, frame, function.scope, node.func)
                if isinstance(callee, External) and callee.name == "keras.Model":
                    names.update(_inputs(node))
            elif isinstance(node, (cst.AssignTarget, cst.AugAssign, cst.AnnAssign, cst.For, cst.NamedExpr)):
                bound.update(each.value for each in walk(node.target) if isinstance(each, cst.Name))
        known = run.graph_inputs[id(function.node)] = frozenset(names - bound)
    return known


def _inputs(call: cst.Call) -> list[str]:
    given = next(
        (each.value for each in call.args if each.keyword is not None and each.keyword.value == "inputs"), None
    )
    if given is None and len(call.args) > 1 and call.args[0].keyword is None and not call.args[0].star:
        given = call.args[0].value
    parts = [each.value for each in given.elements] if isinstance(given, (cst.List, cst.Tuple)) else [given]
    return [each.value for each in parts if isinstance(each, cst.Name)]
