"""``dropout-lint check``: arguments in, report out, exit status."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dropout_lint.cli import COMMANDS, Failure, completing
from dropout_lint.options import OPTION_BY_KEY

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dropout_lint.settings import Resolver


def _words(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...] | None:
    """Comma-separated and repeated values as one tuple; None if there are none."""
    return tuple(word.strip() for value in values for word in value.split(",") if word.strip()) if values else None


def _absolute(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    return str(Path(value).absolute()) if value is not None else None


def _choice_option(key: str, text: str) -> Callable[[Callable[..., int]], Callable[..., int]]:
    option = OPTION_BY_KEY[key]
    return click.option(f"--{key}", type=click.Choice(option.choices), help=f"{text}  [default: {option.default}]")


def _list_option(name: str, metavar: str, text: str) -> Callable[[Callable[..., int]], Callable[..., int]]:
    completed = completing.rules if metavar == "RULES" else None
    return click.option(name, multiple=True, metavar=metavar, callback=_words, help=text, shell_complete=completed)


@click.command(short_help=COMMANDS["check"])
@click.argument("paths", nargs=-1, shell_complete=completing.paths)
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
@click.option("--baseline", metavar="FILE", callback=_absolute, help="Leave out the findings that are listed in FILE.")
@click.option("--write-baseline", is_flag=True, help="Write all findings to the baseline, and report none.")
@click.option(
    "--add-ignore",
    is_flag=False,
    flag_value="",
    default=None,
    metavar="[REASON]",
    help="Silence all findings with comments; --add-ignore=REASON writes why.",
)
@click.option("--no-ignores", is_flag=True, help="Report what comments silence, too.")
@click.option("--statistics", is_flag=True, help="Print how many findings each rule has, instead of the findings.")
@click.option("--no-cache", is_flag=True, help="Neither use nor keep results of earlier runs.")
@click.option("--cache-dir", metavar="FOLDER", callback=_absolute, help="Where results are kept from run to run.")
@click.option("--isolated", is_flag=True, help="Ignore all configuration files.")
@click.option("--stdin-filename", type=click.Path(path_type=Path), help='The name of the file that "-" stands for.')
@_choice_option("output-format", "How to print findings.")
@click.option("--output-file", "-o", type=click.Path(path_type=Path), help="Write the report to a file.")
@click.option("--color", type=click.Choice(("auto", "always", "never")), default="auto", help="Colour the output.")
@click.option(
    "--verified", metavar="FILE", type=click.Path(path_type=Path), help="Show what `verify` measured (its JSON)."
)
@click.option(
    "--jobs", "-j", type=click.IntRange(1), help="How many processes share the work.  [default: one for each core]"
)
@click.option("--show-files", is_flag=True, help="Print the files that would be checked, and stop.")
@click.option("--show-settings", is_flag=True, help="Print the settings that hold here, and stop.")
@click.option("--quiet", "-q", is_flag=True, help="Print findings only, no summary.")
@click.option("--verbose", "-v", is_flag=True, help="Say on stderr which configuration and files are used.")
def check(
    paths: tuple[str, ...],
    *,
    config: tuple[str, ...],
    isolated: bool,
    no_cache: bool,
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
    write_baseline: bool,
    add_ignore: str | None,
    no_ignores: bool,
    statistics: bool,
    verified: Path | None,
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
    from dropout_lint.cache.store import Store, location
    from dropout_lint.cli import actions
    from dropout_lint.measured import NoResults, read_results
    from dropout_lint.settings import SettingsError

    if stdin_filename is not None and "-" not in paths:
        raise click.UsageError('--stdin-filename needs "-" among the paths.')
    _refuse_contradictions("-" in paths, fix or fix_only, diff, write_baseline, add_ignore is not None)
    if no_respect_gitignore:
        options["respect_gitignore"] = False
    named = [Path(path) for path in paths or (".",) if path != "-"]
    try:
        resolver = _resolver(config, isolated, options)
        if show_settings:
            return actions.show_settings(resolver)
        if show_files:
            return actions.show_files(named, resolver)
        settings = resolver.of(Path.cwd())
        source = actions.Source(
            named,
            resolver,
            sys.stdin.buffer.read() if "-" in paths else None,
            stdin_filename,
            ignores=not no_ignores,
            quiet=quiet,
            store=None if no_cache else Store(location(settings)),
            key=click.get_current_context().find_root().obj,
            verbose=verbose,
        )
        printer = actions.Printer(settings.output_format, output_file, color, quiet=quiet, statistics=statistics)
        if write_baseline:
            return actions.write_baseline(source, verbose=verbose)
        if add_ignore is not None:
            return actions.add_ignores(source, add_ignore)
        if fix or fix_only or diff:
            wish = actions.Wish(diff, fix_only, show_fixes, exit_non_zero_on_fix, exit_zero)
            return actions.fix(source, wish, printer)
        results = read_results(verified) if verified is not None else None
        return actions.report(source, printer, exit_zero=exit_zero, verbose=verbose, results=results)
    except (SettingsError, NoResults) as error:
        raise Failure(str(error)) from error


def _refuse_contradictions(stdin: bool, fix: bool, diff: bool, write_baseline: bool, add_ignore: bool) -> None:
    if sum((fix, diff, write_baseline, add_ignore)) > 1:
        raise click.UsageError("--fix, --diff, --write-baseline and --add-ignore exclude each other.")
    if stdin and (write_baseline or add_ignore):
        raise click.UsageError("Standard input can neither be silenced nor go into a baseline.")


def _resolver(config: tuple[str, ...], isolated: bool, options: Mapping[str, object]) -> Resolver:
    """The settings by ``--config``, ``--isolated``, and the options that have a key of their own."""
    from dropout_lint.settings import Resolver

    file, assigned = configuration(config)
    if isolated and file is not None:
        raise click.UsageError("--isolated and --config FILE exclude each other.")
    overrides = {key.replace("_", "-"): value for key, value in options.items() if value is not None}
    return Resolver(config=file, isolated=isolated, overrides={**assigned, **overrides})


def configuration(values: tuple[str, ...]) -> tuple[Path | None, Mapping[str, object]]:
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
