"""``dropout-lint config``: the configuration keys."""

from __future__ import annotations

import json

import click

from dropout_lint.cli import COMMANDS, Failure, completing


@click.command(short_help=COMMANDS["config"])
@click.argument("key", required=False, shell_complete=completing.keys)
@click.option("--schema", is_flag=True, help="Print the JSON schema of the keys, for editors and validators.")
def config(key: str | None, *, schema: bool) -> int:
    """Print what the configuration KEY means and its default, or all keys.

    Keys stand in [tool.dropout-lint] of pyproject.toml, or at the top of dropout-lint.toml.
    """
    from dropout_lint.options import OPTION_BY_KEY, OPTIONS
    from dropout_lint.selection import suggestion

    if schema:
        from dropout_lint.configuration import schema as described

        if key is not None:
            raise click.UsageError("--schema is of all keys.")
        click.echo(json.dumps(described(), indent=2))
        return 0
    if key is not None and key not in OPTION_BY_KEY:
        raise Failure(f'unknown key "{key}"{suggestion(key, OPTION_BY_KEY)}')
    blocks = []
    for option in OPTIONS if key is None else (OPTION_BY_KEY[key],):
        choices = f"\n  choices: {', '.join(option.choices)}" if option.choices else ""
        blocks.append(f"{option.key}\n  {option.meaning}{choices}\n  default: {option.text(option.default)}")
    click.echo("\n\n".join(blocks))
    return 0
