"""What a call is given."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dropout_lint.semantics.tags import tags_of

if TYPE_CHECKING:
    from dropout_lint.semantics.values import Argument, Tags, Value


@dataclass(slots=True, eq=False)
class Arguments:
    """The arguments of one call, evaluated."""

    positional: tuple[Argument, ...] = ()
    keywords: dict[str, Argument] = field(default_factory=dict)
    mappings: tuple[Argument, ...] = ()
    """``**expression`` arguments whose keys were spread into ``keywords`` as far as they are known."""
    spread: bool = False
    """Whether ``*expression`` makes the positions after it unknown."""
    unknown_keywords: Tags | None = None
    """The tags of ``**expression`` with unknown keys; None where there is none."""

    @property
    def values(self) -> tuple[Value, ...]:
        """All values that go in."""
        return (*(each.value for each in self.positional), *(each.value for each in self.keywords.values()))

    def tags(self, without: tuple[str, ...] = ()) -> Tags:
        """The tags of everything that goes in."""
        found: Tags = self.unknown_keywords or frozenset()
        for each in self.positional:
            found |= tags_of(each.value)
        for name, each in self.keywords.items():
            if name not in without:
                found |= tags_of(each.value)
        return found

    def get(self, name: str, position: int | None = None) -> Argument | None:
        """The argument by keyword or position."""
        if name in self.keywords:
            return self.keywords[name]
        if position is not None and position < len(self.positional):
            return self.positional[position]
        return None
