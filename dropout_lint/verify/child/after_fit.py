"""What training computed with, played again on the rows it was given: dropout behind a model's answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import boundaries, state
from .arms import measure
from .boundaries import Boundary
from .objects import finite
from .repeating import repeat_trainer

if TYPE_CHECKING:
    from .session import Session

MOST_ROWS = 512


class Fitted:
    """One ``fit`` or ``train_on_batch`` of a model that drops its own answer."""

    def __init__(self, session: Session, model: Any) -> None:
        self._session = session
        self._model = model
        inside = [each for each in session.dropped.values() if each.inside(session.sublayers(model))]
        self._probes = [each.probe for each in inside]
        # Kept because such a training may end in weights that are no numbers.
        self._before = state.Snapshot() if self._probes and getattr(model, "built", False) else None

    def measure(self, method: str, arguments: dict[str, Any]) -> None:
        """The loss and metrics on the first of its rows, as training computes them and without the dropout."""
        session = self._session
        due = [probe for probe in self._probes if session.due(probe, "fit")]
        if not due:
            return
        flavour = session.flavour_of(self._model)
        evaluate = flavour.trainer_class("evaluate").__dict__["evaluate"].__wrapped__ if flavour is not None else None
        data = {name: arguments.get(name) for name in ("x", "y", "sample_weight")}
        known = data["x"] is not None and all(each is None or boundaries.is_arrays(each) for each in data.values())
        if evaluate is None or not known:
            for probe in due:
                session.counts[probe.id].skip("training was given no arrays, and other data cannot be had again")
            return
        rows = min(MOST_ROWS, session.job.most_rows or MOST_ROWS)
        data = {name: boundaries.first_rows(each, rows) for name, each in data.items()}
        boundary = Boundary(method, self._model, where=session.where())
        boundary.before = state.Snapshot()
        if not finite(session, self._model) and self._before is not None:
            boundary.before = self._before
        boundary.play, boundary.arm = repeat_trainer(
            session, evaluate, "evaluate", self._model, dict(data), lambda: data["x"]
        )
        for probe in due:
            measure(session, probe, boundary)
