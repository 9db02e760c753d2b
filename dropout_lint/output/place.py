"""Where a finding stands, as text: the line and column, in a notebook the cell before them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dropout_lint.findings import Finding


def place_of(finding: Finding) -> str:
    """``12:5``; ``cell 3:12:5`` in a notebook."""
    start = finding.span.start
    cell = f"cell {finding.cell}:" if finding.cell is not None else ""
    return f"{cell}{start.line}:{start.column}"
