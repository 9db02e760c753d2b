"""``dropout-lint verify``: lint the programs, run them, measure what the findings cost."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dropout_lint.cli import COMMANDS, EXIT_FAILURE, EXIT_FINDINGS, Failure

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dropout_lint.findings import Finding
    from dropout_lint.verify.campaign import ProgramReport
    from dropout_lint.verify.experiment import Experiment, Options
    from dropout_lint.verify.programs import Program
    from dropout_lint.verify.scheduling import Runs

    Planned = tuple[Program, tuple[Experiment, ...], str]


class WithArguments(click.Command):
    """Keeps what comes after ``--`` apart: it belongs to the program."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        own, program = args, []
        if "--" in args:
            place = args.index("--")
            own, program = args[:place], args[place + 1 :]
        ctx.obj = tuple(program)
        return super().parse_args(ctx, own)

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        return [*super().collect_usage_pieces(ctx), "[-- ARGS...]"]


@click.command(cls=WithArguments, short_help=COMMANDS["verify"])
@click.argument("paths", nargs=-1)
@click.option("-m", "--module", metavar="MODULE", help="Run a module, as `python -m` does.")
@click.option("--entry", metavar="MODULE:FUNCTION", help="Call a function of a module that only defines things.")
@click.option("--model", metavar="FILE|MODULE:FUNCTION", help="Measure a saved model, or one a function builds.")
@click.option("--data", metavar="FILE|MODULE:FUNCTION", help="What --model is called on: .npz with x and y, or (x, y).")
@click.option("--max-rows", "most_rows", type=click.IntRange(1), help="Measure on so many rows at most.")
@click.option("--python", metavar="PATH", help="The interpreter that has your Keras.")
@click.option("--passes", type=click.IntRange(2, 100), default=20, show_default=True, help="Passes as written.")
@click.option(
    "--margin", type=click.FloatRange(0, 1), help="Smallest difference of a rate that matters. [default: 0.005]"
)
@click.option("--timeout", type=click.FloatRange(1), metavar="SECONDS", help="End each run after this time.")
@click.option("--memory", type=click.FloatRange(0.1), metavar="GIB", help="End a run that holds more. [default: 80 %]")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the passes.")
@click.option(
    "--replay", "replays", type=click.IntRange(0, 100), help="Whole runs per arm. [default: 1 if it is quick]"
)
@click.option("--retrain", is_flag=True, help="Repeat the training with each finding fixed: --replay 1, however long.")
@click.option("--jobs", type=click.IntRange(1), default=1, show_default=True, help="Runs side by side.")
@click.option("--executor", metavar="WHERE", help="Run elsewhere: dask://HOST:PORT, or module:function (an Executor).")
@click.option("--trace", is_flag=True, help="Print which layer ran in which mode, where and why.")
@click.option("--in-place", is_flag=True, help="Run in the working directory itself, not in a copy of it.")
@click.option("--keras-version", metavar="VERSION", help="The Keras to lint for, as in `check`.")
@click.option("--select", multiple=True, metavar="RULES", help="Measure only these rules.")
@click.option(
    "--report", "page", type=click.Path(path_type=Path, dir_okay=False), help="Write an HTML page, with plots."
)
@click.option("--output-format", type=click.Choice(["full", "json"]), default="full", show_default=True)
@click.pass_context
def verify(
    ctx: click.Context,
    /,
    *,
    paths: tuple[str, ...],
    module: str | None,
    entry: str | None,
    model: str | None,
    data: str | None,
    retrain: bool,
    keras_version: str | None,
    select: tuple[str, ...],
    jobs: int,
    executor: str | None,
    page: Path | None,
    output_format: str,
    **chosen: object,
) -> int:
    """Run the programs in PATHS and measure what each finding costs; ARGS are the program's own.

    Programs are scripts, folders with a __main__.py, and notebooks; or name a module, function or model instead.

    A program runs in full, in a child process of the interpreter that has your Keras, with a copy of the working
    directory. That protects from accidents, not from malice.

    Exit status: 0 nothing confirmed, 1 something confirmed, 2 could not run.
    """
    from dropout_lint.verify.experiment import Options

    _require_statistics()
    if page is not None:
        _require_page(page)
    if retrain and chosen["replays"] is None:
        chosen["replays"] = 1
    options = Options(**chosen)  # type: ignore[arg-type]
    named = _named(paths, module, entry, model, data)
    programs = [(program, _interpreter(options.python, program.path)) for program in named]
    findings = {program.path: _lint(program, keras_version, select, python) for program, python in programs}
    return run_programs(programs, ctx.obj, findings, options, output_format, page, jobs, executor)


