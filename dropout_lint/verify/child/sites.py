"""The object user code sees as ``__dropout_lint__``: ``site`` around a callee, ``toggle`` around a layer."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from . import state
from .arms import measure
from .boundaries import Boundary
from .capture import OUTPUTS
from .exporting import exported
from .flavour import leaves, training_position
from .objects import nested_statistics, poisoned
from .observing import Stateful, Watch, raised
from .toggles import ToggleProxy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .job import Probe
    from .session import Session


class Instruments:
    """``__dropout_lint__`` in the builtins: every module, converted code included, finds it there."""

    def __init__(self, session: Session) -> None:
        self._session = session
        # AutoGraph asks for this attribute before it converts what it calls; our code runs as it is.
        for name in ("site", "toggle", "watch", "attempt", "weights", "listed"):
            function = getattr(Instruments, name)
            setattr(function, "autograph_info__", {})  # noqa: B010  # not an attribute functions are known to have

    def site(self, number: int, callee: Any) -> Any:
        """A callable that stands for ``callee`` at the flagged call."""
        session = self._session
        probe = session.probes[number]
        owner = callee if session.flavour_of(callee) else getattr(callee, "__self__", None)
        if session.flavour_of(owner) is None and session.in_graph() and probe.kind != "op":
            # A plain function inside a trace: AutoGraph must convert it as it would have; a partial is transparent.
            session.counts[number].skip("called through a plain function inside a trace")
            return functools.partial(callee)

        def flagged(*args: Any, **kwargs: Any) -> Any:
            return at_site(session, probe, callee, args, kwargs)

        setattr(flagged, "autograph_info__", {})  # noqa: B010  # as above
        return flagged

    def watch(self, *numbers: int) -> Watch:
        """A context that notes that a statement is executed, and what it raises."""
        return Watch(self._session, [self._session.probes[number] for number in numbers])

    def attempt(self, number: int, callee: Any) -> Any:
        """A callable that stands for ``callee`` in a statement that cannot be watched as a whole."""
        session = self._session
        probe = session.probes[number]

        def attempted(*args: Any, **kwargs: Any) -> Any:
            session.reach(probe)
            try:
                return callee(*args, **kwargs)
            except Exception as error:
                raised(session, probe, error, error.__traceback__)
                raise

        setattr(attempted, "autograph_info__", {})  # noqa: B010  # as above
        return attempted

    def weights(self, number: int, target: Any) -> Any:
        """``target`` itself: its weights are compared from here on."""
        session = self._session
        session.reach(session.probes[number])
        if session.playing is None and session.on_main_thread:
            session.weights[number].start(session, target)
        return target

    def listed(self, number: int, layers: Any) -> Any:
        """What a loop goes over, itself: what the models among these layers hold is watched from here on."""
        session = self._session
        probe = session.probes[number]
        session.reach(probe)
        if hasattr(layers, "__next__"):
            return _passing(session, probe, layers)
        for layer in nested_statistics(session, layers):
            session.watch(layer, probe)
        return layers

    def toggle(self, number: int, target: Any) -> Any:
        """A stand-in for ``target`` whose ``trainable`` can be assigned."""
        return ToggleProxy(self._session.toggles[number], self._session, target)


def _passing(session: Session, probe: Probe, layers: Any) -> Iterator[Any]:
    seen = []
    for item in layers:
        seen.append(item)
        yield item
    for layer in nested_statistics(session, seen):
        session.watch(layer, probe)


def at_site(session: Session, probe: Probe, callee: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The flagged call is reached: carry it out, and measure it if this execution is in the sample."""
    if probe.kind in ("made", "output"):
        return _made(session, probe, callee, args, kwargs)
    if probe.kind == "unread":
        return _unread(session, probe, callee, args, kwargs)
    if probe.kind == "export":
        return exported(session, probe, callee, args, kwargs)
    if session.forced(probe):
        result = call_forced(session, probe, callee, args, kwargs)
        return _captured(session, probe, result)
    if session.playing is not None:
        result = callee(*args, **kwargs)
        return _captured(session, probe, result) if session.playing.id == probe.id else result
    if probe.kind == "mode":
        return _watched(session, probe, callee, args, kwargs)
    if not session.job.measure or not session.on_main_thread:
        return callee(*args, **kwargs)
    flavour = session.flavour_of(callee) or session.flavour_of(getattr(callee, "__self__", None))
    if flavour is not None and flavour.symbolic(args, kwargs):
        session.graph_layers[id(callee)] = (callee, probe)
        return callee(*args, **kwargs)
    if session.building() or any(each.symbolic(args, kwargs) for each in session.flavours):
        return callee(*args, **kwargs)
    if probe.kind == "state":
        return _changing(session, probe, callee, args, kwargs)
    count = session.counts[probe.id]
    if probe.kind != "call" and session.calls and session.calls[-1][0] not in (None, False):
        # The outer call is in training mode itself: fixed or not, the result is the same.
        count.reached += 1
        count.skip("reached only while training")
        return callee(*args, **kwargs)
    if not session.on_path(probe):
        count.skip("reached only through other callers")
        return callee(*args, **kwargs)
    unit = session.unit(probe)
    if isinstance(unit, Boundary):
        session.touch(unit, probe)
        return callee(*args, **kwargs)
    if unit != "site":
        count.reached += 1
        count.skip(unit)
        return callee(*args, **kwargs)
    return _measured_here(session, probe, callee, args, kwargs)


