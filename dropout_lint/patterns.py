"""The patterns of gitignore, compiled so that no pattern takes longer than the square of a name's length.

pathspec makes a regular expression of each pattern in which every star can be anything; with ten stars in one name,
Python tries them all in every way. What stands between two stars of one name is found best where it comes first, so
that a star that another one follows in the same name need never give back what it has taken.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pathspec import GitIgnoreSpec
from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_FOLDER_STARS = 4
"""``**`` in one pattern."""
LONGEST_PATTERN = 1_000
_STAR, _ONE = "[^/]*", "[^/]"
_FOLDERS = re.compile(r"(?:^|/)\*\*(?=/|$)")


class _Pattern(GitIgnoreSpecPattern):
    """A pattern whose stars do not try everything."""

    @classmethod
    def pattern_to_regex(cls, pattern: str) -> tuple[str | None, bool | None]:  # type: ignore[override]
        """The regular expression and whether it excludes.

        Raises:
            ValueError: It is no pattern, or one that nobody would write.
        """
        if len(pattern) > LONGEST_PATTERN or len(_FOLDERS.findall(pattern)) > MOST_FOLDER_STARS:
            raise ValueError(f"the pattern is too long, or has more than {MOST_FOLDER_STARS} **")
        regex, include = super().pattern_to_regex(pattern)
        return _settled(regex) if isinstance(regex, str) else regex, include


def _settled(regex: str) -> str:
    first, *parts = regex.split(_STAR)
    made = [first]
    for number, part in enumerate(parts):
        last = number == len(parts) - 1
        if last or any(sign in part.replace(_ONE, "") for sign in "/()|$"):
            made.append(_STAR + part)
        elif part:
            # what an atomic group does, which Python has from 3.11 on
            made.append(f"(?=(?P<star{number}>[^/]*?{part}))(?P=star{number})")
    return "".join(made)


def compiled(patterns: Iterable[str]) -> GitIgnoreSpec:
    """The patterns, later ones over earlier ones.

    Raises:
        ValueError: One of them is none.
    """
    return GitIgnoreSpec.from_lines(patterns, _Pattern, backend="simple")