def _named(
    paths: tuple[str, ...],
    module: str | None,
    entry: str | None,
    model: str | None,
    data: str | None,
) -> list[Program]:
    """The programs that were named, in one way only.

    Raises:
        Failure: None, or in several ways, or what was named is not there.
    """
    from dropout_lint.verify import programs

    ways = [bool(paths), module is not None, entry is not None, model is not None]
    if sum(ways) == 0:
        raise Failure("nothing to run: name a script or notebook, or use -m, --entry or --model")
    if sum(ways) > 1:
        raise Failure("name either paths, or one of -m, --entry and --model")
    if data is not None and model is None:
        raise Failure("--data is what --model is called on; a program brings its own")
    try:
        if module is not None:
            return [programs.named_module(module)]
        if entry is not None:
            return [programs.named_entry(entry)]
        if model is not None:
            return [programs.named_model(model, data)]
        return [programs.named_path(path) for path in paths]
    except programs.NoProgram as error:
        raise Failure(str(error)) from error


def _require_statistics() -> None:
    """The programs run elsewhere, the numbers are made here: with NumPy and SciPy.

    Raises:
        Failure: One of them is not installed.
    """
    missing = [name for name in ("numpy", "scipy") if find_spec(name) is None]
    if missing:
        raise Failure(
            f"{' and '.join(missing)} missing in {sys.executable}: install what measuring needs with "
            "pip install 'dropout-lint[verify]'"
        )


def _require_page(page: Path) -> None:
    """Better before hours of running than after them.

    Raises:
        Failure: Matplotlib is missing, or the page has no folder to be written to.
    """
    if find_spec("matplotlib") is None:
        raise Failure("--report draws with Matplotlib, which is missing: pip install 'dropout-lint[verify]'")
    if not page.absolute().parent.is_dir():
        raise Failure(f"{page}: its folder does not exist")


def run_programs(
    programs: Sequence[tuple[Program | Path, str]],
    arguments: tuple[str, ...],
    findings: dict[Path, tuple[Finding, ...]],
    options: Options,
    output_format: str = "full",
    page: Path | None = None,
    jobs: int = 1,
    executor: str | None = None,
) -> int:
    """Measure the given findings of each program (with its interpreter), print the report; the exit status."""
    from dropout_lint.verify.experiment import plan
    from dropout_lint.verify.processes import end_everything
    from dropout_lint.verify.programs import as_program
    from dropout_lint.verify.scheduling import NoExecutor, Runs, executor_of

    planned: list[Planned] = []
    for each, python in programs:
        program = as_program(each)
        experiments = plan(findings[program.path])
        if not experiments and not options.trace:
            click.echo(f"{program.label}: {_nothing_to_measure(findings[program.path])}", err=True)
            continue
        planned.append((program, experiments, python))
    try:
        with executor_of(executor, jobs) as pool:
            runs = Runs(options, pool, jobs=jobs, remote=executor is not None)
            reports = _reports(planned, arguments, options, runs)
    except NoExecutor as error:
        raise Failure(str(error)) from error
    finally:
        end_everything()
    _print(reports, output_format, trace=options.trace)
    if page is not None:
        from dropout_lint.verify.page import page as page_of

        page.write_text(page_of(reports), encoding="utf-8")
        click.echo(f"report written to {page}", err=True)
    return _status(reports)


