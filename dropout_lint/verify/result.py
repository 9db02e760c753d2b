"""What is known of a finding once its program has been run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dropout_lint.findings import Finding
    from dropout_lint.verify.experiment import Json
    from dropout_lint.verify.replay import Printed
    from dropout_lint.verify.statistics import Interval

VERDICTS = (
    "confirmed",
    "confirmed-no-effect",
    "confirmed-raises",
    "no-material-difference",
    "inconclusive",
    "not-reached",
    "failed",
)
CONFIRMED = VERDICTS[:3]


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric in both arms. ``difference`` is as written minus fixed, averaged over passes."""

    name: str
    as_written: tuple[float, ...]
    fixed: tuple[float, ...]
    difference: float
    interval: Interval
    rows: int
    margin: float
    verdict: str
    direction: str
    why: str = ""
    """Why there is no interval, where more is known than that there are no rows."""

    @property
    def passes(self) -> int:
        """Passes as written."""
        return len(self.as_written)


@dataclass(frozen=True, slots=True)
class Outputs:
    """How outputs differ where there is no metric: class changes, or distances.

    ``classes`` is ``"threshold"`` (one probability per row, cut at 0.5), ``"largest"`` (several scores) or None.
    Distances are multiples of the standard deviation of all fixed outputs (``scaled_by`` is ``"spread"``), of their
    size where they are all the same (``"size"``), or absolute where they are all zero (None).
    """

    rows: int
    classes: str | None
    changed_between_calls: float | None
    changed_by_fix: float | None
    changed_interval: Interval
    divergence: float | None
    divergence_interval: Interval
    max_abs_difference: float
    by_pass: tuple[float, ...] = ()
    """The share of changed classes, or the distance, of each pass; executions averaged."""
    scaled_by: str | None = "spread"


@dataclass(frozen=True, slots=True)
class Result:
    """One finding, measured.

    ``ran_in_training`` names the layers seen in training mode as written, with (traced) executions.
    ``reached`` counts all executions of the line, ``eligible`` those the finding speaks of (not the ones while
    training), and ``measured`` the sample of these.
    """

    finding: Finding
    verdict: str
    direction: str = "none"
    reason: str = ""
    boundary: str = ""
    where: tuple[str, int] | None = None
    reached: int = 0
    eligible: int = 0
    measured: int = 0
    metrics: tuple[Metric, ...] = ()
    outputs: Outputs | None = None
    passes: int = 0
    state: tuple[tuple[str, float], ...] = ()
    ran_in_training: tuple[tuple[str, int], ...] = ()
    toggle: Json | None = None
    observed: Json | None = None
    replay: tuple[Printed, ...] | None = None
    exception: Json | None = None
    seconds: float = 0.0
    elsewhere: tuple[tuple[str, str], ...] = ()
    """Verdicts in other entry points: (``"evaluate"``, ``"no-material-difference"``)."""
