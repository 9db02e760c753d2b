"""``--report out.html``: one page that holds everything, for people who were not there."""

from __future__ import annotations

import base64
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from dropout_lint.verify.document import shown
from dropout_lint.verify.plots import plots
from dropout_lint.verify.report import afterwards, lines_of, metric_cells, notes, printed_lines, title_of
from dropout_lint.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dropout_lint.verify.campaign import ProgramReport
    from dropout_lint.verify.result import Result

AROUND = 3

STYLE = Path(__file__).with_name("page.css")


def page(programs: Sequence[ProgramReport]) -> str:
    """The report as HTML that loads nothing from anywhere."""
    results = [(program, result) for program in programs for result in program.results]
    parts = [
        "<!DOCTYPE html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>dropout-lint verify: {len(results)} findings measured</title>",
        f"<style>{STYLE.read_text(encoding='utf-8')}</style></head><body>",
        "<h1>What the findings cost</h1>",
        f'<p class="grey">dropout-lint {escape(__version__)} verify · {escape(_counts(results))}</p>',
        *_contents(results),
    ]
    number = 0
    for program in programs:
        parts.append(f"<h2>{escape(program.program.label)}</h2>")
        parts.extend(_facts(program))
        for result in program.results:
            parts.extend(_article(number, result, program))
            number += 1
        if program.together:
            parts.append("<h3>Printed numbers with all of these fixed at once</h3>")
            parts.append(_list(printed_lines(program.together)))
    return "\n".join([*parts, "</body></html>", ""])


def _counts(results: Sequence[tuple[ProgramReport, Result]]) -> str:
    counts: dict[str, int] = {}
    for _, result in results:
        counts[title_of(result)] = counts.get(title_of(result), 0) + 1
    return ", ".join(f"{count} {title.lower()}" for title, count in counts.items()) or "nothing measured"


def _contents(results: Sequence[tuple[ProgramReport, Result]]) -> Iterator[str]:
    if len(results) < 2:
        return
    yield "<nav><ul>"
    for number, (_, result) in enumerate(results):
        yield (
            f'<li><a href="#finding-{number}">{escape(_place(result))} {escape(result.finding.name)}</a> '
            f'<span class="verdict {result.verdict}">{escape(title_of(result))}</span></li>'
        )
    yield "</ul></nav>"


def _place(result: Result) -> str:
    finding = result.finding
    cell = f":cell {finding.cell}" if finding.cell is not None else ""
    return f"{finding.code} {finding.path}{cell}:{finding.span.start.line}"


def _facts(program: ProgramReport) -> Iterator[str]:
    environment = ", ".join(f"{name} {value}" for name, value in program.environment.items() if value)
    yield f'<p class="grey">{escape(environment)} · ran {program.seconds:.1f} s, measurements included</p>'
    said = list(notes(program))
    if said:
        yield _list(said)


def _article(number: int, result: Result, program: ProgramReport) -> Iterator[str]:
    yield f'<article id="finding-{number}"><header><h3>{escape(_place(result))} {escape(result.finding.name)}</h3>'
    yield f'<span class="verdict {result.verdict}">{escape(title_of(result))}</span></header>'
    yield f"<p>{escape(result.finding.message)}</p>"
    yield _source(result)
    yield _list(lines_of(result, program))
    if result.metrics and result.toggle is None:
        yield _table(result)
    drawn = plots(result)
    if drawn:
        yield '<div class="plots">'
        for title, drawing in drawn:
            data = base64.b64encode(drawing.encode()).decode()
            yield f'<img class="plot" alt="{escape(title)}" src="data:image/svg+xml;base64,{data}">'
        yield "</div>"
    yield _list(afterwards(result))
    yield "</article>"


def _source(result: Result) -> str:
    finding = result.finding
    if finding.cell is not None or finding.path.endswith((".keras", ".h5")):
        return ""
    try:
        lines = Path(finding.path).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    first, last = finding.span.start.line, finding.span.end.line
    start, end = max(1, first - AROUND), min(len(lines), last + AROUND)
    while start < first and not lines[start - 1].strip():
        start += 1
    while end > last and not lines[end - 1].strip():
        end -= 1
    chosen = range(start, end + 1)
    width = len(str(chosen[-1])) if chosen else 1
    rows = []
    for number in chosen:
        text = f'<span class="number">{number:>{width}}  </span>{escape(lines[number - 1])}'
        rows.append(f"<mark>{text}</mark>" if first <= number <= last else text)
    return f'<pre aria-label="{escape(shown(finding.path))}">' + "\n".join(rows) + "</pre>"


def _table(result: Result) -> str:
    head = "".join(f"<th>{name}</th>" for name in ("metric", "as written", "fixed", "difference", "95 % interval"))
    rows = []
    for metric in result.metrics:
        cells = "".join(f"<td>{escape(cell)}</td>" for cell in metric_cells(metric))
        rows.append(f"<tr>{cells}</tr>")
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'


def _list(lines: Iterator[str] | Sequence[str]) -> str:
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f"<ul>{items}</ul>" if items else ""
