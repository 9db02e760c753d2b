"""Eager calls that an experiment can repeat as a whole.

The unit of an experiment is the outermost eager call around the flagged site: ``evaluate`` or ``predict`` of a model, a
``tf.function``, the outermost call of a layer, or the site itself. Its arguments are recorded, and what it
takes from an iterator is kept as it goes by, so that the program's own data source is never iterated again.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .flavour import leaves

if TYPE_CHECKING:
    from collections.abc import Callable

KERAS_KINDS = ("evaluate", "predict", "test_on_batch", "predict_on_batch")
TRAINING_KINDS = ("fit", "train_on_batch")

# Batches kept per call; beyond that the call is not repeated (decision 7).
BUFFER_LIMIT = 1 << 30


@dataclass
class Boundary:
    """One eager call in progress.

    ``play`` repeats it; it returns ``(metrics, outputs)``. ``arm`` prepares an arm (fresh traces) and takes it down.
    ``before`` is the state when the flagged site was reached first.
    """

    kind: str
    owner: Any
    where: tuple[str, int] | None = None
    play: Callable[[], tuple[dict[str, float], Any]] | None = None
    arm: Callable[[], Any] | None = None
    before: Any = None
    in_fit: bool = False
    touched: list[Any] = field(default_factory=list)
    # ("state" probe, values before), compared when the call is over.
    changing: list[Any] = field(default_factory=list)


class Tee:
    """Keeps what goes by, up to the limit."""

    def __init__(self) -> None:
        self.items: list[Any] = []
        self.size = 0
        self.complete = True

    def clear(self) -> None:
        """Forget everything."""
        self.items, self.size, self.complete = [], 0, True

    def keep(self, item: Any) -> Any:
        """Remember one item and return it."""
        self.size += _size(item)
        if self.size > BUFFER_LIMIT:
            self.complete, self.items = False, []
        if self.complete:
            self.items.append(item)
        return item

    def iterate(self, source: Any) -> Any:
        """The items of ``source``, remembered from the first on."""
        self.clear()
        for item in source:
            yield self.keep(item)


def _size(value: Any) -> int:
    if isinstance(value, dict):
        return sum(_size(item) for item in value.values())
    if isinstance(value, (list, tuple)):
        return sum(_size(item) for item in value)
    size = getattr(value, "nbytes", None)
    if isinstance(size, int):
        return size
    shape, dtype = getattr(value, "shape", None), getattr(value, "dtype", None)
    try:
        count = 1
        for extent in shape or ():
            count *= int(extent)
        return count * int(getattr(dtype, "size", 4) or 4)
    except (TypeError, ValueError):
        return 64


def bind(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any] | None:
    """Arguments by name (``self`` included), or None if the call does not fit the signature."""
    try:
        bound = inspect.signature(function).bind(*args, **kwargs)
    except (TypeError, ValueError):
        return None
    arguments = dict(bound.arguments)
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind is parameter.VAR_KEYWORD:
            arguments.update(arguments.pop(name, {}))
    return arguments


def recorded(data: Any, most_rows: int | None = None) -> tuple[Any, Callable[[], Any]]:
    """What to hand to the program's own call instead of ``data``, and how to get it again for an arm.

    Arrays are themselves. A ``tf.data.Dataset`` or an iterator is passed through a tee: the same elements in the same
    order, taken once. The second function returns None if the data cannot be had again, and no more batches than
    ``most_rows`` takes.
    """
    if data is None or is_arrays(data):
        return data, lambda: first_rows(data, most_rows)
    spec = getattr(data, "element_spec", None)
    if spec is not None and hasattr(data, "prefetch"):
        return _recorded_dataset(data, spec, most_rows)
    if hasattr(data, "__next__"):
        tee = Tee()
        return tee.iterate(data), lambda: iter(first_batches(tee.items, most_rows)) if tee.complete else None
    if hasattr(data, "__getitem__") and hasattr(data, "__len__"):
        return _recorded_sequence(data, most_rows)
    return data, lambda: None


def first_rows(data: Any, most: int | None) -> Any:
    """Arrays cut to so many rows."""
    if most is None or data is None:
        return data
    if isinstance(data, (list, tuple)):
        return type(data)(first_rows(each, most) for each in data)
    if isinstance(data, dict):
        return {name: first_rows(each, most) for name, each in data.items()}
    return data[:most] if getattr(data, "shape", None) else data


def first_batches(batches: list[Any], most: int | None) -> list[Any]:
    """The batches it takes for so many rows; the last one stays whole."""
    if most is None:
        return list(batches)
    chosen, rows = [], 0
    for batch in batches:
        if rows >= most:
            break
        chosen.append(batch)
        first = next((leaf for leaf in leaves(batch) if getattr(leaf, "shape", None)), None)
        rows += int(first.shape[0]) if first is not None else 1
    return chosen


def is_arrays(data: Any) -> bool:
    if isinstance(data, (list, tuple)):
        return all(is_arrays(item) for item in data)
    if isinstance(data, dict):
        return all(is_arrays(item) for item in data.values())
    return (
        (hasattr(data, "shape") and hasattr(data, "dtype")) or hasattr(data, "iloc") or isinstance(data, (int, float))
    )


def _recorded_dataset(data: Any, spec: Any, most_rows: int | None) -> tuple[Any, Callable[[], Any]]:
    """A ``tf.data.Dataset`` that keeps its elements on their way out.

    It stays a native pipeline: iterated from Python instead, a shuffled data set would be in another order the next
    time, because Keras draws from it differently than a loop does (measured, Keras 3.15.1).
    """
    import tensorflow as tf

    tee = Tee()

    def keep(index: Any, *components: Any) -> Any:
        if int(index) == 0:
            tee.clear()  # iterated anew, as when a model is built from a first look at the data
        tee.keep(components)
        return index

    def passing(index: Any, element: Any) -> Any:
        components = tf.nest.flatten(element, expand_composites=True)
        kept = tf.numpy_function(keep, [index, *components], tf.int64, stateful=True)
        with tf.control_dependencies([kept]):
            components = [tf.identity(component) for component in components]
        return tf.nest.pack_sequence_as(element, components, expand_composites=True)

    def again() -> Any:
        if not tee.complete:
            return None
        elements = [
            tf.nest.pack_sequence_as(spec, list(item), expand_composites=True)
            for item in first_batches(tee.items, most_rows)
        ]
        return tf.data.Dataset.from_generator(lambda: iter(elements), output_signature=spec)

    return data.enumerate().map(passing), again


def _recorded_sequence(data: Any, most_rows: int | None) -> tuple[Any, Callable[[], Any]]:
    """A ``PyDataset`` / ``Sequence``: batches by number, asked for by Keras' own loop."""
    kept: dict[int, Any] = {}
    original = type(data)

    def getitem(self: Any, index: int) -> Any:
        batch = original.__getitem__(self, index)
        kept[int(index)] = batch
        return batch

    try:
        data.__class__ = type(original.__name__, (original,), {"__getitem__": getitem})
    except TypeError:  # slots, or a class of an extension module
        return data, lambda: None

    def again() -> Any:
        data.__class__ = original
        return iter(first_batches([kept[index] for index in sorted(kept)], most_rows)) if kept else None

    return data, again
