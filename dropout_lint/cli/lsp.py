"""``dropout-lint lsp``: the language server on standard input and output."""

from __future__ import annotations

import click

from dropout_lint.cli import COMMANDS, Failure


@click.command(short_help=COMMANDS["lsp"])
@click.option("--config", multiple=True, metavar="FILE|KEY=VALUE", help="A configuration file, or one key in TOML.")
@click.option("--isolated", is_flag=True, help="Ignore all configuration files.")
def lsp(config: tuple[str, ...], *, isolated: bool) -> int:
    """Run the language server on standard input and output, for editors to start.

    It needs the extra `lsp`: pip install "dropout-lint[lsp]".
    """
    from dropout_lint.cli.check import configuration
    from dropout_lint.settings import SettingsError

    try:
        from dropout_lint.lsp.checking import Configuration
        from dropout_lint.lsp.server import make_server
    except ImportError as error:
        raise Failure(f'the language server needs pygls 2: pip install "dropout-lint[lsp]" ({error})') from error
    try:
        file, overrides = configuration(config)
        chosen = Configuration(file, isolated, overrides)
        chosen.resolver()
    except SettingsError as error:
        raise Failure(str(error)) from error
    make_server(chosen).start_io()
    return 0
