"""``dropout-lint check``: arguments in, report out, exit status."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from dropout_lint.cli import COMMANDS, EXIT_FAILURE, EXIT_FINDINGS, Failure
from dropout_lint.options import OPTION_BY_KEY

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dropout_lint.discovery import Problem
    from dropout_lint.engine import Report
    from dropout_lint.findings import Finding
    from dropout_lint.settings import Resolver


def _words(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...] | None:
    """Comma-separated and repeated values as one tuple; None if there are none."""
    return tuple(word.strip() for value in values for word in value.split(",") if word.strip()) if values else None


def _choice_option(key: str, text: str) -> Callable[[Callable[..., int]], Callable[..., int]]:
    option = OPTION_BY_KEY[key]
    return click.option(f"--{key}", type=click.Choice(option.choices), help=f"{text}  [default: {option.default}]")


def _list_option(name: str, metavar: str, text: str) -> Callable[[Callable[..., int]], Callable[..., int]]:
    return click.option(name, multiple=True, metavar=metavar, callback=_words, help=text)


@click.command(short_help=COMMANDS["check"])
@click.argument("paths", nargs=-1)
@_list_option("--select", "RULES", "Rules to check, instead of those configured (codes, prefixes, names, ALL).")
@_list_option("--ignore", "RULES", "Rules to leave out.")
@_list_option("--extend-select", "RULES", "Rules to check besides those configured.")
@_choice_option("min-severity", "Show no findings below this severity.")
@_choice_option("min-confidence", "Show no findings below this confidence.")
@_choice_option("fail-on", "Exit with status 1 when findings of this severity or a worse one remain.")
@click.option("--exit-zero", is_flag=True, help="Exit with status 0 even when there are findings.")
@click.option("--keras-version", metavar="VERSION", help='The Keras version to judge by, such as "3.15" or "2".')
@_list_option("--exclude", "PATTERNS", "Files and folders to leave out, instead of those configured.")
@_list_option("--extend-exclude", "PATTERNS", "Files and folders to leave out besides those configured.")
@click.option("--force-exclude", is_flag=True, default=None, help="Leave out excluded files even when they are named.")
@click.option("--no-respect-gitignore", is_flag=True, help="Check files that .gitignore leaves out, too.")
@click.option("--config", multiple=True, metavar="FILE|KEY=VALUE", help="A configuration file, or one key in TOML.")
@click.option("--fix", is_flag=True, help="Apply fixes; only safe ones unless --unsafe-fixes is given.")
@click.option("--unsafe-fixes/--no-unsafe-fixes", default=None, help="Apply fixes that change what is computed, too.")
@click.option("--fix-only", is_flag=True, help="Apply fixes, and do not report what is left.")
@click.option("--diff", is_flag=True, help="Print what --fix would change as a diff, and change nothing.")
@click.option("--show-fixes", is_flag=True, help="List the findings that --fix has repaired.")
@click.option("--exit-non-zero-on-fix", is_flag=True, help="Exit with status 1 when a fix was applied.")
@click.option("--isolated", is_flag=True, help="Ignore all configuration files.")
@click.option("--stdin-filename", type=click.Path(path_type=Path), help='The name of the file that "-" stands for.')
@_choice_option("output-format", "How to print findings.")
@click.option("--output-file", "-o", type=click.Path(path_type=Path), help="Write the report to a file.")
@click.option("--color", type=click.Choice(("auto", "always", "never")), default="auto", help="Colour the output.")
@click.option("--show-files", is_flag=True, help="Print the files that would be checked, and stop.")
@click.option("--show-settings", is_flag=True, help="Print the settings that hold here, and stop.")
@click.option("--quiet", "-q", is_flag=True, help="Print findings only, no summary.")
@click.option("--verbose", "-v", is_flag=True, help="Say on stderr which configuration and files are used.")
def check(
    paths: tuple[str, ...],
    *,
    config: tuple[str, ...],
    isolated: bool,
    no_respect_gitignore: bool,
    stdin_filename: Path | None,
    output_file: Path | None,
    color: str,
    exit_zero: bool,
    fix: bool,
    fix_only: bool,
    diff: bool,
    show_fixes: bool,
    exit_non_zero_on_fix: bool,
    show_files: bool,
    show_settings: bool,
    quiet: bool,
    verbose: bool,
    **options: object,
) -> int:
    """Report code that runs in the wrong mode, in PATHS (files, folders, or - for standard input; default: .).

    Exit status: 0 when nothing of failing severity was found, 1 when something was, 2 when something
    could not be done.
    """
    from dropout_lint.settings import Resolver, SettingsError

    overrides = {key.replace("_", "-"): value for key, value in options.items() if value is not None}
    if no_respect_gitignore:
        overrides["respect-gitignore"] = False
    if stdin_filename is not None and "-" not in paths:
        raise click.UsageError('--stdin-filename needs "-" among the paths.')
    named = [Path(path) for path in paths or (".",) if path != "-"]
    try:
        file, assigned = _configuration(config)
        if isolated and file is not None:
            raise click.UsageError("--isolated and --config FILE exclude each other.")
        resolver = Resolver(config=file, isolated=isolated, overrides={**assigned, **overrides})
        if show_settings:
            return _show_settings(resolver)
        if show_files:
            return _show_files(named, resolver)
        source = Source(named, resolver, sys.stdin.buffer.read() if "-" in paths else None, stdin_filename)
        report = _run(source)
        settings = resolver.of(Path.cwd())
        if fix or fix_only or diff:
            return _fix(
                report,
                source,
                Wish(diff, fix_only, show_fixes, exit_non_zero_on_fix, exit_zero),
                lambda left, stream: _print(
                    left, settings.output_format, output_file, stream, color=color, quiet=quiet
                ),
            )
    except SettingsError as error:
        raise Failure(str(error)) from error
    if verbose:
        click.echo(f"configuration: {settings.file or 'none, the defaults hold'}", err=True)
        click.echo(f"files: {len(report.files)}, analysed: {report.candidates}", err=True)
    _print(report, settings.output_format, output_file, sys.stdout, color=color, quiet=quiet)
    if not report.files and not report.errors:
        click.echo("warning: no Python files under the given paths", err=True)
    failing = report.failing(settings.fail_on) and not exit_zero
    return _complain(report.errors) or (EXIT_FINDINGS if failing else 0)


def _configuration(values: tuple[str, ...]) -> tuple[Path | None, Mapping[str, object]]:
    """The file and the keys that ``--config`` gave."""
    from dropout_lint.settings import parse_assignment

    file: Path | None = None
    keys: dict[str, object] = {}
    for value in values:
        if Path(value).is_file():
            if file is not None:
                raise click.UsageError("--config names more than one file; one can name the other with `extend`.")
            file = Path(value)
        elif "=" in value:
            keys.update(parse_assignment(value))
        else:
            raise Failure(f"--config {value}: no such file, and no KEY=VALUE")
    return file, keys


@dataclass(frozen=True, slots=True)
class Source:
    """What is checked: paths, and what came in on standard input under a name."""

    paths: list[Path]
    resolver: Resolver
    stdin: bytes | None
    stdin_filename: Path | None

    @property
    def virtual(self) -> Path:
        """The absolute path that standard input stands for."""
        return Path(os.path.normpath((self.stdin_filename or Path("-")).absolute()))

    def lint(self, contents: Mapping[Path, bytes]) -> Report:
        """The report with other contents of files."""
        from dropout_lint.engine import run

        stdin = contents.get(self.virtual, self.stdin) if self.stdin is not None else None
        return run(self.paths, self.resolver, stdin=stdin, stdin_path=self.stdin_filename, contents=contents)


@dataclass(frozen=True, slots=True)
class Wish:
    """How fixes are applied and told."""

    diff: bool
    fix_only: bool
    show_fixes: bool
    exit_non_zero_on_fix: bool
    exit_zero: bool


def _fix(report: Report, source: Source, wish: Wish, tell: Callable[[Report, TextIO], None]) -> int:
    """Apply fixes or show them; the exit status."""
    from dropout_lint import repair

    def wanted(finding: Finding) -> bool:
        return repair.allows(source.resolver.of(Path(finding.path).absolute().parent), finding)

    given = {source.virtual: source.stdin} if source.stdin is not None else {}
    outcome = repair.repair(report, source.lint, wanted, given)
    settings = source.resolver.of(Path.cwd())
    if wish.diff:
        click.echo("".join(repair.unified_diff(changed) for changed in outcome.changed), nl=False)
        click.echo(f"Would fix {len(outcome.fixed):,} finding{'s' * (len(outcome.fixed) != 1)}.", err=True)
        return _complain((*report.errors, *outcome.problems)) or (EXIT_FINDINGS if outcome.changed else 0)
    on_disk = [changed for changed in outcome.changed if changed.path not in given]
    _, failed = repair.write_all(on_disk)
    out = sys.stdout
    if given:
        text = next((changed.data for changed in outcome.changed if changed.path in given), source.stdin)
        assert text is not None
        sys.stdout.buffer.write(text)
        out = sys.stderr
    if wish.show_fixes:
        for finding in outcome.fixed:
            click.echo(f"fixed: {finding.path}:{finding.span.start.line}: {finding.code} {finding.name}", err=True)
    left = replace(outcome.report, fixed=outcome.fixed)
    tell(replace(left, findings=()) if wish.fix_only else left, out)
    failing = left.failing(settings.fail_on) and not wish.fix_only
    failing = failing or (wish.exit_non_zero_on_fix and bool(outcome.changed))
    return _complain((*left.errors, *outcome.problems, *failed)) or (EXIT_FINDINGS * (failing and not wish.exit_zero))


def _run(source: Source) -> Report:
    report = source.lint({})
    for problem in report.errors:
        if problem.message == "no such file or folder" and problem.path in COMMANDS:
            raise Failure(f"{problem.path}: no such file or folder; a command comes first: dropout-lint {problem.path}")
    return report


def _print(report: Report, style: str, output_file: Path | None, stream: TextIO, *, color: str, quiet: bool) -> None:
    from dropout_lint.output.writing import write_report

    if output_file is None:
        write_report(report, style, stream, color=color, quiet=quiet)
        # Here click still handles a reader that has gone away.
        stream.flush()
        return
    try:
        with output_file.open("w", encoding="utf-8", newline="\n") as written:
            write_report(report, style, written, color="never" if color == "auto" else color, quiet=quiet)
    except OSError as error:
        raise Failure(f"{output_file}: cannot be written: {error.strerror or error}") from error


def _show_files(paths: list[Path], resolver: Resolver) -> int:
    from dropout_lint.discovery import discover

    found = discover(paths, resolver)
    for path in found.files:
        click.echo(path.as_posix())
    return _complain(found.problems)


def _show_settings(resolver: Resolver) -> int:
    from dropout_lint.options import OPTIONS

    settings = resolver.of(Path.cwd())
    click.echo(f"# {settings.file or 'no configuration file: defaults and command line'}")
    click.echo(f"# relative to {settings.root}")
    for option in OPTIONS:
        value = getattr(settings, option.field)
        click.echo(f"{option.key} = {option.text(value)}" if value is not None else f"# {option.key} is not set")
    return 0


def _complain(problems: tuple[Problem, ...]) -> int:
    for problem in problems:
        click.echo(f"error: {problem.path}: {problem.message}", err=True)
    return EXIT_FAILURE if problems else 0
