"""Programs that stop at a finding: run again past it, so that the findings behind it are measured, too."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dropout_lint.verify.document import shown
from dropout_lint.verify.observed import uncaught

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dropout_lint.verify.experiment import Experiment, Json
    from dropout_lint.verify.result import Result
    from dropout_lint.verify.runner import Run

MOST_TIMES = 8
WAITING = ("failed", "not-reached")
OF_LEAVING_OUT = ("NameError", "UnboundLocalError")
"""What a program raises when the statement that was left out had bound a name."""


def run_past(
    experiments: Sequence[Experiment],
    results: dict[int, Result],
    run: Run,
    again: Callable[[Sequence[Experiment]], Run],
    judge: Callable[[Experiment, Run], Result],
) -> None:
    """Judge what lies behind a finding that ends the program, in runs with that one repaired or left out.

    ``again`` runs the program past the findings it is given. ``results`` are completed in place; what no run reaches is
    said to be behind the place where the program stops.
    """
    passed: list[Experiment] = []
    stops: list[str] = []
    last = run
    while True:
        waiting = [each for each in experiments if results[each.number].verdict in WAITING]
        stop = _stop(experiments, results, last, passed)
        if not waiting or stop is None or len(passed) == MOST_TIMES:
            break
        passed.append(stop)
        stops.append(_place(stop))
        last = again(passed)
        for experiment in waiting:
            result = judge(experiment, last)
            if result.verdict not in WAITING and not _is_of_leaving_out(result):
                reasons = [result.reason, f"in a run past {' and '.join(stops)}, where the program stops"]
                results[experiment.number] = replace(result, reason="; ".join(filter(None, reasons)))
    for experiment in experiments if stops else ():
        if results[experiment.number].verdict in WAITING:
            results[experiment.number] = replace(
                results[experiment.number],
                verdict="not-reached",
                exception=None,
                reason=f"the program stops at {', then at '.join(stops)}{_beyond(last)}",
            )


def _stop(
    experiments: Sequence[Experiment], results: dict[int, Result], run: Run, passed: Sequence[Experiment]
) -> Experiment | None:
    """The finding at which a run ended."""
    return next(
        (
            each
            for each in experiments
            if each not in passed
            and results[each.number].verdict == "confirmed-raises"
            and uncaught(results[each.number], run) is not None
        ),
        None,
    )


def _is_of_leaving_out(result: Result) -> bool:
    return result.exception is not None and result.exception.get("type") in OF_LEAVING_OUT


def _place(experiment: Experiment) -> str:
    finding = experiment.finding
    return f"{finding.source}:{finding.span.start.line} ({finding.code})"


def _beyond(run: Run) -> str:
    """How the last run, past everything that could be passed, ended."""
    exception: Json | None = run.end.get("exception") if run.end else None  # type: ignore[assignment]
    frames = exception.get("frames") if exception else None
    if not exception or not isinstance(frames, list) or not frames:
        return "; past it the line is not executed"
    return f", and past it at {shown(frames[-1]['path'])}:{frames[-1]['line']} ({exception['type']})"
