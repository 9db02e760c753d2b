"""Inputs for a model nobody has given any."""

from __future__ import annotations

from typing import Any

SYNTHETIC_ROWS = 256


def synthetic(model: Any, rows: int) -> Any:
    """Random inputs of the model's shapes: integers where an embedding looks them up, else noise or pixels."""
    import numpy as np

    inputs = getattr(model, "inputs", None)
    if not inputs:
        raise TypeError(
            "the model has no input shapes yet (a subclassed model knows them once it is built): give data with --data"
        )
    sizes = [layer.input_dim for layer in model._flatten_layers() if type(layer).__name__ == "Embedding"]  # noqa: SLF001
    generator = np.random.default_rng(0)
    made = []
    for each in inputs:
        shape = (rows, *(int(extent or 16) for extent in tuple(each.shape)[1:]))
        kind = np.dtype(str(getattr(each.dtype, "name", each.dtype)))
        if sizes or kind.kind in "iu":
            made.append(generator.integers(0, min(sizes) if sizes else 10, shape).astype(kind))
        elif len(shape) >= 4:
            made.append(generator.uniform(size=shape).astype(kind))
        else:
            made.append(generator.normal(size=shape).astype(kind))
    return made[0] if len(made) == 1 else made
