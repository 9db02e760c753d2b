"""What passes gave, and how two arms differ."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from .results import Results


@dataclass
class Observation:
    """What one pass gave: metrics by name, per-row values by metric, outputs of shape (rows, ...), batch sizes."""

    metrics: dict[str, float]
    outputs: Any = None
    rows: dict[str, Any] = field(default_factory=dict)
    batches: tuple[int, ...] = ()
    everything: tuple[Any, ...] = ()
    # What metrics that are no mean over rows were given, by their names.
    given: dict[str, dict[str, Any]] = field(default_factory=dict)


def same(one: Observation, other: Observation) -> bool:
    """True when two passes agree to the last bit."""
    return difference(one, other) == 0.0


def difference(one: Observation, other: Observation) -> float:
    """The largest absolute difference over metrics, results and outputs; infinite where shapes differ."""
    import numpy as np

    largest = 0.0
    if one.metrics.keys() != other.metrics.keys() or len(one.everything) != len(other.everything):
        return float("inf")
    pairs: list[tuple[Any, Any]] = [(np.asarray(one.metrics[n]), np.asarray(other.metrics[n])) for n in one.metrics]
    pairs += list(zip(one.everything, other.everything))  # noqa: B905  # equal lengths; `strict` is of Python 3.10
    if one.outputs is not None and other.outputs is not None:
        pairs.append((one.outputs, other.outputs))
    for left, right in pairs:
        if left.shape != right.shape:
            return float("inf")
        if left.size and not np.array_equal(left, right, equal_nan=left.dtype.kind == "f"):
            apart = np.abs(left.astype("float64") - right.astype("float64"))
            largest = max(largest, float(np.nanmax(apart)) if not np.isnan(apart).all() else float("inf"))
    return largest


def row_differences(as_written: list[Observation], fixed: list[Observation], name: str) -> Any:
    """Per row: mean over passes of the metric as written, minus fixed; None where rows are not what was averaged.

    The rows must reproduce the reported metric up to a constant shared by both arms (a regularisation term):
    with sample weights, masks or several outputs they do not, and then there is no interval.
    """
    import numpy as np

    left: list[Any] = [observation.rows.get(name) for observation in as_written]
    right: list[Any] = [observation.rows.get(name) for observation in fixed]
    if any(rows is None or rows.shape != left[0].shape for rows in [*left, *right]) or not left[0].size:
        return None
    values = np.mean(left, axis=0, dtype="float64") - np.mean(right, axis=0, dtype="float64")
    reported = np.mean([o.metrics.get(name, np.nan) for o in as_written]) - np.mean(
        [o.metrics.get(name, np.nan) for o in fixed]
    )
    scale = abs(reported) + 1e-6
    return values if abs(values.mean() - reported) <= 1e-3 * scale + 1e-6 else None


def describe(
    results: Results,
    as_written: list[Observation],
    fixed: list[Observation],
    *,
    coupled: bool,
    intervals: dict[str, dict[str, Any]],
) -> dict[str, Any]:
    """The numbers of one measured execution, with arrays over rows in a file of their own."""
    first = as_written[0]
    arrays: dict[str, Any] = {}
    metrics = []
    for name in first.metrics:
        differences = row_differences(as_written, fixed, name)
        if differences is not None:
            arrays["metric:" + name] = differences
        metrics.append(
            {
                "name": name,
                "as_written": [observation.metrics.get(name) for observation in as_written],
                "fixed": [observation.metrics.get(name) for observation in fixed],
                **intervals.get(name, {}),
            }
        )
    outputs = _compare_outputs([o.outputs for o in as_written], [o.outputs for o in fixed], arrays)
    return {
        "passes": len(as_written),
        "rows": int(sum(first.batches)),
        "batches": list(first.batches),
        "batch_coupled": coupled,
        "metrics": metrics,
        "outputs": outputs,
        "arrays": results.write_arrays(arrays) if arrays else None,
    }


def _compare_outputs(as_written: list[Any], fixed: list[Any], arrays: dict[str, Any]) -> dict[str, Any] | None:
    """Divergence and class changes per row, averaged over passes."""
    import numpy as np

    usable = [o for o in [*as_written, *fixed] if o is not None and o.ndim and o.shape == as_written[0].shape]
    if len(usable) != len(as_written) + len(fixed) or not usable[0].size:
        return None
    rows = usable[0].shape[0]
    reference = np.mean(fixed, axis=0, dtype="float64")
    apart = [np.abs(o.astype("float64") - reference) for o in as_written]
    distance = np.mean([np.sqrt((a.reshape(rows, -1) ** 2).mean(axis=1)) for a in apart], axis=0)
    result: dict[str, Any] = {
        "rows": rows,
        "shape": list(usable[0].shape),
        "max_abs_difference": float(max(a.max() for a in apart)),
        # By these the values of several calls are pooled: one call may hand on a single number, which has no spread.
        "values": int(reference.size),
        "mean": float(reference.mean()),
        "deviation": float(reference.std()),
        "distance_by_pass": [float(np.sqrt((a**2).mean())) for a in apart],
        "classes": None,
        "changed_between_calls": None,
        # The same call on the same rows again is no new evidence; equal fixed outputs tell.
        "digest": hashlib.sha256(reference.tobytes()).hexdigest(),
    }
    arrays["divergence"] = distance
    classify, kind = _classifier(usable)
    if classify is not None:
        labels = [classify(o).reshape(rows, -1) for o in as_written]
        expected = classify(reference).reshape(rows, -1)
        arrays["flips"] = np.mean([(label != expected).mean(axis=1) for label in labels], axis=0)
        result["changed_by_pass"] = [float((label != expected).mean()) for label in labels]
        between = [(labels[place] != labels[place - 1]).mean() for place in range(1, len(labels))]
        result["classes"] = kind
        result["changed_between_calls"] = float(np.mean(between)) if between else 0.0
    return result


def _classifier(outputs: list[Any]) -> tuple[Callable[[Any], Any] | None, str | None]:
    """How to read classes off outputs: the threshold 0.5 for one probability, the largest of several scores."""
    shape = outputs[0].shape
    if len(shape) == 1 or shape[-1] == 1:
        if all(float(o.min()) >= 0 and float(o.max()) <= 1 for o in outputs):
            return lambda o: o > 0.5, "threshold"
        return None, None
    return (lambda o: o.argmax(axis=-1)), "largest"
