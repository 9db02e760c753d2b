"""What a run found, as the formats print it and the baseline, ``--fix`` and the verifier take it on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dropout_lint.findings import Finding, Severity

if TYPE_CHECKING:
    from dropout_lint.discovery import Problem


@dataclass(frozen=True, slots=True)
class Report:
    """What a run found. ``findings`` are sorted; ``sources`` are the lines of the files with findings."""

    findings: tuple[Finding, ...] = ()
    errors: tuple[Problem, ...] = ()
    files: tuple[str, ...] = ()
    candidates: int = 0
    suppressed: int = 0
    known: int = 0
    """Findings that the baseline knows."""
    keras_version: str | None = None
    fixed: tuple[Finding, ...] = ()
    """What ``--fix`` has repaired, or would repair; none of it is among ``findings``."""
    sources: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def failing(self, severity: Severity = Severity.WARNING) -> bool:
        """Whether a finding of this severity or a worse one is among the findings."""
        return any(finding.severity.rank >= severity.rank for finding in self.findings)
