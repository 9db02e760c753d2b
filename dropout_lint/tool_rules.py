"""The rules about the tool itself, and all rules as what can be documented."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from dropout_lint.findings import Applicability, Confidence, Severity
from dropout_lint.selection import INVALID_SUPPRESSION, NO_REASON, NOT_ANALYSED, SYNTAX_ERROR, UNUSED_SUPPRESSION


class Documented(Protocol):
    """What is printed of a rule."""

    @property
    def code(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def severity(self) -> Severity: ...
    @property
    def confidence(self) -> Confidence: ...
    @property
    def since(self) -> str: ...
    @property
    def applicability(self) -> Applicability | None: ...
    @property
    def doc(self) -> str: ...


@dataclass(frozen=True, slots=True)
class ToolRule:
    """A rule without a check: the engine itself reports it."""

    code: str
    name: str
    severity: Severity
    doc: str
    confidence: Confidence = Confidence.HIGH
    since: str = "0.1.0"
    applicability: Applicability | None = None


TOOL_RULES = (
    ToolRule(
        *UNUSED_SUPPRESSION,
        Severity.WARNING,
        """A suppression that suppresses nothing.

## What it does

Reports `# dropout-lint: ignore[…]` and `# dropout-lint: file-ignore[…]` comments, and single names in them, that
silence no finding. Rules that are not selected are passed over, and so are files that could not be analysed and
modules that files outside the run import. `# noqa` comments are left alone.

## Why is this bad

The code was repaired, or the rule has learned better. The comment would hide the next, real finding on its line.

## Fix safety

Safe: the name is removed, with the last one the comment.
""",
        applicability=Applicability.SAFE,
    ),
    ToolRule(
        *INVALID_SUPPRESSION,
        Severity.WARNING,
        """A suppression that cannot work.

## What it does

Reports comments that begin with `# dropout-lint:` and name no rule, an unknown rule, or no known form of suppression,
and `file-ignore` comments beside code.

## Why is this bad

It looks as if a finding were silenced, and nothing is. There is no blanket form on purpose: a comment says what is
meant.

## Fix safety

Safe: what has no effect is removed.
""",
        applicability=Applicability.SAFE,
    ),
    ToolRule(
        *NO_REASON,
        Severity.WARNING,
        """A suppression without a reason.

## What it does

Reports suppressions with nothing behind the bracket. It is off unless it is selected by its code or name.

## Why is this bad

In a year nobody knows whether the code is meant or was in somebody's way.

## Fix safety

There is no fix.
""",
    ),
    ToolRule(
        *SYNTAX_ERROR,
        Severity.ERROR,
        """The file is not valid Python.

## What it does

Reports a file that holds a word some rule looks for, and that neither the running Python nor LibCST can parse.

## Why is this bad

Nothing else was checked in the file: its silence would prove nothing. Python 2 code is reported, too.

## Fix safety

There is no fix.
""",
    ),
    ToolRule(
        *NOT_ANALYSED,
        Severity.WARNING,
        """The file, or part of it, was not analysed.

## What it does

Reports a file that cannot be read or decoded, that is nested too deeply to be parsed safely, whose analysis ran out
of its budget, or on which dropout-lint itself failed.

## Why is this bad

Nothing else was checked in the file: its silence would prove nothing. Other files are not affected.

## Fix safety

There is no fix. Where the message says that dropout-lint failed, report it with the file.
""",
    ),
)


def all_rules() -> tuple[Documented, ...]:
    """All rules, in order of their codes."""
    from dropout_lint.rules import REGISTRY

    registered: dict[str, Documented] = {rule.code: rule for rule in TOOL_RULES}
    registered.update({rule.code: rule for rule in REGISTRY})
    return tuple(registered[code] for code in sorted(registered))
