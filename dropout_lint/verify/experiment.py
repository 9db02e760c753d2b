"""From findings to a job: which expressions to instrument, and what the fixed arm of each is."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dropout_lint.findings import Applicability, Probe
from dropout_lint.sources.reading import in_text
from dropout_lint.verify.programs import SAVED_MODELS, Program, as_program, notebook

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dropout_lint.findings import Finding, Span
    from dropout_lint.sources.notebook import Notebook

Json = dict[str, object]

PLAYED = frozenset({"call", "layer-call", "graph-call", "toggle", "op", "statement", "default", "unread", "output"})
"""Kinds of probes whose counterfactual can be forced during a whole run."""

OF_THE_TOOL = "KTM9"
"""Findings about suppressions, syntax and the like: no program shows them."""


@dataclass(frozen=True, slots=True)
class Experiment:
    """One finding and its number in the job."""

    number: int
    finding: Finding
    placed: Finding | None = None
    """The finding with its places in the text that runs, where it is in a notebook."""

    @property
    def is_toggle(self) -> bool:
        """True for findings that claim an assignment has no effect."""
        return self.finding.probe is not None and self.finding.probe.kind == "toggle"

    @property
    def compares_bits(self) -> bool:
        """True for findings that say something does nothing: results with and without it are to be identical."""
        return self.finding.probe is not None and self.finding.probe.kind in ("toggle", "unread")

    @property
    def has_fixed_run(self) -> bool:
        """True when a whole run of the program with the finding repaired can be made."""
        probe = self.finding.probe
        if self.edits is not None:
            return probe is None or probe.kind != "raises"
        return probe is not None and (
            probe.kind in PLAYED or (probe.kind == "mode" and isinstance(probe.counterfactual, bool))
        )

    @property
    def edits(self) -> tuple[str, list[list[object]]] | None:
        """The file and the edits of the fix; None where there is no fix, or none that is meant to be applied."""
        fix = (self.placed or self.finding).fix
        if fix is None or fix.applicability is Applicability.DISPLAY or not fix.edits:
            return None
        return absolute(self.finding.path), [[*numbers(edit.span), edit.replacement] for edit in fix.edits]


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asks for.

    ``timeout`` (seconds) and ``memory`` (GiB) are for each run; ``replays`` None means by itself.
    """

    python: str | None = None
    passes: int = 20
    margin: float | None = None
    timeout: float | None = None
    seed: int = 0
    trace: bool = False
    memory: float | None = None
    in_place: bool = False
    most_rows: int | None = None
    replays: int | None = None


def plan(findings: Iterable[Finding]) -> tuple[Experiment, ...]:
    """Number the findings that a program can show: all but those about the tool itself."""
    measurable = [finding for finding in findings if not finding.code.startswith(OF_THE_TOOL)]
    books: dict[str, Notebook] = {}
    experiments = []
    for number, finding in enumerate(measurable):
        placed = None
        if finding.cell is not None:
            book = books.setdefault(finding.path, notebook(Path(finding.path)))
            placed = in_text(finding, book)
        experiments.append(Experiment(number, finding, placed))
    return tuple(experiments)


def measuring_job(
    program: Program | Path,
    arguments: Sequence[str],
    experiments: Sequence[Experiment],
    options: Options,
    past: Sequence[Experiment] = (),
) -> Json:
    """The run as written, with every probe in place; the findings ``past`` repaired, or their statements left out."""
    edits: dict[str, list[list[object]]] = {}
    skip: dict[str, list[list[int]]] = {}
    for experiment in past:
        if experiment.edits is not None:
            path, replacements = experiment.edits
            edits.setdefault(path, []).extend(replacements)
        elif experiment.finding.probe is not None:
            probe = experiment.finding.probe
            skip.setdefault(absolute(probe.path), []).append(numbers(probe.span))
    return {
        **_base(program, arguments, experiments, options),
        "probes": _probes(experiments),
        "trace": options.trace,
        "edits": edits,
        "skip": skip,
    }


def replay_job(
    program: Program | Path,
    arguments: Sequence[str],
    experiments: Sequence[Experiment],
    fixed: Sequence[Experiment],
    options: Options,
    run: int,
) -> Json:
    """A whole run without measuring: as written where ``fixed`` is empty, else with those findings repaired.

    A repair is the finding's own fix where it has one, else the counterfactual forced at its probe. A result that is
    said to go nowhere is spoilt instead, unless others are repaired with it: its fix would change the model. ``run``
    numbers the pair: from the second on, the seeds the program sets are moved, equally in both arms.
    """
    edits: dict[str, list[list[object]]] = {}
    forced: list[Experiment] = []
    for experiment in fixed:
        probe = experiment.finding.probe
        spoilt = probe is not None and probe.kind == "unread" and len(fixed) == 1
        if experiment.edits is not None and not spoilt:
            path, replacements = experiment.edits
            edits.setdefault(path, []).extend(replacements)
        elif probe is not None:
            forced.append(experiment)
    return {
        **_base(program, arguments, experiments, options),
        "measure": False,
        "edits": edits,
        "probes": _probes(forced),
        "force": [experiment.number for experiment in forced],
        "seed_offset": run * 7919,
    }


def _base(
    program: Program | Path, arguments: Sequence[str], experiments: Sequence[Experiment], options: Options
) -> Json:
    job = as_program(program).job()
    path = str(job["script"])
    folders = {str(Path(file).parent) for file in (path, *(absolute(e.finding.path) for e in experiments))}
    return {
        **job,
        "argv": list(arguments),
        "most_rows": options.most_rows,
        "passes": options.passes,
        "seed": options.seed,
        "project": sorted(folder + os.sep for folder in folders),
    }


def _probes(experiments: Iterable[Experiment]) -> list[Json]:
    probes: list[Json] = []
    for experiment in experiments:
        probe = experiment.finding.probe
        finding = experiment.placed or experiment.finding
        if probe is None:
            # Watched, so that the report can tell whether the line was reached.
            probe = Probe("observe", finding.path, finding.span)
        if experiment.finding.probe is not None or not finding.path.endswith(SAVED_MODELS):
            probes.append(
                {
                    "id": experiment.number,
                    "kind": probe.kind,
                    "path": absolute(probe.path),
                    "span": numbers(probe.span),
                    "counterfactual": probe.counterfactual,
                    "anchor": _anchor(experiment.finding) if experiment.placed is None else None,
                }
            )
    return probes


def _anchor(finding: Finding) -> Json | None:
    """Where the flag was chosen, if that is a call on the way to the probe and not the probe itself.

    A helper that trains as well as evaluates is flagged at the call that evaluates; only executions below that call are
    measured. A flag chosen elsewhere (a constant, a constructor) restricts nothing.
    """
    probe = finding.probe
    if probe is None or probe.kind != "call":
        return None
    if finding.path == probe.path and probe.span.start.line <= finding.span.start.line <= probe.span.end.line:
        return None
    if all((step.path, step.line) != (finding.path, finding.span.start.line) for step in finding.chain):
        return None
    return {"path": absolute(finding.path), "span": numbers(finding.span)}


def numbers(span: Span) -> list[int]:
    """A span as the child reads it: start line and column, end line and column."""
    return [span.start.line, span.start.column, span.end.line, span.end.column]


def absolute(path: str) -> str:
    """The path as Python will name the file in frames: absolute, symbolic links kept."""
    return os.path.normpath(Path(path).absolute())
