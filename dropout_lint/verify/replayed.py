"""What whole runs with a finding repaired add to its verdict."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dropout_lint.verify.observed import NO_EXPERIMENT
from dropout_lint.verify.statistics import margin_of, sign_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dropout_lint.verify.replay import Printed
    from dropout_lint.verify.result import Result

IDLE = {
    "statement": "by replay: without it nothing changes",
    "toggle": "by replay: without it nothing changes",
    "unread": "by replay: with its result replaced by nan the program prints the same",
}
"""How a whole run proves that something does nothing, by the kind of probe."""

FEWEST_PAIRS = 4
"""Pairs of runs of a program that does not repeat itself, before they say anything."""


def with_replay(result: Result, numbers: tuple[Printed, ...], *, deterministic: bool | None) -> Result:
    """Add what a replay showed; it confirms a finding that the site alone did not, if the program repeats itself.

    ``deterministic`` is None when that was not tested.
    """
    result = replace(result, replay=numbers)
    direction = _replay_direction(numbers)
    if result.verdict == "confirmed" and result.direction == "changed" and direction in ("worse", "better"):
        # The site saw outputs only; the program's own numbers say what the change means.
        return replace(result, direction=direction)
    if result.verdict not in ("no-material-difference", "inconclusive", "not-reached") or deterministic is None:
        return result
    if not deterministic:
        apart = tuple(printed for printed in numbers if _apart(printed))
        direction = _replay_direction(apart)
        if direction == "none":
            return result
        pairs = len(apart[0].as_written)
        reason = f"by replay: in {pairs} pairs of runs, all numbers as written lie beyond all fixed ones"
        return replace(result, verdict="confirmed", direction=direction, reason=reason)
    if direction == "none":
        probe = result.finding.probe
        unmeasured = NO_EXPERIMENT in result.reason or (
            probe is not None and probe.kind in ("toggle", "unread") and not result.measured
        )
        if result.reached and result.verdict == "inconclusive" and unmeasured:
            if probe is not None and probe.kind in IDLE and not numbers:
                return replace(result, verdict="confirmed-no-effect", reason=IDLE[probe.kind])
            return replace(result, verdict="no-material-difference", reason="")
        return result
    reason = "by replay: the program prints other numbers when this alone is fixed, and the same ones when run again"
    return replace(result, verdict="confirmed", direction=direction, reason=reason)


def _apart(printed: Printed) -> bool:
    """True when no run of one arm reaches into the other; by chance that happens once in 35 for four pairs."""
    left, right = printed.as_written, printed.fixed
    return len(left) >= FEWEST_PAIRS and (min(left) > max(right) or max(left) < min(right))


def _replay_direction(numbers: Sequence[Printed]) -> str:
    """What the printed numbers that changed by more than their margin say."""
    directions = set()
    for printed in numbers:
        difference = printed.as_written[0] - printed.fixed[0]
        sign = sign_of(printed.label)
        if abs(difference) > margin_of(printed.label, printed.fixed[0]):
            directions.add("changed" if sign == 0 else "worse" if difference * sign < 0 else "better")
    return next((direction for direction in ("worse", "changed", "better") if direction in directions), "none")
