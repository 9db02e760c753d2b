"""``dropout-lint clean``: remove what is kept from run to run."""

from __future__ import annotations

from pathlib import Path

import click

from dropout_lint.cli import COMMANDS, Failure, say


@click.command(short_help=COMMANDS["clean"])
@click.option("--cache-dir", metavar="FOLDER", help="The folder to clean, instead of the one that is configured.")
@click.option("--quiet", "-q", is_flag=True, help="Print nothing.")
def clean(*, cache_dir: str | None, quiet: bool) -> int:
    """Remove the results that `check` keeps from run to run, of all versions; nothing else is touched."""
    from dropout_lint.cache import folder
    from dropout_lint.cache.store import location
    from dropout_lint.settings import SettingsError, load, shown

    try:
        top = Path(cache_dir).absolute() if cache_dir is not None else location(load())
    except SettingsError as error:
        raise Failure(str(error)) from error
    try:
        removed = folder.clean(top)
    except OSError as error:
        raise Failure(f"{shown(top)}: cannot be removed: {error.strerror or error}") from error
    if not quiet:
        say(f"Removed {removed:,} file{'s' * (removed != 1)} from {shown(top)}." if removed else "Nothing is kept.")
    return 0
