"""What an arm computes inside a trace: per-row values of metrics, and outputs.

``evaluate`` returns means; an interval over rows needs the rows. While an arm is played, the reductions of
Keras' own metrics hand on the values they are about to average. Inside a TensorFlow graph that takes a
``tf.numpy_function``, inside a JAX trace a callback; both exist only in the arm's own trace, never in the program's.
"""

from __future__ import annotations

import sys
from typing import Any

OUTPUTS = "outputs"


class Capture:
    """Collects arrays by name while one arm is played; does nothing otherwise."""

    def __init__(self) -> None:
        self._arrays: dict[str, list[Any]] | None = None

    @property
    def active(self) -> bool:
        """True while an arm is played (or its functions traced)."""
        return self._arrays is not None

    def start(self) -> None:
        """Forget what was collected and collect anew."""
        self._arrays = {}

    def stop(self) -> None:
        """Collect no more."""
        self._arrays = None

    def take(self) -> dict[str, list[Any]]:
        """What was collected since ``start``, in order; collection goes on from nothing."""
        jax = sys.modules.get("jax")
        if jax is not None and self._arrays is not None and hasattr(jax, "effects_barrier"):
            jax.effects_barrier()
        taken = self._arrays or {}
        self._arrays = {}
        return taken

    def emit(self, name: str, value: Any) -> None:
        """Collect a tensor, now or whenever the graph being traced runs."""
        if self._arrays is None or value is None:
            return
        tensorflow = sys.modules.get("tensorflow")
        if tensorflow is not None and tensorflow.is_tensor(value) and not hasattr(value, "numpy"):

            def receive(array: Any) -> None:
                self._store(name, array)

            tensorflow.numpy_function(receive, [value], [], stateful=True)
        elif type(value).__name__.endswith("Tracer"):
            self._emit_from_jax(name, value)
        else:
            self._store(name, value)

    def _emit_from_jax(self, name: str, value: Any) -> None:
        """Out of a JAX trace: ordered, because rows are told apart by their place."""

        def receive(array: Any) -> None:
            self._store(name, array)

        try:
            sys.modules["jax"].debug.callback(receive, value, ordered=True)
        except Exception:  # a transformation that allows no effects: the metric goes without rows
            return

    def emit_rows(self, name: str, values: Any) -> None:
        """Collect one number per row of a tensor of shape (rows, ...); scalars are no rows."""
        shape = getattr(values, "shape", None)
        if self._arrays is None or shape is None or getattr(shape, "rank", 1) is None or len(shape) == 0:
            return
        self.emit(name, values)

    def _store(self, name: str, value: Any) -> None:
        if self._arrays is not None:
            array = to_array(value)
            if array is not None:
                self._arrays.setdefault(name, []).append(array)


def to_array(value: Any) -> Any:
    """A tensor of any backend as a NumPy array of a type NumPy knows, or None."""
    import numpy as np

    try:
        if hasattr(value, "detach"):
            value = value.detach().cpu()
        array = np.array(value)
    except Exception:  # ragged, sparse, or a tensor of a graph
        return None
    if array.dtype.kind in "biuf":
        return array
    try:
        return array.astype("float32")  # bfloat16 and the like
    except (TypeError, ValueError):
        return None
