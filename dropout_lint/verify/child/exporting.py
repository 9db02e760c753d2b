"""What an exported model serves, against what the model itself infers: same inputs, made up for its shapes."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from . import state
from .arms import measure
from .boundaries import Boundary
from .flavour import leaves
from .synthetic import synthetic

if TYPE_CHECKING:
    from collections.abc import Callable

    from .job import Probe
    from .session import Session

ROWS = 64


def exported(session: Session, probe: Probe, callee: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """``model.export(...)`` or ``archive.add_endpoint(...)``: what was written is loaded and asked for answers."""
    result = callee(*args, **kwargs)
    if session.playing is not None or not session.job.measure or not session.due(probe, "dear"):
        return result
    model, serve = _served(session, callee, args, kwargs)
    if model is None or serve is None:
        session.counts[probe.id].skip("what is exported is no model with known inputs, or cannot be loaded here")
        return result
    inputs = synthetic(model, ROWS)
    loaded: list[Any] = []

    def ask() -> Any:
        if session.counterfactual:
            return {}, model(inputs, training=False)
        if not loaded:
            loaded.extend(serve())
        answer = loaded[0](*inputs) if isinstance(inputs, list) else loaded[0](inputs)
        return {}, list(leaves(answer))

    before = state.Snapshot()
    measure(session, probe, Boundary("export", model, where=session.where(), play=ask, before=before))
    return result


def _served(
    session: Session, callee: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Any, Callable[[], tuple[Any, Any]] | None]:
    """The model that is exported, and how to get the function that serves it (and what has to stay alive for it)."""
    tensorflow = sys.modules.get("tensorflow")
    owner = getattr(callee, "__self__", None)
    if tensorflow is None:
        return None, None
    if session.flavour_of(owner) is not None and getattr(owner, "inputs", None):
        path = args[0] if args else kwargs.get("filepath")
        return owner, lambda: _signature(tensorflow.saved_model.load(str(path)))
    endpoint = kwargs.get("fn", args[1] if len(args) > 1 else None)
    model = endpoint if session.flavour_of(endpoint) is not None else getattr(endpoint, "__self__", None)
    if session.flavour_of(model) is None or not getattr(model, "inputs", None):
        return None, None
    # As the archive traces it: without a flag.
    return model, lambda: (tensorflow.function(endpoint), owner)


def _signature(archive: Any) -> tuple[Any, Any]:
    return getattr(archive, "serve", None) or archive.signatures["serving_default"], archive
