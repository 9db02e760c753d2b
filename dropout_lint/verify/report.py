"""Results as text for people."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dropout_lint.verify.document import shown
from dropout_lint.verify.statistics import deviation, mean, sign_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console

    from dropout_lint.verify.campaign import ProgramReport
    from dropout_lint.verify.experiment import Json
    from dropout_lint.verify.replay import Printed
    from dropout_lint.verify.result import Metric, Outputs, Result
    from dropout_lint.verify.statistics import Interval

SPARKS = "▁▂▃▄▅▆▇█"
MOST_SPARKS = 20

STYLES = {
    "confirmed": "bold red",
    "confirmed-no-effect": "bold red",
    "confirmed-raises": "bold red",
    "no-material-difference": "green",
    "inconclusive": "yellow",
    "not-reached": "yellow",
    "failed": "bold yellow",
}
REASONS = {"traced": "reached only inside a trace that cannot be entered again, as in a data pipeline"}
TITLES = {"confirmed-no-effect": "CONFIRMED: NO EFFECT", "confirmed-raises": "CONFIRMED: RAISES"}


def write(programs: Sequence[ProgramReport], console: Console, *, trace: bool) -> None:
    """Write the report for people."""
    for program in programs:
        if trace:
            _write_trace(program, console)
        for line in notes(program):
            console.print(line, style="dim", markup=False, highlight=False)
        for result in program.results:
            _write_result(result, program, console)
        if program.together:
            console.print("[bold]printed numbers with all of these fixed at once[/bold]")
            for line in printed_lines(program.together):
                console.print(f"  {line}", markup=False, highlight=False)
            console.print()
    counts: dict[str, int] = {}
    for program in programs:
        for result in program.results:
            counts[result.verdict] = counts.get(result.verdict, 0) + 1
    console.print(", ".join(f"{count} {_words(verdict)}" for verdict, count in counts.items()), highlight=False)


def notes(program: ProgramReport) -> Iterator[str]:
    """What holds for all results of a program: synthetic or capped inputs, an end before the end."""
    if program.data is not None:
        rows = f"{program.data['rows']:,} rows" if program.data["rows"] else "a data set"
        if program.data["synthetic"]:
            yield f"{program.program.label}: synthetic inputs, {rows}: outputs are compared, there are no metrics"
    if program.most_rows:
        yield f"{program.program.label}: measured on the first {program.most_rows:,} rows of each call (--max-rows)"
    if program.ended:
        yield f"{program.program.label}: {program.ended}; what was measured before stands below"


def title_of(result: Result) -> str:
    """The verdict as a heading."""
    title = TITLES.get(result.verdict, result.verdict.replace("-", " ").upper())
    if result.verdict == "confirmed" and result.direction in ("better", "changed"):
        title += f": {result.direction.upper()}"
    return title


def _write_result(result: Result, program: ProgramReport, console: Console) -> None:
    from rich.table import Table
    from rich.text import Text

    finding = result.finding
    title = title_of(result)
    heading = Table.grid(expand=True, padding=(0, 2))
    heading.add_column(ratio=1)
    heading.add_column(justify="right", no_wrap=True)
    cell = "" if finding.cell is None else f":cell {finding.cell}"
    place = f"{finding.code} {finding.path}{cell}:{finding.span.start.line}"
    heading.add_row(Text.assemble((place, "bold"), f"  {finding.name}"), Text(title, STYLES[result.verdict]))
    console.print(heading)
    for line in lines_of(result, program):
        console.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)
    if result.metrics and result.verdict != "confirmed-no-effect":
        console.print(_metric_table(result.metrics))
        for metric in result.metrics:
            sparks = sparkline(metric)
            if sparks:
                line = f"  {metric.name} over passes  {sparks}   fixed ◆ {_number(mean(metric.fixed))}"
                console.print(line, markup=False, highlight=False)
    for line in afterwards(result):
        console.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)
    console.print()


def lines_of(result: Result, program: ProgramReport) -> Iterator[str]:
    """What was run and what came out, before the table."""
    if result.where:
        parts = [source_text(*result.where)]
        if result.metrics and result.metrics[0].rows:
            parts.append(f"{result.metrics[0].rows:,} rows")
        elif result.outputs:
            parts.append(f"{result.outputs.rows:,} rows")
        if result.passes:
            parts.append(f"{result.passes} passes")
        if result.toggle is None and result.eligible > max(result.measured, 1):
            parts.append(f"measured {result.measured} of {result.eligible} executions")
        yield " · ".join([*parts, *_versions(program)])
    for kind, verdict in result.elsewhere:
        yield f"in {'a direct call' if kind in ('layer', 'call') else kind + '()'}: {_words(verdict)}"
    if result.toggle is not None:
        yield _toggle_line(result.toggle)
    if result.reason:
        yield REASONS.get(result.reason, result.reason)
    if result.exception and result.verdict == "failed":
        # The traceback is told once, for all of them.
        yield f"the program failed before it was measured: {[*exception_lines(result.exception)][-1]}"
    elif result.exception:
        yield from exception_lines(result.exception)


def _toggle_line(toggle: Json) -> str:
    kinds: Any = toggle["kinds"]
    layers: Any = toggle["layers"]
    calls = " and ".join("direct call" if kind == "layer" else f"{kind}()" for kind in kinds)
    names = ", ".join(layers[:4]) + (", …" if len(layers) > 4 else "")
    largest = toggle["max_abs_difference"]
    identical = "identical to the last bit" if largest == 0 else "different"
    ran = toggle["ran_in_training"]
    if toggle.get("of") == "result":
        return f"{calls} with what it gives, and with nan in its place: {identical} (max |Δ| = {largest:g})"
    return (
        f"{calls} with and without the assignment on {names}: {identical} (max |Δ| = {largest:g}); "
        f"dropout ran in training mode {ran} times"
    )


def _metric_table(metrics: Sequence[Metric]) -> Any:
    from rich.table import Table

    table = Table(box=None, padding=(0, 3, 0, 0), pad_edge=False, show_edge=False)
    for name in ("  metric", "as written", "fixed", "difference", "95 % interval"):
        table.add_column(name, header_style="dim", no_wrap=True)
    for metric in metrics:
        name, *cells = metric_cells(metric)
        table.add_row(f"  {name}", *cells)
    return table


def metric_cells(metric: Metric) -> tuple[str, ...]:
    """One row of the table: name, as written, fixed, difference, interval."""
    points = is_rate(metric)
    return (
        metric.name,
        _spread(metric.as_written),
        _number(mean(metric.fixed)),
        _signed(metric.difference, points=points) + (" points" if points else ""),
        _interval_text(metric, points=points),
    )


def _spread(values: Sequence[float]) -> str:
    if not all(map(math.isfinite, values)):
        return _number(mean(values))
    return f"{_number(mean(values))} ± {_number(deviation(values))}"


def _counted(bounds: Interval) -> str:
    """``7 batches``, ``1 batch``: what an interval would have been taken over."""
    one = {"batches": "batch", "rows": "row"}.get(bounds.over, bounds.over)
    return f"{bounds.clusters} {one if bounds.clusters == 1 else bounds.over}"


def _interval_text(metric: Metric, *, points: bool) -> str:
    bounds = metric.interval
    if bounds.low is None or bounds.high is None:
        unknown = metric.why or ("rows unknown" if math.isfinite(metric.difference) else "not a number")
        return f"none: {unknown}" if bounds.over == "none" else f"none: {_counted(bounds)} only"
    text = f"[{_signed(bounds.low, points=points)}, {_signed(bounds.high, points=points)}]"
    return text if bounds.over == "rows" else f"{text} over {bounds.over}"


def afterwards(result: Result) -> Iterator[str]:
    """What the table does not say: changed predictions, changed state, printed numbers."""
    outputs = result.outputs
    if outputs is not None:
        if outputs.changed_between_calls:
            yield f"{outputs.changed_between_calls:.1%} of {_class_word(outputs)} change between two identical calls"
        if outputs.changed_by_fix:
            bounds = outputs.changed_interval
            interval = f"(no interval: {_counted(bounds)} only)"
            if bounds.low is not None and bounds.high is not None:
                interval = f"[{bounds.low:.1%}, {bounds.high:.1%}]"
            yield f"{outputs.changed_by_fix:.1%} of {_class_word(outputs)} differ from the fixed ones  {interval}"
        if not outputs.changed_by_fix and outputs.divergence is not None and not result.metrics:
            off = _distance(outputs, outputs.divergence)
            yield f"outputs are off by {off} (max |Δ| = {outputs.max_abs_difference:.3g})"
    if result.state:
        names = ", ".join(f"{name} (‖Δ‖ = {norm:.3g})" for name, norm in result.state[:3])
        more = f" and {len(result.state) - 3} more" if len(result.state) > 3 else ""
        yield f"the call overwrites {names}{more}; fixed, it does not"
    if result.replay is not None:
        if result.replay:
            yield "the program prints, as written → fixed:"
            yield from (f"  {line}" for line in printed_lines(result.replay))
        elif result.verdict != "confirmed-no-effect":
            yield "replayed with the fix, the program prints the same numbers"


def _distance(outputs: Outputs, distance: float) -> str:
    if outputs.scaled_by is None:
        return f"{distance:.3g}, where they should be 0"
    return f"{distance:.1%} of their own {'standard deviation' if outputs.scaled_by == 'spread' else 'size'}"


def _class_word(outputs: Outputs) -> str:
    return "predictions (cut at 0.5)" if outputs.classes == "threshold" else "predictions (largest score)"


def printed_lines(numbers: Sequence[Printed]) -> Iterator[str]:
    """Printed numbers in both arms, one to a line."""
    for printed in numbers[:12]:
        label = printed.label or "(unnamed)"
        if len(printed.as_written) == 1:
            yield f"{label}: {printed.as_written[0]:g} → {printed.fixed[0]:g}"
        else:
            left, right = printed.as_written, printed.fixed
            yield (
                f"{label}: {mean(left):.4g} ± {deviation(left):.2g} → {mean(right):.4g} ± {deviation(right):.2g} "
                f"({len(left)} runs each)"
            )
    if len(numbers) > 12:
        yield f"… and {len(numbers) - 12} more"


def _write_trace(program: ProgramReport, console: Console) -> None:
    console.print(f"[bold]modes[/bold] in {shown(str(program.script))}", highlight=False)
    if not program.modes:
        console.print("  no layer whose result depends on the mode was run", highlight=False)
    for event in program.modes:
        mode = event["training"]
        place = f"{shown(str(event['path']))}:{event['line']}" if event["path"] else "(no line of the program)"
        line = f"  {event['phase']!s:<16} {event['layer']!s:<24} {event['class']!s:<20} training={mode!s:<6} "
        console.print(f"{line}{event['why']!s:<10} {place}", markup=False, highlight=False, soft_wrap=True)
    console.print()


def exception_lines(exception: Json) -> Iterator[str]:
    """An exception of the user's program with the frames of the user's own files."""
    frames: Any = exception.get("frames") or ()
    for frame in frames:
        if frame["path"].endswith(".ipynb"):
            yield _cell_text(frame["path"], frame["line"])
        else:
            yield f"{shown(frame['path'])}:{frame['line']} in {frame['function']}: {frame['text']}"
    message = str(exception.get("message", "")).strip().splitlines()
    yield f"{exception['type']}: {message[0] if message else ''}"


def _versions(program: ProgramReport) -> Iterator[str]:
    environment = program.environment
    if "keras" in environment:
        parts = [f"{environment.get('package', 'keras')} {environment['keras']}"]
        if environment.get("tensorflow") and environment.get("backend") == "tensorflow":
            parts.append(f"tensorflow {environment['tensorflow']}")
        elif environment.get("backend"):
            parts.append(str(environment["backend"]))
        yield ", ".join(parts)


def is_rate(metric: Metric) -> bool:
    """True for accuracies and the like, whose differences are told in points."""
    return sign_of(metric.name) > 0 and all(0 <= value <= 1 for value in (*metric.as_written, *metric.fixed))


def sparkline(metric: Metric) -> str:
    """The values over passes, drawn; empty where they do not vary."""
    values = metric.as_written[:MOST_SPARKS]
    low, high = min(values), max(values)
    if len(values) < 5 or not math.isfinite(high - low) or high - low <= 1e-12:
        return ""
    return "".join(SPARKS[round((value - low) / (high - low) * (len(SPARKS) - 1))] for value in values)


def source_text(path: str, line: int) -> str:
    """One line of a program, shortened; of a notebook, with the cell."""
    if path.endswith(".ipynb"):
        return _cell_text(path, line)
    try:
        text = Path(path).read_text(encoding="utf-8", errors="replace").splitlines()[line - 1].strip()
    except (OSError, IndexError):
        return f"{shown(path)}:{line}"
    return f"{shown(path)}:{line}: {text if len(text) <= 72 else text[:71] + '…'}"


def _cell_text(path: str, line: int) -> str:
    from dropout_lint.verify.programs import NoProgram, notebook

    try:
        book = notebook(Path(path))
        cell, within = book.place(line)
        text = book.lines_of(cell)[within - 1].strip()
    except (NoProgram, IndexError):
        return f"{shown(path)}:{line}"
    return f"{shown(path)}:cell {cell}:{within}: {text if len(text) <= 72 else text[:71] + '…'}"


def _number(value: float) -> str:
    return f"{value:.3f}" if 0.001 <= abs(value) < 1000 or value == 0 else f"{value:.3g}"


def _signed(value: float, *, points: bool) -> str:
    if not math.isfinite(value):
        return f"{value:g}"
    number = f"{value * 100:+.1f}" if points else f"{value:+.3f}" if 0.001 <= abs(value) < 1000 else f"{value:+.3g}"
    return number.replace("-", "−")


def _words(verdict: str) -> str:
    return TITLES.get(verdict, verdict.replace("-", " ")).lower()
