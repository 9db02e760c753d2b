"""What ``dropout-lint check`` does with what it has found: report it, fix it, silence it, keep it for later."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, cast

import click

from dropout_lint.cli import COMMANDS, EXIT_FAILURE, EXIT_FINDINGS, Failure, say

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from dropout_lint.cache.store import Store
    from dropout_lint.discovery import Problem
    from dropout_lint.findings import Finding
    from dropout_lint.repair import Changed
    from dropout_lint.report import Report
    from dropout_lint.settings import Resolver, Settings

BASELINE = Path("dropout-lint-baseline.json")
"""Where a baseline is written when no configuration says where."""


@dataclass(frozen=True, slots=True)
class Source:
    """What is checked: paths, and what came in on standard input under a name."""

    paths: list[Path]
    resolver: Resolver
    stdin: bytes | None
    stdin_filename: Path | None
    ignores: bool = True
    quiet: bool = False
    store: Store | None = None
    key: list[object] | None = None
    """What the run is known by, if it may be kept as a whole."""
    verbose: bool = False

    @property
    def virtual(self) -> Path:
        """The absolute path that standard input stands for."""
        from dropout_lint.settings import normal

        return normal(self.stdin_filename or Path("-"))

    @property
    def settings(self) -> Settings:
        """The settings that hold for the run as a whole."""
        return self.resolver.of(Path.cwd())

    def everything(self, contents: Mapping[Path, bytes] | None = None) -> Report:
        """The report with other contents of files, without regard to a baseline."""
        from dropout_lint.engine import run
        from dropout_lint.output.progress import Progress

        progress = None if self.quiet else Progress(sys.stderr)
        contents = contents or {}
        stdin = contents.get(self.virtual, self.stdin) if self.stdin is not None else None
        try:
            report = run(
                self.paths,
                self.resolver,
                stdin=stdin,
                stdin_path=self.stdin_filename,
                contents=contents,
                ignores=self.ignores,
                progress=progress,
                processes=True,
                store=self.store,
            )
        finally:
            if progress is not None:
                progress.close()
        if self.verbose and self.store is not None and self.store.problem is not None:
            say(f"warning: the cache cannot be written: {self.store.problem}", err=True)
        for problem in report.errors:
            if problem.message == "no such file or folder" and problem.path in COMMANDS:
                hint = f"a command comes first: dropout-lint {problem.path}"
                raise Failure(f"{problem.path}: no such file or folder; {hint}")
        return report

    def lint(self, contents: Mapping[Path, bytes] | None = None) -> Report:
        """The report with other contents of files, less what the baseline knows."""
        report = self.everything(contents)
        file = self.settings.baseline
        if file is None:
            return report
        from dropout_lint.baseline import read_baseline, without_known

        findings, known = without_known(report, read_baseline(file), file.absolute().parent)
        return replace(report, findings=findings, known=known)


@dataclass(frozen=True, slots=True)
class Printer:
    """Where and how a report is written."""

    style: str
    file: Path | None
    color: str
    quiet: bool = False
    statistics: bool = False

    def __call__(self, report: Report, stream: TextIO | None = None) -> None:
        """Write ``report``, to the file if there is one."""
        if self.file is None:
            out = stream or sys.stdout
            self._write(report, out, self.color)
            # Here click still handles a reader that has gone away.
            out.flush()
            return
        try:
            with self.file.open("w", encoding="utf-8", newline="\n") as out:
                self._write(report, out, "never" if self.color == "auto" else self.color)
        except OSError as error:
            raise Failure(f"{self.file}: cannot be written: {error.strerror or error}") from error

    def _write(self, report: Report, out: TextIO, color: str) -> None:
        if self.statistics:
            from dropout_lint.output.statistics import statistics
            from dropout_lint.output.terminal import wants_color, write

            write(statistics(report), out, color=wants_color(out, color))
            return
        from dropout_lint.output.writing import write_report

        write_report(report, self.style, out, color=color, quiet=self.quiet)


@dataclass(frozen=True, slots=True)
class Wish:
    """How fixes are applied and told."""

    diff: bool
    fix_only: bool
    show_fixes: bool
    exit_non_zero_on_fix: bool
    exit_zero: bool


def report(
    source: Source,
    tell: Printer,
    *,
    exit_zero: bool,
    verbose: bool,
    results: Sequence[Mapping[str, Any]] | None = None,
) -> int:
    """Print what was found, with the ``results`` of verifying it where there are some; the exit status."""
    found = source.lint()
    if results is not None:
        from dropout_lint.measured import with_measured

        found = with_measured(found, results)
    settings = source.settings
    if verbose:
        say(f"configuration: {settings.file or 'none, the defaults hold'}", err=True)
        say(f"files: {len(found.files)}, analysed: {found.candidates}", err=True)
    failing = found.failing(settings.fail_on) and not exit_zero
    code = EXIT_FINDINGS if failing else 0
    silent = found.files and not found.errors and not verbose
    if source.store is None or source.key is None or tell.file is not None or results is not None or not silent:
        tell(found)
    else:
        copy = _Copy(sys.stdout)
        tell(found, cast("TextIO", copy))
        seen = {**source.resolver.seen, **({str(settings.baseline): True} if settings.baseline is not None else {})}
        source.store.keep_run(source.key, "".join(copy.written), code, found.files, seen)
    if not found.files and not found.errors:
        say("warning: no Python files under the given paths", err=True)
    return _complain(found.errors) or code


@dataclass(frozen=True, slots=True)
class _Copy:
    """A stream that remembers what is written to it."""

    stream: TextIO
    written: list[str] = field(default_factory=list)

    def write(self, text: str) -> int:
        self.written.append(text)
        return self.stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


def fix(source: Source, wish: Wish, tell: Printer) -> int:
    """Apply fixes or show them; the exit status."""
    from dropout_lint import repair

    def wanted(finding: Finding) -> bool:
        return repair.allows(source.resolver.of(Path(finding.path).absolute().parent), finding)

    found = source.lint()
    given = {source.virtual: source.stdin} if source.stdin is not None else {}
    outcome = repair.repair(found, source.lint, wanted, given)
    if wish.diff:
        _print_diff("".join(repair.unified_diff(changed) for changed in outcome.changed))
        say(f"Would fix {len(outcome.fixed):,} finding{'s' * (len(outcome.fixed) != 1)}.", err=True)
        return _complain((*found.errors, *outcome.problems)) or (EXIT_FINDINGS if outcome.changed else 0)
    failed = _written(changed for changed in outcome.changed if changed.path not in given)
    if failed:
        # what could not be written is as it was, and so is what was found there
        unwritten = {problem.path for problem in failed}
        remaining = tuple(finding for finding in outcome.fixed if finding.path not in unwritten)
        outcome = replace(outcome, report=source.lint(), fixed=remaining)
    out = sys.stdout
    if given:
        text = next((changed.data for changed in outcome.changed if changed.path in given), source.stdin)
        assert text is not None
        sys.stdout.buffer.write(text)
        out = sys.stderr
    if wish.show_fixes:
        for finding in outcome.fixed:
            say(f"fixed: {finding.path}:{finding.span.start.line}: {finding.code} {finding.name}", err=True)
    left = replace(outcome.report, fixed=outcome.fixed)
    tell(replace(left, findings=()) if wish.fix_only else left, out)
    failing = left.failing(source.settings.fail_on) and not wish.fix_only
    failing = failing or (wish.exit_non_zero_on_fix and bool(outcome.changed))
    return _complain((*left.errors, *outcome.problems, *failed)) or (EXIT_FINDINGS * (failing and not wish.exit_zero))


def _written(changed: Iterable[Changed]) -> tuple[Problem, ...]:
    from dropout_lint.repair import write_all

    return write_all(changed)[1]


def write_baseline(source: Source, *, verbose: bool) -> int:
    """Write all findings to the baseline; the exit status."""
    from dropout_lint import baseline

    found = source.everything()
    file = source.settings.baseline or BASELINE
    try:
        count = baseline.write_baseline(found, file)
    except OSError as error:
        raise Failure(f"{file}: cannot be written: {error.strerror or error}") from error
    say(f"Wrote {count:,} finding{'s' * (count != 1)} to {_shown(file)}.")
    if source.settings.baseline is None:
        say(f"Use it with --baseline {_shown(file)}, or with baseline in the configuration.")
    if verbose:
        say(f"files: {len(found.files)}, analysed: {found.candidates}", err=True)
    return _complain(found.errors)


def add_ignores(source: Source, reason: str) -> int:
    """Silence all findings with comments; the exit status."""
    from dropout_lint.ignoring import add_ignores as ignoring
    from dropout_lint.sources.text import SourceError

    found = source.lint()
    try:
        outcome = ignoring(found, reason)
    except SourceError as error:
        raise Failure(str(error)) from error
    failed = _written(outcome.changed)
    files = len(outcome.changed)
    say(f"Silenced {outcome.silenced:,} of {len(found.findings):,} in {files:,} file{'s' * (files != 1)}.")
    for finding in outcome.left:
        say(f"left: {finding.path}:{finding.span.start.line}: {finding.code} {finding.message}", err=True)
    return _complain((*found.errors, *failed)) or (EXIT_FINDINGS if outcome.left else 0)


def _shown(path: Path) -> str:
    from dropout_lint.settings import shown

    return shown(path)


def _print_diff(text: str) -> None:
    """Print a diff: as it is, for programs; to a terminal only what it can show."""
    from dropout_lint.output.display import cells
    from dropout_lint.output.terminal import is_terminal

    if is_terminal(sys.stdout):
        text = "".join(f"{''.join(cells(line))}\n" for line in text.split("\n")[:-1])
    click.echo(text, nl=False)


def show_files(paths: list[Path], resolver: Resolver) -> int:
    """Print the files that would be checked; the exit status."""
    from dropout_lint.discovery import discover
    from dropout_lint.output.display import printed_path

    found = discover(paths, resolver)
    for path in found.files:
        say(printed_path(path.as_posix()))
    return _complain(found.problems)


def show_settings(resolver: Resolver) -> int:
    """Print the settings that hold in the working directory; the exit status."""
    from dropout_lint.options import OPTIONS

    settings = resolver.of(Path.cwd())
    say(f"# {settings.file or 'no configuration file: defaults and command line'}")
    say(f"# relative to {settings.root}")
    for option in OPTIONS:
        value = getattr(settings, option.field)
        say(f"{option.key} = {option.text(value)}" if value is not None else f"# {option.key} is not set")
    return 0


def _complain(problems: Iterable[Problem]) -> int:
    problems = tuple(problems)
    for problem in problems:
        say(f"error: {problem.path}: {problem.message}", err=True)
    return EXIT_FAILURE if problems else 0
