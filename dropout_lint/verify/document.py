"""Results as JSON. Fields may be added, never renamed."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from dropout_lint.output.json_report import finding_document
from dropout_lint.settings import shown as shown_path
from dropout_lint.verify.statistics import deviation, mean
from dropout_lint.version import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dropout_lint.verify.campaign import ProgramReport
    from dropout_lint.verify.experiment import Json
    from dropout_lint.verify.replay import Printed
    from dropout_lint.verify.result import Metric, Outputs, Result
    from dropout_lint.verify.statistics import Interval


def document(programs: Sequence[ProgramReport]) -> Json:
    """All results as JSON's types. Fields may be added, never renamed."""
    return {
        "version": __version__,
        "environment": programs[0].environment if programs else {},
        "results": [
            {"program": shown(str(program.script)), **result_document(result)}
            for program in programs
            for result in program.results
        ],
        "programs": [
            {
                "path": shown(str(program.script)),
                "environment": program.environment,
                "seconds": round(program.seconds, 3),
                "timed_out": program.timed_out,
                "ended": program.ended,
                "data": program.data,
                "most_rows": program.most_rows,
                "exception": program.failure,
                "modes": [_mode_document(event) for event in program.modes],
                "replay_together": None if program.together is None else [_printed(p) for p in program.together],
            }
            for program in programs
        ],
    }


def result_document(result: Result) -> Json:
    """One result as JSON's types."""
    outputs = result.outputs
    return {
        "finding": finding_document(result.finding),
        "verdict": result.verdict,
        "direction": result.direction,
        "reason": result.reason,
        "boundary": {
            "kind": result.boundary,
            "path": shown(result.where[0]) if result.where else None,
            "line": result.where[1] if result.where else None,
        },
        "elsewhere": [{"kind": kind, "verdict": verdict} for kind, verdict in result.elsewhere],
        "executions": {"reached": result.reached, "measured": result.measured},
        "metrics": [_metric(metric) for metric in result.metrics],
        "outputs": None if outputs is None else _outputs(outputs),
        "state": {"changed": [[name, norm] for name, norm in result.state]},
        "observed": [{"layer": name, "training": True, "executions": count} for name, count in result.ran_in_training],
        "toggle": result.toggle,
        "happened": result.observed,
        "replay": None if result.replay is None else [_printed(printed) for printed in result.replay],
        "exception": result.exception,
        "seconds": round(result.seconds, 3),
    }


def _metric(metric: Metric) -> Json:
    bounds = metric.interval
    return {
        "name": metric.name,
        "as_written": {
            "mean": _finite(mean(metric.as_written)),
            "sd": _finite(deviation(metric.as_written)),
            "values": [_finite(value) for value in metric.as_written],
        },
        "fixed": {"value": _finite(mean(metric.fixed))},
        "difference": _finite(metric.difference),
        "interval": None if bounds.low is None else [bounds.low, bounds.high],
        "interval_over": "none" if bounds.low is None else bounds.over,
        "interval_reason": metric.why,
        "clusters": bounds.clusters,
        "margin": metric.margin,
        "rows": metric.rows,
        "passes": metric.passes,
    }


def _outputs(outputs: Outputs) -> Json:
    return {
        "rows": outputs.rows,
        "classes": outputs.classes,
        "changed_between_calls": outputs.changed_between_calls,
        "changed_by_fix": outputs.changed_by_fix,
        "changed_interval": _bounds(outputs.changed_interval),
        "relative_divergence": outputs.divergence,
        "relative_divergence_interval": _bounds(outputs.divergence_interval),
        "relative_to": outputs.scaled_by,
        "max_abs_difference": outputs.max_abs_difference,
        "by_pass": list(outputs.by_pass),
    }


def _bounds(bounds: Interval) -> list[float] | None:
    return None if bounds.low is None or bounds.high is None else [bounds.low, bounds.high]


def _printed(printed: Printed) -> Json:
    return {
        "label": printed.label,
        "as_written": [_finite(value) for value in printed.as_written],
        "fixed": [_finite(value) for value in printed.fixed],
    }


def _mode_document(event: Json) -> Json:
    path = event.get("path")
    return {**event, "path": shown(path) if isinstance(path, str) else None}


def _finite(value: float) -> float | None:
    # JSON knows no NaN.
    return value if math.isfinite(value) else None


def shown(path: str) -> str:
    """A path as users should read it."""
    return shown_path(Path(path))
