"""Checks of open documents as they are, saved or not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dropout_lint.findings import Applicability
from dropout_lint.settings import Resolver, normal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dropout_lint.findings import Finding
    from dropout_lint.lsp.places import Buffer
    from dropout_lint.report import Report


@dataclass(frozen=True, slots=True)
class Configuration:
    """What the command line said of the configuration."""

    file: Path | None = None
    isolated: bool = False
    overrides: Mapping[str, object] | None = None

    def resolver(self) -> Resolver:
        """A resolver that reads the files as they are now.

        Raises:
            SettingsError: An override is wrong.
        """
        return Resolver(config=self.file, isolated=self.isolated, overrides=self.overrides)


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found with one document as the entry, and the versions of all open documents at that time."""

    findings: tuple[Finding, ...]
    versions: dict[str, int]


def check(entry: Buffer, buffers: tuple[Buffer, ...], configuration: Configuration) -> Checked:
    """The findings of ``entry``, in it and in what it imports, with all ``buffers`` as they are.

    Raises:
        SettingsError: A configuration file cannot be used.
    """
    report = _lint(entry, buffers, configuration.resolver(), {})
    return Checked(report.findings, {buffer.uri: buffer.version for buffer in buffers})


def repaired(entry: Buffer, buffers: tuple[Buffer, ...], configuration: Configuration) -> str | None:
    """The text of ``entry`` after all safe fixes; None if there are none.

    Raises:
        SettingsError: A configuration file cannot be used.
        SourceError: The document cannot be read as Python source.
    """
    from dropout_lint import repair

    resolver = configuration.resolver()

    def wanted(finding: Finding) -> bool:
        settings = replace(resolver.of(entry.path.parent), unsafe_fixes=False)
        safe = finding.fix is not None and finding.fix.applicability is Applicability.SAFE
        return safe and entry.owns(finding.path) and repair.allows(settings, finding)

    def lint(contents: Mapping[Path, bytes]) -> Report:
        return _lint(entry, buffers, resolver, contents)

    outcome = repair.repair(lint({}), lint, wanted, {buffer.path: buffer.data for buffer in buffers})
    return next((changed.after.text for changed in outcome.changed if changed.path == entry.path), None)


def _lint(entry: Buffer, buffers: tuple[Buffer, ...], resolver: Resolver, contents: Mapping[Path, bytes]) -> Report:
    from dropout_lint.engine import run

    overlay = {**{buffer.path: buffer.data for buffer in buffers}, **contents}
    report = run((), resolver, stdin=overlay[entry.path], stdin_path=entry.path, contents=overlay)
    file = resolver.of(entry.path.parent).baseline
    if file is None:
        return report
    from dropout_lint.baseline import read_baseline, without_known

    findings, known = without_known(report, read_baseline(file), normal(file).parent)
    return replace(report, findings=findings, known=known)
