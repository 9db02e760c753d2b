"""Baselines: findings that were there when the tool was adopted, and are not spoken of until their line changes.

A baseline is a multiset of (path, rule, hash of the line without white space). It holds no line numbers, so that it
stays good when lines move; a finding that is there more often than the baseline knows is new.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from dropout_lint.fingerprints import line_hash
from dropout_lint.selection import ALWAYS_ON
from dropout_lint.settings import SettingsError, normal, shown

if TYPE_CHECKING:
    from dropout_lint.findings import Finding
    from dropout_lint.report import Report

VERSION = 1

Key = tuple[str, str, str]


def read_baseline(file: Path) -> Counter[Key]:
    """The findings a baseline knows, with how often.

    Raises:
        SettingsError: It cannot be read, or is no baseline.
    """
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        if document["version"] != VERSION:
            raise SettingsError(f"{shown(file)}: is a baseline of version {document['version']}; write it again")
        listed = document["findings"]
        return Counter(
            {(str(item["path"]), str(item["code"]), str(item["line"])): int(item["count"]) for item in listed}
        )
    except OSError as error:
        reason = error.strerror or str(error)
        raise SettingsError(f"{shown(file)}: cannot be read: {reason} (--write-baseline makes one)") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise SettingsError(f"{shown(file)}: is no baseline; --write-baseline makes one") from error


def without_known(report: Report, known: Counter[Key], folder: Path) -> tuple[tuple[Finding, ...], int]:
    """The findings that the baseline in ``folder`` does not know, and how many it does."""
    left = Counter(known)
    sources = dict(report.sources)
    kept: list[Finding] = []
    for finding in report.findings:
        key = _key(finding, sources.get(finding.source, ()), folder)
        if left[key] > 0 and finding.code not in ALWAYS_ON:
            left[key] -= 1
        else:
            kept.append(finding)
    return tuple(kept), len(report.findings) - len(kept)


def write_baseline(report: Report, file: Path) -> int:
    """Write a baseline of all findings of ``report``, in one step; how many there are.

    Raises:
        OSError: It cannot be written.
    """
    sources = dict(report.sources)
    found = [finding for finding in report.findings if finding.code not in ALWAYS_ON]
    counts = Counter(_key(finding, sources.get(finding.source, ()), file.absolute().parent) for finding in found)
    document = {
        "version": VERSION,
        "findings": [
            {"path": path, "code": code, "line": line, "count": count}
            for (path, code, line), count in sorted(counts.items())
        ],
    }
    handle, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.absolute().parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as stream:
            stream.write(json.dumps(document, indent=1) + "\n")
        Path(name).chmod(0o644)
        Path(name).replace(file)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise
    return len(found)


def _key(finding: Finding, lines: tuple[str, ...], folder: Path) -> Key:
    """Paths are relative to the baseline's folder, so that it means the same wherever one stands."""
    path = normal(Path(finding.path))
    relative = os.path.relpath(path, folder) if path.anchor == folder.anchor else str(path)
    return (Path(relative).as_posix(), finding.code, line_hash(finding, lines))
