"""The findings of a saved model: what rules see in its configuration.

A finding's place is inside the archive; its message names it, and its span is the beginning of the file.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dropout_lint.findings import Confidence, Finding, Position, Probe, Severity, Span
from dropout_lint.keras.versions import KerasVersion, parse_version
from dropout_lint.selection import NOT_ANALYSED
from dropout_lint.sources.artifact import ArtifactError, read_artifact

if TYPE_CHECKING:
    from pathlib import Path

    from dropout_lint.rules.model import Rule, Saved
    from dropout_lint.settings import Settings
    from dropout_lint.sources.artifact import Artifact

_START = Span(Position(1, 1), Position(1, 1))


def check_archive(shown: str, source: Path | bytes, settings: Settings) -> tuple[Finding, ...]:
    """The findings of the archive ``source``, a file or its content, shown as the file ``shown``."""
    from dropout_lint.rules import REGISTRY
    from dropout_lint.rules.model import SavedContext

    try:
        artifact = read_artifact(source)
    except ArtifactError as error:
        return (_said(shown, f"the file was not analysed: {error}", Severity.WARNING),)
    setting = parse_version(settings.keras_version) if settings.keras_version is not None else None
    context = SavedContext(artifact, setting, _written_by(artifact))
    findings: list[Finding] = []
    for rule in REGISTRY:
        if rule.check_saved is not None:
            findings += [_finding(shown, rule, saved, context.keras) for saved in rule.check_saved(context)]
    for layer in artifact.layers:
        if layer.class_name == "Lambda":
            text = f"{layer.shown} is a Lambda layer: its code is never loaded, so its mode is not known"
            findings.append(_said(shown, text, Severity.NOTE))
    return tuple(findings)


def _written_by(artifact: Artifact) -> KerasVersion | None:
    if artifact.keras_version is None:
        return None
    try:
        version = parse_version(".".join(artifact.keras_version.split(".")[:2]))
    except ValueError:
        return None
    return version


def _finding(shown: str, rule: Rule, saved: Saved, keras: KerasVersion | None) -> Finding:
    return Finding(
        code=rule.code,
        name=rule.name,
        severity=saved.severity or rule.severity,
        confidence=saved.confidence,
        message=saved.message,
        path=shown,
        span=_START,
        help=saved.help,
        notes=saved.notes,
        probe=Probe(saved.probe, shown, _START, "inherit") if saved.probe else None,
        keras=saved.keras or ((str(keras),) if keras is not None else ()),
    )


def _said(shown: str, message: str, severity: Severity) -> Finding:
    code, name = NOT_ANALYSED
    return Finding(code, name, severity, Confidence.HIGH, message, shown, replace(_START))
