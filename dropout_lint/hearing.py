"""Which findings are heard: the best explained of each place, one voice a line, and what the settings ask for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dropout_lint.discovery import is_archive, matching
from dropout_lint.findings import Finding, Severity
from dropout_lint.selection import ALWAYS_ON, Selection, configured_severity
from dropout_lint.sources.text import split_lines
from dropout_lint.suppressions import Comment, Suppression, silencing, suppressions
from dropout_lint.tool_rules import all_rules

if TYPE_CHECKING:
    from dropout_lint.settings import Settings


@dataclass(frozen=True, slots=True)
class File:
    """What is needed of a file in which there are findings."""

    lines: tuple[str, ...]
    suppressions: tuple[Suppression, ...]
    selection: Selection
    settings: Settings


def file_of(path: Path, text: str, settings: Settings) -> File:
    """What is needed of the file ``path`` with this text."""
    ignored: tuple[str, ...] = ()
    for pattern, selectors in settings.per_file_ignores:
        if matching(path, pattern, settings.root):
            ignored += selectors
    return File(split_lines(text), suppressions(text), settings.selection.ignoring(ignored), settings)


class Gathered:
    """Findings as they come in, each once, from whichever side they are seen."""

    def __init__(self) -> None:
        self._findings: dict[tuple[object, ...], Finding] = {}
        self._withdrawn: set[tuple[object, ...]] = set()

    def add(self, findings: Iterable[Finding]) -> None:
        """Take these in."""
        for finding in findings:
            # The entry that reaches it by the shortest chain explains it best; the rest decides ties.
            key = (finding.path, finding.cell, finding.span, finding.code, _place_inside(finding))
            if finding.withdraws:
                self._withdrawn.add(key)
                continue
            known = self._findings.get(key)
            if known is None or _preference(finding) < _preference(known):
                self._findings[key] = finding

    def findings(self) -> list[Finding]:
        """What was found and not withdrawn, in the order in which it was found."""
        return [finding for key, finding in self._findings.items() if key not in self._withdrawn]


def _place_inside(finding: Finding) -> str:
    """What tells the findings of a saved model apart: they all stand at its beginning."""
    return finding.message if is_archive(Path(finding.path)) else ""


def one_voice(findings: list[Finding]) -> tuple[Finding, ...]:
    """Where several rules of one family speak of a line, only the most specific one is heard."""
    if not findings:
        return ()
    from dropout_lint.rules import FAMILIES

    ranks = {code: (family, rank) for family, codes in enumerate(FAMILIES) for rank, code in enumerate(codes)}
    best: dict[tuple[object, ...], tuple[bool, int]] = {}

    def slot(finding: Finding) -> tuple[object, ...]:
        return (finding.path, finding.cell, finding.span.start.line, ranks[finding.code][0])

    def rank(finding: Finding) -> tuple[bool, int]:
        # a note, however specific, silences nothing that is worse
        return finding.severity is Severity.NOTE, ranks[finding.code][1]

    for finding in findings:
        if finding.code in ranks:
            best[slot(finding)] = min(rank(finding), best.get(slot(finding), rank(finding)))
    return tuple(
        finding for finding in findings if finding.code not in ranks or ranks[finding.code][1] == best[slot(finding)][1]
    )


def silenced_by(finding: Finding, file: File) -> list[tuple[Comment, str]]:
    lines = range(finding.span.start.line, finding.span.end.line + 1)
    return silencing(file.suppressions, lines, finding.code, finding.name)


def wanted(finding: Finding, file: File) -> bool:
    if not file.selection.enables(finding.code):
        return False
    if finding.code in ALWAYS_ON:
        return True
    severe = finding.severity.rank >= file.settings.min_severity.rank
    return severe and finding.confidence.rank >= file.settings.min_confidence.rank


def weighed(finding: Finding, settings: Settings) -> Finding:
    """The finding with the severity that the settings give its rule.

    Where the rule itself has toned it down, because the Keras is not known or the code is common, it is not raised.
    """
    severity = configured_severity(settings.severity, finding.code) if settings.severity else None
    if severity is None:
        return finding
    own = next(rule.severity for rule in all_rules() if rule.code == finding.code)
    if finding.severity is not own:
        severity = min(severity, finding.severity, key=lambda each: each.rank)
    return replace(finding, severity=severity)


def _preference(finding: Finding) -> tuple[object, ...]:
    return (-finding.confidence.rank, -finding.severity.rank, len(finding.chain), finding.chain, finding.message)
