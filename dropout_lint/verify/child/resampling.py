"""Intervals of metrics that are no mean over rows (AUC, F1, precision, mean IoU): computed anew on resampled rows.

In an arm, what such a metric is given goes by here on its way. Afterwards the program's own metric object, whose state
is put back with everything else, computes both arms on the same resampled rows. Percentile intervals; the passes that
take part are few, so the interval is moved to where the difference over all of them lies.
"""

from __future__ import annotations

import contextlib
import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .capture import Capture
    from .flavour import Flavour
    from .observation import Observation

PREFIX = "given to "
PARTS = ("y_true", "y_pred", "sample_weight")
RESAMPLES = 400
FEWEST_RESAMPLES = 100
FEWEST_CLUSTERS = 20
PASSES = 4
SECONDS = 10.0

Given = dict[str, Any]


def metrics_of(flavour: Flavour | None, model: Any) -> list[Any]:
    """The metric objects of a model that are no running mean of their own making."""
    if flavour is None:
        return []
    mean = flavour.module.metrics.Mean
    reduction = next(cls for cls in mean.__mro__ if "update_state" in cls.__dict__)
    found: dict[int, Any] = {}
    waiting = list(getattr(model, "metrics", None) or ())
    while waiting:
        metric = waiting.pop()
        inner = getattr(metric, "metrics", None)
        if isinstance(inner, (list, tuple)):
            waiting.extend(inner)
        elif not isinstance(metric, reduction):
            found[id(metric)] = metric
    return list(found.values())


@contextlib.contextmanager
def given_to(metrics: list[Any], capture: Capture) -> Iterator[None]:
    """While an arm is played, what these metrics are given is kept."""
    saved = [(metric, dict(metric.__dict__)) for metric in metrics]
    try:
        for metric in metrics:
            # Past `__setattr__`: Keras would track what is assigned.
            metric.__dict__["update_state"] = _kept(metric, metric.update_state, capture)
        yield
    finally:
        for metric, before in saved:
            if "update_state" in before:
                metric.__dict__["update_state"] = before["update_state"]
            else:
                metric.__dict__.pop("update_state", None)


def _kept(metric: Any, original: Any, capture: Capture) -> Any:
    def update_state(*args: Any, **kwargs: Any) -> Any:
        given = {**dict(zip(PARTS, args)), **kwargs}  # noqa: B905  # `strict` is of Python 3.10
        if capture.active and len(args) <= len(PARTS) and set(given) <= set(PARTS):
            for part, value in given.items():
                if value is not None:
                    capture.emit_rows(f"{PREFIX}{metric.name}/{part}", value)
        return original(*args, **kwargs)

    setattr(update_state, "autograph_info__", {})  # noqa: B010  # AutoGraph asks for it and lets us be
    return update_state


def taken(captured: dict[str, list[Any]]) -> dict[str, Given]:
    """What each metric was given in a pass, over all batches; taken out of what was captured."""
    import numpy as np

    result: dict[str, Given] = {}
    for key in [key for key in captured if key.startswith(PREFIX)]:
        name, _, part = key[len(PREFIX) :].rpartition("/")
        try:
            result.setdefault(name, {})[part] = np.concatenate(captured.pop(key))
        except ValueError:  # batches of different shape
            result.setdefault(name, {})[part] = None
    return result


def resampled(
    metrics: list[Any], as_written: list[Observation], fixed: list[Observation], *, coupled: bool, seed: int
) -> dict[str, dict[str, Any]]:
    """By name of the metric: ``interval`` of the difference and what it is ``over``, or ``why`` there is none."""
    limit = time.perf_counter() + SECONDS
    result: dict[str, dict[str, Any]] = {}
    for metric in metrics:
        name = str(metric.name)
        given = [o.given.get(name) for o in (*as_written[:PASSES], fixed[0])]
        if name not in as_written[0].metrics or not all(map(_is_complete, given)):
            continue
        try:
            result[name] = _interval(metric, given, (as_written, fixed), coupled=coupled, seed=seed, limit=limit)
        except Exception as error:  # a metric of the user's that cannot do it
            result[name] = {"why": f"recomputing it raises {type(error).__name__}"}
    return result


def _is_complete(given: Given | None) -> bool:
    if given is None or "y_true" not in given or "y_pred" not in given:
        return False
    return all(part is not None and len(part) == len(given["y_true"]) for part in given.values())


def _interval(
    metric: Any,
    given: list[Any],
    arms: tuple[list[Observation], list[Observation]],
    *,
    coupled: bool,
    seed: int,
    limit: float,
) -> dict[str, Any]:
    import numpy as np

    as_written, fixed = arms
    name, rows = metric.name, len(given[0]["y_true"])
    over = "batches" if coupled else "rows"
    groups = np.split(np.arange(rows), np.cumsum(as_written[0].batches)[:-1]) if coupled else None
    clusters = len(groups) if groups is not None else rows
    if clusters < FEWEST_CLUSTERS:
        return {"why": f"{clusters} {over} only"}
    value = _computed(metric)
    values = [value(each) for each in given]
    reported = [o.metrics[name] for o in (*as_written[:PASSES], fixed[0])]
    if not np.allclose(values, reported, rtol=1e-3, atol=1e-5):
        return {"why": "recomputed from rows it is another number"}
    generator = np.random.default_rng(seed)
    differences: list[float] = []
    while len(differences) < RESAMPLES and time.perf_counter() < limit:
        drawn = generator.integers(0, clusters, clusters)
        chosen = drawn if groups is None else np.concatenate([groups[place] for place in drawn])
        drawn_rows = [{part: rows_of[chosen] for part, rows_of in each.items()} for each in given]
        differences.append(_difference([value(each) for each in drawn_rows]))
    finite = np.array([each for each in differences if np.isfinite(each)])
    if len(differences) < FEWEST_RESAMPLES:
        return {"why": f"too slow to recompute on {rows:,} rows"}
    if len(finite) < 0.95 * len(differences):
        return {"why": "it is undefined on resampled rows"}
    everything = [np.mean([o.metrics[name] for o in arm]) for arm in arms]
    shift = float(everything[0] - everything[1]) - _difference(values)
    low, high = np.quantile(finite, (0.025, 0.975)) + shift
    return {"interval": [float(low), float(high)], "over": over, "clusters": clusters}


def _difference(values: list[float]) -> float:
    return sum(values[:-1]) / (len(values) - 1) - values[-1]


def _computed(metric: Any) -> Callable[[Given], float]:
    """How to compute a metric from rows: compiled, where the backend can: it is many times quicker."""
    import numpy as np

    def compute(given: Given) -> Any:
        # `reset_states` until Keras 2.5.
        (getattr(metric, "reset_state", None) or metric.reset_states)()
        metric.update_state(**given)
        return metric.result()

    def compute_without_state(given: Given) -> Any:
        state = metric.stateless_update_state(metric.stateless_reset_state(), **given)
        return metric.stateless_result(state)

    run: Any = compute
    held = [getattr(variable, "_value", variable) for variable in _state(metric)]
    tensorflow, jax = sys.modules.get("tensorflow"), sys.modules.get("jax")
    if jax is not None and held and all(isinstance(value, jax.Array) for value in held):
        run = jax.jit(compute_without_state)
    elif tensorflow is not None and any(map(tensorflow.is_tensor, held)):
        run = tensorflow.function(compute, reduce_retracing=True)
    return lambda given: float(np.asarray(run(given), "float64").mean())


def _state(metric: Any) -> list[Any]:
    return list(getattr(metric, "variables", None) or getattr(metric, "weights", None) or ())
