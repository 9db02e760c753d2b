# ruff: noqa: SLF001  # Keras and TensorFlow offer no public way to what is read here
"""What happens in the patched calls: the program's own call first, then the experiments that concern it."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Any

from . import boundaries, state
from .arms import compare_toggle
from .boundaries import Boundary, bind
from .capture import OUTPUTS
from .flavour import leaves
from .sites import measure, write_changes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .flavour import Flavour
    from .job import Probe
    from .session import Session

LAYER_KINDS = frozenset({"layer-call", "graph-call", "toggle", "op"})
"""Probes that are measured at the outermost call of a layer."""

FUNCTION_ATTRIBUTES = {
    "evaluate": "test_function",
    "test_on_batch": "test_function",
    "predict": "predict_function",
    "predict_on_batch": "predict_function",
}


# tf.function


def call_function(session: Session, original: Any, function: Any, args: Any, kwargs: Any) -> Any:
    """An outermost ``tf.function``: the arms are played in copies traced anew, the program's own stays as it is."""

    def repeat() -> Any:
        # One copy per arm, kept for later executions: what an arm traced cannot serve the other.
        number = session.playing.id if session.playing else -1
        key = (id(function), number, session.counterfactual)
        if key not in session.copies:
            copy = function._clone(None)
            # XLA cannot hand values out to Python.
            copy._jit_compile = False
            session.copies[key] = copy
        return {}, original(session.copies[key], *args, **kwargs)

    boundary = Boundary("function", function, play=repeat)
    return inside(session, boundary, lambda: original(function, *args, **kwargs))


# evaluate, predict, fit and the like


def call_trainer(session: Session, original: Any, method: str, model: Any, args: Any, kwargs: Any) -> Any:
    """``fit``, ``evaluate`` and the like: phases of the trace; those that infer are boundaries, their data recorded."""
    if method in boundaries.TRAINING_KINDS or not session.job.measure:
        outermost = not any(boundary.kind in boundaries.TRAINING_KINDS for boundary in session.boundaries)
        for weights in session.weights.values():
            weights.complete(session)
        with _pushed(session, Boundary(method, model)):
            result = original(model, *args, **kwargs)
        if outermost and method in boundaries.TRAINING_KINDS:
            session.trained(method, session.where())
        return result
    arguments = bind(original, (model, *args), kwargs)
    boundary = Boundary(method, model)
    if arguments is None or not (session.probes and _worthwhile(session, method, model)):
        with _pushed(session, boundary):
            return original(model, *args, **kwargs)
    arguments.pop("self", None)
    cached = bool(arguments.get("_use_cached_eval_dataset"))
    arguments["x"], again = boundaries.recorded(arguments.get("x"), session.job.most_rows)
    if cached and "x" in arguments and hasattr(arguments["x"], "element_spec"):
        again = _nothing  # inside fit the data set is iterated by fit, not here
    boundary.play, boundary.arm = _repeat_trainer(session, original, method, model, dict(arguments), again)
    return inside(session, boundary, lambda: original(model, **arguments))


def _nothing() -> None:
    return None


def _worthwhile(session: Session, method: str, model: Any) -> bool:
    """False once a traced call of this model has shown that no probe sits in it."""
    attribute = FUNCTION_ATTRIBUTES[method]
    if getattr(model, attribute, None) is None or session.toggles or session.graph_layers:
        return True
    known = session.known.get((id(model), method))
    return known is None or bool(known[1])


