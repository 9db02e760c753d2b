"""``dropout-lint rule``: what a rule flags, why, and what the verifier measured."""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING

import click

from dropout_lint.cli import COMMANDS, Failure, completing

if TYPE_CHECKING:
    from dropout_lint.tool_rules import Documented


MARKDOWN_COLUMNS = 100
"""Longer lines are hard to read."""


@click.command(short_help=COMMANDS["rule"])
@click.argument("name", required=False, metavar="[NAME|CODE]", shell_complete=completing.rules)
@click.option("--all", "every", is_flag=True, help="Print all rules.")
@click.option("--output-format", type=click.Choice(("text", "json")), default="text", show_default=True)
def rule(name: str | None, output_format: str, *, every: bool) -> int:
    """Print the documentation of the rule NAME (training-true-in-inference) or CODE (KTM101), or of all rules."""
    from dropout_lint.selection import suggestion
    from dropout_lint.tool_rules import all_rules

    if (name is None) != every:
        raise click.UsageError("Name one rule, or give --all.")
    rules = all_rules()
    wanted = (name or "").casefold()
    chosen = [item for item in rules if every or wanted in (item.code.casefold(), item.name)]
    if not chosen:
        known = [word for item in rules for word in (item.code, item.name)]
        raise Failure(f'unknown rule "{name}"{suggestion(name or "", known)}')
    if output_format == "json":
        documents = [_document(item) for item in chosen]
        click.echo(json.dumps(documents if every else documents[0], indent=2))
    else:
        _print("\n\n".join(_text(item) for item in chosen))
    return 0


def _print(text: str) -> None:
    """Print ``text``: as it is, or set as Markdown on a terminal."""
    from dropout_lint.output.terminal import is_terminal, wants_color

    if not (wants_color(sys.stdout) and is_terminal(sys.stdout)):
        click.echo(text)
        return
    from rich.console import Console
    from rich.markdown import Markdown

    console = Console(file=sys.stdout)
    # Addresses that are marked as such can be followed also where they are broken over lines.
    text = re.sub(r"(?<![<(\[`])https?://[^\s<>)]+", r"<\g<0>>", text)
    console.print(Markdown(text, code_theme="ansi_dark"), width=min(console.width, MARKDOWN_COLUMNS))


def _text(item: Documented) -> str:
    fix = item.applicability.value if item.applicability else "none"
    title = f"{item.code} {item.name}"
    facts = f"severity {item.severity.value}, confidence {item.confidence.value}, fix {fix}, since {item.since}"
    return f"{title}\n{'=' * len(title)}\n{facts}\n\n{item.doc.strip()}"


def _document(item: Documented) -> dict[str, object]:
    return {
        "code": item.code,
        "name": item.name,
        "severity": item.severity.value,
        "confidence": item.confidence.value,
        "fix": item.applicability.value if item.applicability else None,
        "since": item.since,
        "documentation": item.doc.strip(),
    }
