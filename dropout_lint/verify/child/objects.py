"""Layers that are known by the place in the program that makes or calls them.

* ``Made``: layers made while ``call`` runs, which are others in every call;
* ``Unread``: layers whose result goes nowhere;
* ``Dropped``: dropout layers that stand behind a model's answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import state
from .flavour import leaves

if TYPE_CHECKING:
    from .job import Probe
    from .session import Session

KEPT = 3
MOST_UNREAD = 64


class Made:
    """What one expression in ``call`` has made so far: the first objects are kept, to be compared."""

    def __init__(self, probe: Probe) -> None:
        self.probe = probe
        self.total = 0
        # Each with the layer in whose call it was made.
        self._kept: list[tuple[Any, Any]] = []

    def add(self, session: Session, layer: Any) -> None:
        """One more object was made."""
        self.total += 1
        if len(self._kept) < KEPT:
            self._kept.append((layer, session.outermost))
        if self.total in (1, 2):
            self.write(session)

    def write(self, session: Session) -> None:
        """What is known so far."""
        if not self._kept:
            return
        weights = [_weights(session, layer) for layer, _ in self._kept]
        owner = self._kept[0][1]
        listed = {id(variable) for _, variable in _weights(session, owner)} if owner is not None else set()
        first = self._kept[0][0]
        session.results.write(
            "made",
            probe=self.probe.id,
            kind=type(first).__name__,
            total=self.total,
            owner=None if owner is None else type(owner).__name__,
            weights=[name for name, _ in weights[0]],
            listed=any(id(variable) in listed for found in weights for _, variable in found),
            apart=_apart(weights),
        )


def _weights(session: Session, layer: Any) -> list[tuple[str, Any]]:
    """Trainable weights of a layer and of what it holds, by their own names."""
    found = []
    for each in session.sublayers(layer):
        for attribute in ("_trainable_variables", "_trainable_weights"):
            for variable in getattr(each, attribute, None) or ():
                name = str(getattr(variable, "name", "")).rpartition("/")[2].partition(":")[0]
                found.append((name, variable))
    return found


def _apart(weights: list[list[tuple[str, Any]]]) -> dict[str, float]:
    """How far the weights of the first two objects are apart, by name."""
    import numpy as np

    apart: dict[str, float] = {}
    for (name, one), (_, other) in zip(*weights[:2]) if len(weights) > 1 else ():  # noqa: B905  # of Python 3.10
        left, right = state.value_of(one), state.value_of(other)
        if left is not None and right is not None and left.shape == right.shape:
            norm = float(np.linalg.norm(left.astype("float64") - right.astype("float64")))
            apart[name] = max(norm, apart.get(name, 0.0))
    return apart


class Unread:
    """Layers that are called (while a graph is built), or made, at one place, and what became of their results."""

    def __init__(self, probe: Probe) -> None:
        self.probe = probe
        self._layers: dict[int, Any] = {}
        # Executions outside any graph building: in a model, or in the hands of somebody else.
        self.ran = 0

    def add(self, layer: Any) -> None:
        """A layer whose result ought to go nowhere."""
        if len(self._layers) < MOST_UNREAD:
            self._layers[id(layer)] = layer

    def holds(self, layer: Any) -> bool:
        """True for a layer that was made or called at the flagged place."""
        return id(layer) in self._layers

    def write(self, session: Session) -> None:
        """What is known so far."""
        if not self._layers:
            return
        layers = list(self._layers.values())
        session.results.write(
            "unread",
            probe=self.probe.id,
            kind=type(layers[0]).__name__,
            layers=len(layers),
            called=sum(bool(getattr(layer, "_inbound_nodes", ())) for layer in layers),
            taken=sum(len(getattr(layer, "_outbound_nodes", None) or ()) for layer in layers),
            ran=self.ran,
        )


def poisoned(result: Any) -> Any:
    """A result that spoils whatever is computed from it: not a number, wherever there is a number.

    That a program computes the same with it, to the last bit, proves that nothing reads it.
    """
    if isinstance(result, dict):
        return {name: poisoned(each) for name, each in result.items()}
    if isinstance(result, (list, tuple)):
        return type(result)(poisoned(each) for each in result)
    kind = str(getattr(result, "dtype", ""))
    return result * float("nan") if "float" in kind else result


class Dropped:
    """Dropout layers made at one place, to be played in training mode or not at all."""

    def __init__(self, probe: Probe) -> None:
        self.probe = probe
        self._layers: dict[int, Any] = {}

    def add(self, layer: Any) -> None:
        """A layer that was made there."""
        self._layers[id(layer)] = layer

    def inside(self, layers: list[Any]) -> bool:
        """True when one of them is among these layers."""
        return any(id(layer) in self._layers for layer in layers)

    def holds(self, layer: Any) -> bool:
        """True for a layer that was made there."""
        return id(layer) in self._layers


def nested_statistics(session: Session, listed: Any) -> list[Any]:
    """Batch normalisation inside the models of a list of layers, and not in the list itself."""
    layers = [each for each in leaves(list(listed)) if session.flavour_of(each) is not None]
    own = {id(layer) for layer in layers}
    return [
        inner
        for layer in layers
        for inner in session.sublayers(layer)
        if id(inner) not in own and hasattr(inner, "moving_mean")
    ]


def finite(session: Session, model: Any) -> bool:
    """False once training has driven a weight of a model to infinity or to what is no number."""
    import numpy as np

    values = (state.value_of(variable) for _, variable in _weights(session, model))
    return all(bool(np.isfinite(value).all()) for value in values if value is not None)