def _reports(
    planned: Sequence[Planned], arguments: tuple[str, ...], options: Options, runs: Runs
) -> list[ProgramReport]:
    """Every program measured, in the order they were named."""
    from concurrent.futures import ThreadPoolExecutor

    from dropout_lint.verify.campaign import verify_program
    from dropout_lint.verify.progress import shown_progress

    with shown_progress(len(planned)) as told:

        def measured(one: Planned) -> ProgramReport:
            program, experiments, python = one
            _announce(program, arguments, experiments, python, options.most_rows, told.say)
            report = verify_program(
                program, arguments, experiments, python, options, told.say, runs, told.watch(program.label)
            )
            told.done()
            return report

        if not runs.parallel:
            return [measured(one) for one in planned]
        # These threads only wait; what runs at a time is the executor's affair.
        coordinators = ThreadPoolExecutor(max(1, min(16, len(planned))))
        try:
            return list(coordinators.map(measured, planned))
        finally:
            coordinators.shutdown(wait=False, cancel_futures=True)


def _status(reports: list[ProgramReport]) -> int:
    """2 when a program could not be run to any result, else whether something was confirmed."""
    from dropout_lint.verify.report import exception_lines

    status = 0
    for report in reports:
        if report.confirmed:
            status = max(status, EXIT_FINDINGS)
        elif report.failure or (report.results and all(result.verdict == "failed" for result in report.results)):
            lines = list(exception_lines(report.failure)) if report.failure else report.stderr.splitlines()[-5:]
            lines = [*([report.ended] if report.ended else ()), *lines]
            click.echo("\n  ".join([f"error: {report.program.label} failed:", *lines]), err=True)
            status = EXIT_FAILURE
    return status


def _interpreter(wanted: str | None, script: Path) -> str:
    from dropout_lint.verify.runner import CannotRun, find_interpreter

    try:
        return find_interpreter(wanted, script)
    except CannotRun as error:
        raise Failure(str(error)) from error


def _lint(program: Program, keras_version: str | None, select: tuple[str, ...], python: str) -> tuple[Finding, ...]:
    """The findings of one program, for the Keras it will run with unless the user names another."""
    from dropout_lint.engine import run
    from dropout_lint.selection import SYNTAX_ERROR
    from dropout_lint.settings import Resolver, SettingsError
    from dropout_lint.verify.runner import keras_of

    overrides: dict[str, object] = {}
    if select:
        overrides["select"] = [word.strip() for value in select for word in value.split(",") if word.strip()]
    try:
        script = program.path
        configured = Resolver().of(script.absolute().parent).keras_version
        version = keras_version or configured or keras_of(python)
        if version is not None:
            overrides["keras-version"] = version
        report = run([script], Resolver(overrides=overrides), importers=False)
    except SettingsError as error:
        raise Failure(str(error)) from error
    for problem in report.errors:
        raise Failure(f"{problem.path}: {problem.message}")
    for finding in report.findings:
        if finding.code == SYNTAX_ERROR[0]:
            raise Failure(f"{finding.path}:{finding.span.start.line}: {finding.message}")
    return report.findings


def _nothing_to_measure(findings: tuple[Finding, ...]) -> str:
    if not findings:
        return "nothing to measure: no findings"
    codes = ", ".join(sorted({finding.code for finding in findings}))
    return f"nothing to measure: no run of the program can show {codes}"


def _announce(
    program: Program,
    arguments: tuple[str, ...],
    experiments: tuple[Experiment, ...],
    python: str,
    most_rows: int | None,
    say: Callable[[str], None],
) -> None:
    count = f"{len(experiments)} finding{'' if len(experiments) == 1 else 's'}"
    command = " ".join([program.label, *arguments])
    rows = f" on {most_rows:,} rows at most" if most_rows else ""
    if program.runs_in_full:
        say(f"running {command} in full with {python}, measuring {count}{rows}")
        return
    inputs = program.data or "synthetic inputs"
    say(f"calling {command} on {inputs} with {python}, measuring {count}{rows}")


def _print(reports: list[ProgramReport], output_format: str, *, trace: bool) -> None:
    import json

    from dropout_lint.verify import document, report

    if output_format == "json":
        click.echo(json.dumps(document.document(reports), indent=2))
        return
    if not reports:
        return
    from rich.console import Console

    # A log has no width of its own; wide enough for the tables keeps lines whole.
    width = None if sys.stdout.isatty() else 120
    report.write(reports, Console(file=sys.stdout, width=width, emoji=False), trace=trace)