def _repeat_trainer(
    session: Session, original: Any, method: str, model: Any, arguments: dict[str, Any], again: Callable[[], Any]
) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """How to repeat ``evaluate`` and the like on recorded data, through a function traced for the arm."""
    for name in ("_use_cached_eval_dataset", "callbacks"):
        arguments.pop(name, None)
    if "verbose" in arguments or method in ("evaluate", "predict"):
        arguments["verbose"] = 0
    flavour = session.flavour_of(model)
    on_tensorflow = flavour is not None and flavour.backend == "tensorflow"
    metrics_wanted = method in ("evaluate", "test_on_batch")
    if metrics_wanted:
        arguments["return_dict"] = True

    def repeat() -> Any:
        data = again()
        if data is None:
            raise RuntimeError("the data of this call cannot be had again")
        given = dict(arguments, x=data)
        for name in ("y", "sample_weight"):
            if given.get(name) is not None:
                given[name] = boundaries.first_rows(given[name], session.job.most_rows)
        result = original(model, **given)
        if not metrics_wanted:
            return {}, result
        return {name: float(value) for name, value in result.items()}, None

    @contextlib.contextmanager
    def arm() -> Iterator[None]:
        attribute = FUNCTION_ATTRIBUTES[method]
        compiled = "_jit_compile" if "_jit_compile" in model.__dict__ else "jit_compile"
        saved = getattr(model, attribute, None), getattr(model, compiled, None)
        setattr(model, attribute, None)
        if flavour is not None and flavour.backend == "jax":
            # `jax.jit` of an equal bound method would find what the other arm compiled.
            sys.modules["jax"].clear_caches()
        if saved[1] and on_tensorflow:
            # XLA cannot hand values out to Python; both arms are without it.
            setattr(model, compiled, False)
        try:
            yield
        finally:
            setattr(model, attribute, saved[0])
            if saved[1] and on_tensorflow:
                setattr(model, compiled, saved[1])

    return repeat, arm


# Layer.__call__


def call_layer(session: Session, flavour: Flavour, original: Any, layer: Any, args: Any, kwargs: Any) -> Any:
    """A layer is called: keep the stack of modes; the outermost eager call is a boundary."""
    symbolic = flavour.symbolic(args, kwargs)
    hard_coded = session.graph_layers.get(id(layer))
    if hard_coded is not None and not symbolic and session.forced(hard_coded[1]):
        # The graph passes the flag it was built with; without it the layer inherits.
        kwargs = {name: value for name, value in kwargs.items() if name != "training"}
    outermost = not session.calls
    mode, why = session.resolve(flavour, layer, args, kwargs)
    # The line is looked up only for the trace: walking frames at every call would be slow.
    where = session.where() if session.job.trace and session.playing is None else None
    session.calls.append((mode, why, where))
    defined = session.defined(layer) if not symbolic and not session.building() else []
    for number in defined:
        session.reach(session.probes[number])
    session.inside.extend(defined)
    try:
        if (
            outermost
            and not symbolic
            and session.playing is None
            and session.job.measure
            and not session.boundaries
            and _layer_probes(session)
            and not session.in_graph()
        ):
            boundary = Boundary("layer", layer, play=lambda: ({}, _replayed(session, original, layer, args, kwargs)))
            return inside(session, boundary, lambda: original(layer, *args, **kwargs))
        result = original(layer, *args, **kwargs)
        if outermost and not session.stateless:
            _outputs_of_model(session, result)
        return result
    finally:
        session.calls.pop()
        del session.inside[len(session.inside) - len(defined) :]


def call_stateless(session: Session, original: Any, layer: Any, args: Any, kwargs: Any) -> Any:
    """``stateless_call`` of a whole model: its layers are not outermost."""
    session.stateless += 1
    try:
        result = original(layer, *args, **kwargs)
    finally:
        session.stateless -= 1
    if not session.stateless:
        _outputs_of_model(session, result)
    return result


def _outputs_of_model(session: Session, result: Any) -> None:
    """In an arm of a probe further inside, the model's own outputs are what is compared."""
    if session.capture.active and session.playing is not None and session.playing.kind != "call":
        session.capture.emit(OUTPUTS, next((leaf for leaf in leaves(result) if hasattr(leaf, "shape")), None))


