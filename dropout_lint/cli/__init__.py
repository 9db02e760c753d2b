"""The command line. One module per command, loaded when it is invoked; ``check`` is the default command."""

from __future__ import annotations

import sys
import traceback
from importlib import import_module

import click

from dropout_lint.version import __version__

COMMANDS = {
    "check": "Report code that runs in the wrong mode (the default command).",
    "verify": "Run the flagged programs and measure what the findings cost.",
    "rule": "Print the documentation of a rule.",
    "config": "Print the configuration keys, their defaults and meanings.",
    "clean": "Remove the results that check keeps from run to run.",
    "lsp": "Run the language server, for editors to start.",
}

IMPLIED = "dropout_lint.implied"
"""Marks a context in which no command was named."""

EXIT_FINDINGS = 1
EXIT_FAILURE = 2
EXIT_INTERRUPTED = 130


def say(text: str, *, err: bool = False) -> None:
    """Print one line, and nothing but text, whatever the names and keys in it hold."""
    from dropout_lint.output.display import encodable, printable

    stream = sys.stderr if err else sys.stdout
    click.echo(encodable(printable(text), getattr(stream, "encoding", None)), err=err)


class Failure(click.ClickException):
    """The command cannot do what was asked; one message on stderr, exit status 2."""

    exit_code = EXIT_FAILURE

    def show(self, file: object = None) -> None:  # noqa: ARG002  # click passes a stream, but messages go to stderr
        say(f"error: {self.message}", err=True)


class LazyGroup(click.Group):
    """Loads a command when it is invoked, and takes what names no command for arguments of ``check``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0] not in COMMANDS and args[0] not in ("--help", "-h", "--version")):
            args = ["check", *args]
            ctx.meta[IMPLIED] = True
        # An optional value stands behind "=": what follows a bare --add-ignore is a path.
        args = [f"{word}=" if word == "--add-ignore" else word for word in args]
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        command = getattr(import_module(f"dropout_lint.cli.{cmd_name}"), cmd_name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        # The help texts are in the table, so that listing commands does not load them.
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="`dropout-lint PATHS` is short for `dropout-lint check PATHS`; a folder that is named like a command "
    "is written ./verify.",
)
@click.version_option(__version__, prog_name="dropout-lint", message="%(prog)s %(version)s")
def group() -> None:
    """Find Keras code that runs in the wrong mode, training or inference, and measure what it costs."""


def _is_nowhere() -> bool:
    """Whether somebody has removed the working directory."""
    from pathlib import Path

    try:
        Path.cwd()
    except OSError:
        return True
    return False


def main(arguments: list[str] | None = None, key: list[object] | None = None) -> None:
    """Run the command line and end the process: 0 clean, 1 findings, 2 could not do what was asked.

    ``key`` is what the run may be kept by (see `dropout_lint.cache.replay`).
    """
    try:
        status = group.main(arguments, prog_name="dropout-lint", standalone_mode=False, obj=key)
    except click.ClickException as error:
        from dropout_lint.output.display import printable

        if isinstance(error, click.UsageError):
            # a shell puts the names of files where options are expected, too
            error = click.UsageError(printable(error.format_message()), error.ctx)
        error.show()
        sys.exit(EXIT_FAILURE)
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        sys.exit(EXIT_INTERRUPTED)
    except Exception:
        if _is_nowhere():
            click.echo("error: the working directory does not exist any more: change to one that does", err=True)
            sys.exit(EXIT_FAILURE)
        # Python's own exit status for a traceback is 1, which would read as findings.
        traceback.print_exc()
        click.echo("error: this is a defect of dropout-lint; the lines above say where", err=True)
        sys.exit(EXIT_FAILURE)
    sys.exit(status if isinstance(status, int) else 0)