def _watched(session: Session, probe: Probe, callee: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Layers below this call tell their modes; so does a layer that the call puts into a graph."""
    if not session.building() and session.on_main_thread:
        session.reach(probe)
    flavour = session.flavour_of(callee)
    if flavour is not None and flavour.symbolic(args, kwargs):
        session.watch(callee, probe)
        return callee(*args, **kwargs)
    session.inside.append(probe.id)
    try:
        return callee(*args, **kwargs)
    finally:
        session.inside.pop()


def _made(session: Session, probe: Probe, callee: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A layer is made."""
    layer = callee(*args, **kwargs)
    if session.on_main_thread and session.playing is None and session.flavour_of(layer) is not None:
        if probe.kind == "made":
            session.reach(probe)
            session.made[probe.id].add(session, layer)
        else:
            session.counts[probe.id].reached += 1
            session.dropped[probe.id].add(layer)
    return layer


def _unread(session: Session, probe: Probe, callee: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A layer is called, or made, whose result ought to go nowhere."""
    result = callee(*args, **kwargs)
    if not session.on_main_thread:
        return result
    unread = session.unread[probe.id]
    flavour = session.flavour_of(callee)
    if flavour is None:
        if session.flavour_of(result) is not None:
            session.reach(probe)
            unread.add(result)
        return result
    if flavour.symbolic(args, kwargs):
        session.reach(probe)
        unread.add(callee)
        return result
    if session.forced(probe):
        return poisoned(result)
    if session.playing is None and not session.building():
        unit = session.unit(probe)
        if isinstance(unit, Boundary):
            session.touch(unit, probe)
        else:
            session.reach(probe)
    return result


def _changing(session: Session, probe: Probe, callee: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What the call changes besides its result."""
    owner = callee if session.flavour_of(callee) else getattr(callee, "__self__", callee)
    count = session.counts[probe.id]
    if not session.due(probe, "cheap"):
        return callee(*args, **kwargs)
    outer = next((boundary for boundary in session.boundaries if boundary.kind == "function"), None)
    if session.in_graph():
        if outer is None:
            count.skip("traced")
        else:
            outer.changing.append((probe, Stateful(session, owner)))
        return callee(*args, **kwargs)
    before = Stateful(session, owner)
    result = callee(*args, **kwargs)
    write_changes(session, probe, before)
    return result


def write_changes(session: Session, probe: Probe, before: Stateful) -> None:
    """What has changed since, as an event."""
    session.counts[probe.id].measured += 1
    session.results.write("state", probe=probe.id, changed=before.changed(), where=session.where())


def _measured_here(session: Session, probe: Probe, callee: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """An eager call: the program's own first, then both arms on the same arguments."""
    if not session.due(probe, "cheap"):
        return callee(*args, **kwargs)
    where = session.where()
    before = state.Snapshot()
    result = callee(*args, **kwargs)
    owner = callee if session.flavour_of(callee) else getattr(callee, "__self__", callee)

    def repeat() -> Any:
        # On JAX, random state is passed by hand.
        given, named = (args, kwargs)
        if getattr(callee, "__name__", "") == "stateless_call":
            given, named = state.reseeded((args, kwargs), session.pass_number)
        if session.counterfactual:
            return {}, call_forced(session, probe, callee, given, named)
        return {}, callee(*given, **named)

    boundary = Boundary("call", owner, where=where, play=repeat, before=before)
    measure(session, probe, boundary)
    return result


def call_forced(session: Session, probe: Probe, callee: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The flagged call with its counterfactual: a mode, or what the enclosing call would have passed down."""
    wanted = probe.counterfactual
    if probe.kind == "op":
        return _without_op(wanted, callee, args, kwargs)
    if wanted == "inherit":
        wanted = session.calls[-1][0] if session.calls else None
    owner = callee if session.flavour_of(callee) else None
    call = getattr(owner, "call", None) or callee
    position = training_position(call)
    kwargs = dict(kwargs)
    if "training" not in kwargs and position is not None and position < len(args):
        args = (*args[:position], bool(wanted) if wanted is None else wanted, *args[position + 1 :])
    elif wanted is None:
        kwargs.pop("training", None)
    else:
        kwargs["training"] = wanted
    return callee(*args, **kwargs)


def _without_op(wanted: Any, callee: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """An operation left out: its input as it came, or nothing in the place of noise."""
    if wanted == "zero":
        result = callee(*args, **kwargs)
        return result * 0
    return args[0] if args else next(iter(kwargs.values()))


def _captured(session: Session, probe: Probe, result: Any) -> Any:
    """In an arm, the first tensor of a flagged call's result is what its outputs are compared by."""
    if probe.kind == "call" and session.capture.active:
        first = next((leaf for leaf in leaves(result) if hasattr(leaf, "shape")), None)
        session.capture.emit(OUTPUTS, first)
    return result