def _replayed(session: Session, original: Any, layer: Any, args: Any, kwargs: Any) -> Any:
    """An outermost call of a layer, again, with the stack of modes as it was."""
    flavour = session.flavour_of(layer)
    hard_coded = session.graph_layers.get(id(layer))
    if hard_coded is not None and session.forced(hard_coded[1]):
        kwargs = {name: value for name, value in kwargs.items() if name != "training"}
    assert flavour is not None
    mode, why = session.resolve(flavour, layer, args, kwargs)
    saved, session.calls = session.calls, [(mode, why, None)]
    try:
        return original(layer, *args, **kwargs)
    finally:
        session.calls = saved


def _layer_probes(session: Session) -> bool:
    return any(probe.kind in LAYER_KINDS for probe in session.probes.values())


# Boundaries in general


@contextlib.contextmanager
def _pushed(session: Session, boundary: Boundary) -> Iterator[None]:
    session.boundaries.append(boundary)
    # A new boundary starts a new stack of calls: `evaluate` inside a call is a call of its own.
    calls, session.calls = session.calls, ([] if boundary.kind != "layer" else session.calls)
    try:
        yield
    finally:
        session.boundaries.pop()
        session.calls = calls


def inside(session: Session, boundary: Boundary, call: Callable[[], Any]) -> Any:
    """The program's own call; afterwards the experiments that concern it."""
    key = (id(boundary.owner), boundary.kind)
    known = session.known.get(key)
    pending = list(known[1]) if known else []
    graph, toggles = _concerned(session, boundary)
    if pending or graph or toggles:
        boundary.before = state.Snapshot()
    with _pushed(session, boundary):
        result = call()
    touched = boundary.touched or pending
    session.known[key] = (boundary.owner, touched)
    for probe, before in boundary.changing:
        write_changes(session, probe, before)
    if touched or graph or toggles:
        boundary.where = session.where()
        _experiments(session, boundary, [*touched, *graph], toggles)
    return result


def _concerned(session: Session, boundary: Boundary) -> tuple[list[Probe], list[Probe]]:
    """Probes found by what the owner contains: flagged graph layers, and toggled layers."""
    if not session.graph_layers and not any(toggle.pending for toggle in session.toggles.values()):
        return [], []
    if session.flavour_of(boundary.owner) is None:
        return [], []
    layers = session.sublayers(boundary.owner)
    inside = {id(layer) for layer in layers}
    graph: list[Probe] = []
    for key, (_, probe) in session.graph_layers.items():
        if key in inside and all(other.id != probe.id for other in graph):
            graph.append(probe)
    toggles = [toggle.probe for toggle in session.toggles.values() if toggle.pending and toggle.concerns(layers)]
    return graph, toggles


def _experiments(session: Session, boundary: Boundary, probes: list[Probe], toggles: list[Probe]) -> None:
    boundary.in_fit = any(outer.kind in boundaries.TRAINING_KINDS for outer in session.boundaries)
    sort = "fit" if boundary.in_fit else "cheap" if boundary.kind in ("layer", "function") else "dear"
    # An experiment at an outermost layer call starts a stack of its own.
    calls, session.calls = session.calls, []
    saved, session.boundaries = session.boundaries, []
    try:
        for probe in probes:
            if session.due(probe, sort):
                measure(session, probe, boundary)
        for probe in toggles:
            _measure_toggle(session, probe, boundary)
    finally:
        session.calls, session.boundaries = calls, saved


def _measure_toggle(session: Session, probe: Probe, boundary: Boundary) -> None:
    count = session.counts[probe.id]
    if not session.due(probe, "dear"):
        return
    try:
        record: dict[str, Any] | None = compare_toggle(session, probe, boundary)
    except Exception as error:
        count.errors.append(f"{type(error).__name__}: {error}"[:500])
        return
    count.measured += 1
    session.toggles[probe.id].pending = False
    session.results.write(
        "toggle", probe=probe.id, boundary={"kind": boundary.kind, "where": boundary.where}, **(record or {})
    )
