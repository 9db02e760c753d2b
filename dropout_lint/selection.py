"""Rule selectors: what ``select``, ``ignore`` and ``per-file-ignores`` may name, and which rules they leave on.

A selector is ``ALL``, a code (``KTM101``), a prefix of codes (``KTM1``) or a name (``training-true-in-inference``).
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher, get_close_matches
from functools import lru_cache
from operator import eq
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dropout_lint.findings import Severity
    from dropout_lint.options import Severities

UNUSED_SUPPRESSION = ("KTM900", "unused-suppression")
INVALID_SUPPRESSION = ("KTM901", "invalid-suppression")
NO_REASON = ("KTM902", "suppression-without-reason")
SYNTAX_ERROR = ("KTM990", "syntax-error")
NOT_ANALYSED = ("KTM991", "not-analysed")
TOOL_RULES = (UNUSED_SUPPRESSION, INVALID_SUPPRESSION, NO_REASON, SYNTAX_ERROR, NOT_ANALYSED)
"""Codes and names of the rules about the tool itself."""
ALWAYS_ON = frozenset({SYNTAX_ERROR[0], NOT_ANALYSED[0]})

_WHOLE_RULE = 100
"""Specificity of a code or name; a prefix has its length, ``ALL`` has 0."""


class UnknownRule(ValueError):
    """A selector that names no rule. The message suggests the nearest one."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which rules are on: the more specific selector decides, and ``ignore`` when both are equally specific."""

    select: tuple[str, ...] = ("ALL",)
    ignore: tuple[str, ...] = ()

    def enables(self, code: str) -> bool:
        """Whether the rule with this code is on.

        That a file could not be checked is said whatever is selected, unless it is ignored by its code, name or prefix.
        ``ALL`` does not turn on a rule that is off by default.
        """
        chosen = 0 if code in ALWAYS_ON else _specificity(self.select, code)
        if chosen == 0 and code in off_by_default():
            return False
        ignored = _specificity(self.ignore, code)
        return chosen is not None and (ignored is None or chosen > ignored)

    def ignoring(self, selectors: tuple[str, ...]) -> Selection:
        """This selection without what ``selectors`` name."""
        return Selection(self.select, self.ignore + selectors) if selectors else self


@lru_cache(maxsize=1)
def known_rules() -> dict[str, str]:
    """Codes and names of all rules, the tool's own ones included, in order of their codes."""
    from dropout_lint.rules import REGISTRY

    rules = {rule.code: rule.name for rule in REGISTRY}
    for code, name in TOOL_RULES:
        rules.setdefault(code, name)
    return dict(sorted(rules.items()))


@lru_cache(maxsize=1)
def off_by_default() -> frozenset[str]:
    """Codes of the rules that must be selected by code, name or prefix."""
    from dropout_lint.rules import REGISTRY

    return frozenset({NO_REASON[0], *(rule.code for rule in REGISTRY if not rule.default)})


def check_selector(selector: str) -> None:
    """Raises:
    UnknownRule: ``selector`` names no rule.
    """
    if selector == "ALL":
        return
    rules = known_rules()
    if selector in rules.values() or (selector.startswith("KTM") and any(code.startswith(selector) for code in rules)):
        return
    raise UnknownRule(f'unknown rule "{selector}"{suggestion(selector, ["ALL", *rules, *rules.values()])}')


def suggestion(wrong: str, known: Iterable[str]) -> str:
    """``; did you mean "right"?``, or nothing where no known word is near."""
    word = wrong.casefold().replace("_", "-")
    folded = {candidate.casefold(): candidate for candidate in known}
    if word.startswith("ktm"):
        # a code is digits: KTM1O1 is KTM101 rather than KTM111 or KTM113
        word = word.translate(str.maketrans("oil", "011"))
    near = get_close_matches(word, folded, n=20, cutoff=0.6)
    # of equally near ones the one that agrees in more places
    nearest = max(near, key=lambda each: (_likeness(word, each), sum(map(eq, word, each))), default=None)
    return f'; did you mean "{folded[nearest]}"?' if nearest is not None else ""


def _likeness(one: str, two: str) -> float:
    return SequenceMatcher(None, two, one).ratio()


def _specificity(selectors: Iterable[str], code: str) -> int | None:
    """How specifically the most specific of ``selectors`` names the rule, or None."""
    found: int | None = None
    for selector in selectors:
        if selector == "ALL":
            specificity = 0
        elif selector == code or selector == _name(code):
            specificity = _WHOLE_RULE
        elif selector.startswith("KTM") and code.startswith(selector):
            specificity = len(selector)
        else:
            continue
        found = specificity if found is None else max(found, specificity)
    return found


def configured_severity(severities: Severities, code: str) -> Severity | None:
    """What the most specific of ``severities`` says of the rule with this code, the last of equally specific ones."""
    found: tuple[int, Severity] | None = None
    for selector, severity in severities:
        specificity = _specificity((selector,), code)
        if specificity is not None and (found is None or specificity >= found[0]):
            found = (specificity, severity)
    return found[1] if found is not None else None


def _name(code: str) -> str | None:
    return known_rules().get(code)
