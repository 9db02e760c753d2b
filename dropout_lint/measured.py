"""What an earlier ``dropout-lint verify --output-format json`` measured, put beside the findings it was about."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dropout_lint.findings import Measured

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dropout_lint.findings import Finding
    from dropout_lint.report import Report

Key = tuple[str, object, str, int, int]


class NoResults(Exception):
    """A file that holds no results of ``verify``; the message says so."""


def read_results(path: Path) -> list[Mapping[str, Any]]:
    """The results in a file that ``verify`` wrote.

    Raises:
        NoResults: It cannot be read, or is something else.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise NoResults(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise NoResults(f"{path}: is not JSON; write it with `verify --output-format json`") from error
    results = document.get("results") if isinstance(document, dict) else None
    if not isinstance(results, list) or not all(isinstance(each, dict) and "finding" in each for each in results):
        raise NoResults(f"{path}: holds no results of `verify --output-format json`")
    return results


def with_measured(report: Report, results: Sequence[Mapping[str, Any]]) -> Report:
    """The report, its findings with what was measured of them.

    A finding is known by its place; one that has moved by file, code and message, where that tells it from others.
    """
    by_place = {_key(result["finding"]): result for result in results}
    by_message: dict[tuple[str, str, str], list[Mapping[str, Any]]] = {}
    for result in results:
        finding = result["finding"]
        by_message.setdefault((_path(finding["path"]), finding["code"], finding["message"]), []).append(result)

    def measured(finding: Finding) -> Finding:
        start = finding.span.start
        result = by_place.get((_path(finding.path), finding.cell, finding.code, start.line, start.column))
        alike = by_message.get((_path(finding.path), finding.code, finding.message), [])
        if result is None and len(alike) == 1:
            result = alike[0]
        if result is None:
            return finding
        return replace(finding, measured=Measured(result["verdict"], result.get("direction", "none"), text_of(result)))

    return replace(report, findings=tuple(map(measured, report.findings)))


def _key(finding: Mapping[str, Any]) -> Key:
    start = finding["start"]
    return (_path(finding["path"]), finding["cell"], finding["code"], start["line"], start["column"])


def _path(text: str) -> str:
    return os.path.normcase(os.path.normpath(Path(text).absolute()))


def text_of(result: Mapping[str, Any]) -> str:
    """One result in one line."""
    parts = [result["verdict"].replace("-", " ")]
    if result.get("direction") in ("better", "changed"):
        parts[0] += f" ({result['direction']})"
    if not result.get("toggle"):
        parts.extend(_metric(metric) for metric in (result.get("metrics") or ())[:2])
    outputs = result.get("outputs")
    if outputs and not result.get("metrics") and outputs.get("changed_by_fix"):
        parts.append(f"{outputs['changed_by_fix']:.1%} of predictions differ from the fixed ones")
    if result.get("exception"):
        parts.append(f"raises {result['exception']['type']}")
    elif result.get("reason") and (result.get("happened") or not parts[1:]):
        parts.append(result["reason"])
    if not parts[1:]:
        parts.extend(
            f"{printed['label']}: {printed['as_written'][0]:g}, fixed {printed['fixed'][0]:g}"
            for printed in (result.get("replay") or ())[:2]
        )
    return "; ".join(parts)


def _metric(metric: Mapping[str, Any]) -> str:
    as_written, fixed = metric["as_written"]["mean"], metric["fixed"]["value"]
    if as_written is None or fixed is None:
        return f"{metric['name']} is not a number"
    text = f"{metric['name']} {as_written:.3g}, fixed {fixed:.3g}"
    if metric.get("interval"):
        low, high = metric["interval"]
        text += f" (difference in [{low:+.2g}, {high:+.2g}])"
    return text
