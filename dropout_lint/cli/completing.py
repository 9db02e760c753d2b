"""What shells are told when a word is to be completed; click makes the scripts that ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from click.shell_completion import CompletionItem

from dropout_lint.cli import COMMANDS, IMPLIED

if TYPE_CHECKING:
    import click


def paths(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Files and folders; also the commands, where none has been named."""
    found = [CompletionItem(incomplete, type="file")]
    if ctx.meta.get(IMPLIED) and not ctx.params.get("paths"):
        found += [CompletionItem(name, help=text) for name, text in COMMANDS.items() if name.startswith(incomplete)]
    return found


def rules(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Codes and names of rules; in a list with commas, of its last one."""
    from dropout_lint.tool_rules import all_rules

    head, comma, last = incomplete.rpartition(",")
    return [
        CompletionItem(f"{head}{comma}{word}", help=rule.doc.strip().partition("\n")[0])
        for rule in all_rules()
        for word in (rule.code, rule.name)
        if word.casefold().startswith(last.casefold())
    ]


def keys(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Keys of the configuration."""
    from dropout_lint.options import OPTIONS

    return [CompletionItem(each.key, help=each.meaning) for each in OPTIONS if each.key.startswith(incomplete)]
