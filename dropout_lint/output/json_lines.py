"""Format ``json-lines``: one finding per line, as in ``json``, for tools that read as they go."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from dropout_lint.output.json_report import finding_document

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dropout_lint.report import Report


def json_lines(report: Report) -> Iterator[str]:
    """The findings as lines of JSON."""
    for finding in report.findings:
        yield json.dumps(finding_document(finding))
