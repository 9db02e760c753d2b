"""The job the parent hands over: a JSON file, read once."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Span = tuple[int, int, int, int]


@dataclass(frozen=True)
class Probe:
    """One flagged expression.

    ``span`` is (start line, start column, end line, end column), 1-based, in code points, end exclusive.
    ``anchor`` is where the flag was chosen, if that is another call than the probe's own: the probe then
    counts only while that call is on the stack, because a shared helper also serves training.
    What ``kind`` and ``counterfactual`` mean stands in ``dropout_lint.findings.Probe``.
    """

    id: int
    kind: str
    path: str
    span: Span
    counterfactual: Any = None
    anchor: Any = None


@dataclass(frozen=True)
class Job:
    """What to run and how.

    ``edits`` maps a path to replacements ``[*span, text]`` (a fix to be replayed), ``skip`` a path to spans in
    statements that are left out; ``force`` names probes that play their counterfactual during the whole run. ``kind``
    is what ``script`` is the file of: a script, a module or function (``name``), a model (``name``) with ``data``.
    ``home`` is the folder the user stands in. ``cells`` are a notebook's, and their joined text.
    """

    script: str
    argv: tuple[str, ...]
    results: str
    probes: tuple[Probe, ...] = ()
    edits: Any = None
    skip: Any = None
    force: tuple[int, ...] = ()
    measure: bool = True
    passes: int = 20
    seed: int = 0
    seed_offset: int = 0
    trace: bool = False
    project: tuple[str, ...] = ()
    kind: str = "script"
    name: str = ""
    data: Any = None
    most_rows: Any = None
    home: str = ""
    cells: Any = None


def read_job(path: str) -> Job:
    """Read a job file. Raises ``OSError`` or ``ValueError`` when it is not one."""
    with Path(path).open(encoding="utf-8") as stream:
        raw: dict[str, Any] = json.load(stream)
    probes = tuple(Probe(**dict(probe, span=tuple(probe["span"]))) for probe in raw.pop("probes", []))
    for name in ("argv", "force", "project"):
        raw[name] = tuple(raw.get(name, ()))
    return Job(probes=probes, **raw)
