# ruff: noqa: SLF001  # Keras and TensorFlow offer no public way to what is read here
"""What happens in the patched calls: the program's own call first, then the experiments that concern it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from . import boundaries, state
from .after_fit import Fitted
from .arms import compare_toggle, compare_unread, measure
from .boundaries import Boundary, bind
from .capture import OUTPUTS
from .flavour import leaves, recorded_by_tape
from .repeating import FUNCTION_ATTRIBUTES, repeat_trainer
from .sites import write_changes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .flavour import Flavour
    from .job import Probe
    from .session import Session

LAYER_KINDS = frozenset({"layer-call", "graph-call", "toggle", "op", "default", "unread"})
"""Probes that are measured at the outermost call of a layer."""

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
        fitted = Fitted(session, model) if session.dropped and outermost and session.job.measure else None
        with _pushed(session, Boundary(method, model)):
            result = original(model, *args, **kwargs)
        if outermost and method in boundaries.TRAINING_KINDS:
            session.trained(method, session.where())
        if fitted is not None:
            fitted.measure(method, bind(original, (model, *args), kwargs) or {})
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
    boundary.play, boundary.arm = repeat_trainer(session, original, method, model, dict(arguments), again)
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


# Layer.__call__


def call_layer(session: Session, flavour: Flavour, original: Any, layer: Any, args: Any, kwargs: Any) -> Any:
    """A layer is called: keep the stack of modes; the outermost eager call is a boundary."""
    symbolic = flavour.symbolic(args, kwargs)
    if not symbolic:
        kwargs = _of_arm(session, layer, kwargs)
    outermost = not session.calls
    mode, why = session.resolve(flavour, layer, args, kwargs)
    default = session.defaulting(layer) if why == "default" and mode is True and not symbolic else None
    if outermost and session.playing is None:
        session.outermost = layer
    # The line is looked up only for the trace: walking frames at every call would be slow.
    where = session.where() if session.job.trace and session.playing is None else None
    session.calls.append((mode, why, where))
    defined = session.watching(layer) if not symbolic and not session.building() else []
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
            return inside(session, boundary, lambda: _by_default(session, default, original, layer, args, kwargs))
        result = _by_default(session, default, original, layer, args, kwargs)
        if outermost and not session.stateless:
            _outputs_of_model(session, result)
        return result
    finally:
        session.calls.pop()
        del session.inside[len(session.inside) - len(defined) :]


def _of_arm(session: Session, layer: Any, kwargs: Any) -> Any:
    """The arguments of a call in the arm that is played (or in a replay that forces a counterfactual)."""
    hard_coded = session.graph_layers.get(id(layer))
    if hard_coded is not None and session.forced(hard_coded[1]):
        # The graph passes the flag it was built with; without it the layer inherits.
        return {name: value for name, value in kwargs.items() if name != "training"}
    for unread in session.unread.values():
        if unread.holds(layer) and session.playing is None and not session.building():
            unread.ran += 1
    for dropped in session.dropped.values():
        if dropped.holds(layer):
            if session.forced(dropped.probe):
                return {**kwargs, "training": False}
            if session.playing is not None and session.playing.id == dropped.probe.id:
                # As written means: as in training, which is where it acts.
                return {**kwargs, "training": True}
    return kwargs


def _by_default(session: Session, probe: Probe | None, original: Any, layer: Any, args: Any, kwargs: Any) -> Any:
    """A call; if it falls back on a flagged default, measured as a flagged call of a layer is."""
    if probe is None:
        return original(layer, *args, **kwargs)
    if session.forced(probe):
        return original(layer, *args, **{**kwargs, "training": probe.counterfactual})
    if session.playing is None and not session.building() and session.on_main_thread:
        unit = "reached only while training" if recorded_by_tape() else session.unit(probe)
        if isinstance(unit, Boundary):
            session.touch(unit, probe)
        else:
            session.counts[probe.id].reached += 1
            session.counts[probe.id].skip(unit)
    return original(layer, *args, **kwargs)


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
    if session.capture.active and session.playing is not None and session.playing.kind not in ("call", "export"):
        session.capture.emit(OUTPUTS, next((leaf for leaf in leaves(result) if hasattr(leaf, "shape")), None))


def _replayed(session: Session, original: Any, layer: Any, args: Any, kwargs: Any) -> Any:
    """An outermost call of a layer, again, with the stack of modes as it was."""
    flavour = session.flavour_of(layer)
    kwargs = _of_arm(session, layer, kwargs)
    assert flavour is not None
    mode, why = session.resolve(flavour, layer, args, kwargs)
    default = session.defaulting(layer) if why == "default" and mode is True else None
    if default is not None and session.forced(default):
        kwargs = {**kwargs, "training": default.counterfactual}
        mode, why = default.counterfactual, "explicit"
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
            if probe.kind == "unread":
                _compare(session, probe, boundary, compare_unread)
            elif session.due(probe, sort):
                measure(session, probe, boundary)
        for probe in toggles:
            if _compare(session, probe, boundary, compare_toggle):
                session.toggles[probe.id].pending = False
    finally:
        session.calls, session.boundaries = calls, saved


def _compare(session: Session, probe: Probe, boundary: Boundary, compare: Callable[..., dict[str, Any]]) -> bool:
    """A comparison to the last bit, if it is this execution's turn; True when it was made."""
    count = session.counts[probe.id]
    if not session.due(probe, "dear"):
        return False
    try:
        record = compare(session, probe, boundary)
    except Exception as error:
        count.errors.append(f"{type(error).__name__}: {error}"[:500])
        return False
    count.measured += 1
    session.results.write("toggle", probe=probe.id, boundary={"kind": boundary.kind, "where": boundary.where}, **record)
    return True
