"""From what the child observed to a verdict per finding."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dropout_lint.verify.observed import judge_observed
from dropout_lint.verify.result import Metric, Outputs, Result
from dropout_lint.verify.statistics import (
    RATE_MARGIN,
    RELATIVE_MARGIN,
    Interval,
    interval,
    judge,
    margin_of,
    sign_of,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dropout_lint.verify.experiment import Experiment, Json
    from dropout_lint.verify.runner import Run


def judge_experiment(experiment: Experiment, run: Run, margin: float | None, seed: int) -> Result:
    """The verdict on one finding from the measuring run alone."""
    number = experiment.number
    summary = next((event for event in run.of("summary") if event["probe"] == number), None)
    base = Result(
        experiment.finding,
        "not-reached",
        reached=_integer(summary, "reached"),
        eligible=_integer(summary, "eligible"),
        measured=_integer(summary, "measured"),
    )
    measured = judge_observed(base, experiment, run)
    if measured is not None:
        return measured
    if experiment.compares_bits:
        events = [event for event in run.of("toggle") if event["probe"] == number]
        measured = _judge_toggle(base, events) if events else None
    else:
        events = [event for event in run.of("measurement") if event["probe"] == number]
        measured = _judge_measurements(base, events, run, margin, seed) if events else None
    if measured is not None:
        return measured
    return _unmeasured(base, summary, run, is_toggle=experiment.is_toggle)


def _integer(event: Json | None, name: str) -> int:
    value = event.get(name) if event else 0
    return value if isinstance(value, int) else 0


def _unmeasured(base: Result, summary: Json | None, run: Run, *, is_toggle: bool) -> Result:
    """Why there is nothing to judge: the program failed, ran out of time, or never came by."""
    end = run.end
    exception: Any = end.get("exception") if end else None
    if run.timed_out:
        return replace(base, reason="the time limit came first")
    if run.out_of_memory:
        return replace(base, reason="the memory limit came first")
    if end is None:
        return replace(base, verdict="failed", reason=f"the interpreter died ({ending(run.status)})")
    if exception:
        return replace(base, verdict="failed", exception=exception)
    errors: Any = summary.get("errors") if summary else ()
    reasons: Any = summary.get("reasons") if summary else {}
    if errors:
        return replace(base, verdict="inconclusive", reason=f"measuring it failed: {errors[0]}")
    if end.get("exit"):
        return replace(base, verdict="failed", reason=f"the program ended with status {end['exit']}")
    if is_toggle and base.reached:
        reason = "no evaluate, predict or direct call of a model that contains the layer came after it"
        return replace(base, verdict="inconclusive", reason=reason)
    if reasons:
        return replace(base, reason=Counter(reasons).most_common(1)[0][0])
    return replace(base, reason="the program ended without executing the line")


def ending(status: int | None) -> str:
    """How a process ended."""
    return f"signal {-status}" if status is not None and status < 0 else f"status {status}"


def _judge_toggle(base: Result, events: Sequence[Json]) -> Result:
    """No effect means: identical to the last bit, every time it was compared."""
    largest = max(_float(event["max_abs_difference"]) for event in events)
    repeatable = all(event["repeatable"] for event in events)
    ran: Counter[str] = Counter()
    for event in events:
        counts: Any = event["ran_in_training"]
        ran.update(counts)
    first: Any = events[0]
    toggle: Json = {
        "max_abs_difference": largest,
        "compared": len(events),
        "layers": first["layers"],
        "ran_in_training": sum(ran.values()),
        "values": first["values"],
        "kinds": sorted({event["boundary"]["kind"] for event in events}),  # type: ignore[index]
        "of": "assignment" if base.finding.probe is None or base.finding.probe.kind == "toggle" else "result",
    }
    base = replace(
        base,
        toggle=toggle,
        ran_in_training=tuple(ran.items()),
        measured=len(events),
        boundary=first["boundary"]["kind"],
        where=_place(first["boundary"]["where"]),
        seconds=sum(_float(event["seconds"]) for event in events),
        metrics=tuple(_plain_metric(metric, event) for event in events[:1] for metric in _list(event["metrics"])),
    )
    if largest == 0:
        return replace(base, verdict="confirmed-no-effect")
    if not repeatable:
        return replace(
            base, verdict="inconclusive", reason="two identical calls differ, so the toggle cannot be judged"
        )
    subject = "the assignment changes the result" if toggle["of"] == "assignment" else "something reads the result"
    return replace(base, verdict="inconclusive", reason=f"{subject} here: max |Δ| = {largest:g}")


def _plain_metric(metric: Any, event: Json) -> Metric:
    left, right = tuple(metric["as_written"]), tuple(metric["fixed"])
    difference = left[0] - right[0]
    none = Interval(None, None, "none")
    return Metric(metric["name"], left, right, difference, none, _integer(event, "rows"), 0.0, "none", "none")


def _list(value: object) -> Any:
    return value if isinstance(value, list) else []


def _float(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) else float("nan")


def _place(where: Any) -> tuple[str, int] | None:
    return (where[0], where[1]) if where else None


def _judge_measurements(base: Result, events: Sequence[Json], run: Run, margin: float | None, seed: int) -> Result:
    """The strongest verdict over the entry points it was measured in: evaluate() may ignore what a bare call obeys."""
    seconds = sum(_float(event["seconds"]) for event in events)
    # Validation during fit counts only where there is nothing else.
    events = [event for event in events if not event["boundary"]["in_fit"]] or events  # type: ignore[index]
    kinds = dict.fromkeys(str(event["boundary"]["kind"]) for event in events)  # type: ignore[index]
    judged = [
        _judge_entry_point(base, [event for event in events if event["boundary"]["kind"] == kind], run, margin, seed)  # type: ignore[index]
        for kind in kinds
    ]
    rank = {"confirmed": 0, "inconclusive": 1, "no-material-difference": 2}
    best = min(judged, key=lambda result: (rank[result.verdict], not result.metrics))
    return replace(
        best,
        # A run that was cut off wrote no summary.
        reached=max(base.reached, *(_integer(event, "execution") for event in events)),
        measured=len(events),
        seconds=seconds,
        elsewhere=tuple((result.boundary, result.verdict) for result in judged if result is not best),
    )


def _judge_entry_point(base: Result, events: Sequence[Json], run: Run, margin: float | None, seed: int) -> Result:
    """Metrics of the last measured execution that has any; else the outputs of all executions together.

    The last, because a model validated while it trains is judged by what it has become.
    """
    with_metrics = [event for event in events if event["metrics"]]
    shown: Any = with_metrics[-1] if with_metrics else events[-1]
    metrics = tuple(
        _judge_metric(metric, shown, run.rows.get(str(shown["arrays"]), {}), margin, seed)
        for metric in _list(shown["metrics"])
    )
    outputs = _judge_outputs([shown] if with_metrics else events, run, seed)
    base = replace(
        base,
        boundary=shown["boundary"]["kind"],
        where=_place(shown["boundary"]["where"]),
        metrics=metrics,
        outputs=outputs,
        passes=shown["passes"],
        state=tuple((name, norm) for name, norm in _list(shown["state"])),
        ran_in_training=tuple(shown["ran_in_training"].items()),
    )
    judged = [(metric.verdict, metric.direction, metric.name) for metric in metrics]
    if not judged and outputs is not None:
        judged = list(_judge_output_changes(outputs))
    verdict, direction = _strongest(judged)
    reason = ""
    if verdict == "inconclusive":
        reason = _scarce(metrics, outputs)
    return replace(base, verdict=verdict, direction=direction, reason=reason)


def _judge_metric(metric: Any, event: Json, arrays: Any, margin: float | None, seed: int) -> Metric:
    name = metric["name"]
    left, right = tuple(map(float, metric["as_written"])), tuple(map(float, metric["fixed"]))
    fixed = sum(right) / len(right)
    difference = sum(left) / len(left) - fixed
    differences = arrays.get("metric:" + name)
    bounds = Interval(None, None, "none")
    if differences is not None:
        batches: Any = event["batches"]
        bounds = interval(differences, batches, coupled=bool(event["batch_coupled"]), seed=seed)
    elif metric.get("interval"):
        # Recomputed on resampled rows, where the metric itself is.
        low, high = metric["interval"]
        bounds = Interval(low, high, metric["over"], metric["clusters"])
    limit = margin_of(name, fixed, margin)
    per_pass = [value - fixed for value in left]
    verdict, direction = judge(difference, bounds, limit, per_pass, sign_of(name))
    if math.isfinite(fixed) and not any(map(math.isfinite, left)):
        verdict, direction = "confirmed", "changed" if sign_of(name) == 0 else "worse"
    rows, why = _integer(event, "rows"), metric.get("why", "")
    return Metric(name, left, right, difference, bounds, rows, limit, verdict, direction, why)


def _judge_outputs(events: Sequence[Json], run: Run, seed: int) -> Outputs | None:
    """Outputs of several executions, their rows pooled; a call repeated on the same rows counts once."""
    import numpy as np

    flips: list[Any] = []
    divergences: list[Any] = []
    batches: list[int] = []
    described: list[Any] = []
    seen: set[str] = set()
    for event in events:
        summary: Any = event["outputs"]
        arrays: Any = run.rows.get(str(event["arrays"]), {})
        if not summary or "divergence" not in arrays or summary["digest"] in seen:
            continue
        seen.add(summary["digest"])
        described.append(summary)
        batches.extend(_list(event["batches"]))
        divergences.append(arrays["divergence"])
        if "flips" in arrays:
            flips.append(arrays["flips"])
    if not described:
        return None
    coupled = any(event["batch_coupled"] for event in events)
    none = Interval(None, None, "none")
    scale, scaled_by = _scale(described)
    divergence = np.concatenate(divergences) / scale
    # a number between 0 and 1 is no probability if the next one is not
    kinds = {summary["classes"] for summary in described}
    classes = next(iter(kinds)) if len(kinds) == 1 else None
    pooled = np.concatenate(flips) if classes is not None else None
    between = [summary["changed_between_calls"] for summary in described if classes is not None]
    if classes is not None:
        by_pass = _mean_by_pass([summary["changed_by_pass"] for summary in described])
    else:
        by_pass = tuple(each / scale for each in _mean_by_pass([each["distance_by_pass"] for each in described]))
    return Outputs(
        rows=len(divergence),
        classes=classes,
        changed_between_calls=float(np.mean(between)) if between else None,
        changed_by_fix=None if pooled is None else float(pooled.mean()),
        changed_interval=none if pooled is None else interval(pooled, batches, coupled=coupled, seed=seed),
        divergence=float(divergence.mean()),
        divergence_interval=interval(divergence, batches, coupled=coupled, seed=seed),
        scaled_by=scaled_by,
        max_abs_difference=max(summary["max_abs_difference"] for summary in described),
        by_pass=by_pass,
    )


def _scale(described: Sequence[Json]) -> tuple[float, str | None]:
    """What distances are told in multiples of: the spread of all fixed outputs, or, where they are all the same, their
    size.
    """
    parts: Any = described
    count = sum(part["values"] for part in parts)
    mean = sum(part["values"] * part["mean"] for part in parts) / count
    square = sum(part["values"] * (part["deviation"] ** 2 + (part["mean"] - mean) ** 2) for part in parts) / count
    # what is left of equal numbers is rounding
    if math.isfinite(square) and math.sqrt(square) > 1e-6 * abs(mean):
        return math.sqrt(square), "spread"
    return (abs(mean), "size") if math.isfinite(mean) and mean else (1.0, None)


def _mean_by_pass(executions: Sequence[Sequence[float]]) -> tuple[float, ...]:
    shortest = min(map(len, executions))
    return tuple(sum(each[place] for each in executions) / len(executions) for place in range(shortest))


def _judge_output_changes(outputs: Outputs) -> list[tuple[str, str, str]]:
    """Changed classes against half a point, distances against 5 % of the outputs' own spread, or of their size."""
    judged = []
    if outputs.changed_by_fix is not None:
        share = outputs.changed_by_fix
        judged.append((*judge(share, outputs.changed_interval, RATE_MARGIN, [share], 0), "classes"))
    if outputs.divergence is not None:
        distance = outputs.divergence
        judged.append((*judge(distance, outputs.divergence_interval, RELATIVE_MARGIN, [distance], 0), "outputs"))
    return judged


def _strongest(judged: Sequence[tuple[str, str, str]]) -> tuple[str, str]:
    """Confirmed beats inconclusive beats no difference; worse beats changed beats better."""
    confirmed = [direction for verdict, direction, _ in judged if verdict == "confirmed"]
    for direction in ("worse", "changed", "better"):
        if direction in confirmed:
            return "confirmed", direction
    if not judged or any(verdict == "inconclusive" for verdict, _, _ in judged):
        return "inconclusive", "none"
    return "no-material-difference", "none"


def _scarce(metrics: Sequence[Metric], outputs: Outputs | None) -> str:
    """What an inconclusive measurement would need more of."""
    unsure = [metric for metric in metrics if metric.verdict == "inconclusive"]
    if not unsure:
        return "nothing comparable came out of the call" if outputs is None else "more rows would decide"
    return (
        "more rows would decide" if any(m.interval.low is not None for m in unsure) else "too few rows for an interval"
    )
