"""Slips of the fingers: whether a name is `trainable`, written wrong."""

from __future__ import annotations

from collections import Counter

_NAME = "trainable"
_OWN = "_trainable"
"""Where Keras itself keeps the flag."""
_OTHER_WORDS = frozenset({"drainable", "untrainable", "nontrainable", "non_trainable"})
"""Words of their own that are one slip away, or that say the opposite."""


def is_misspelt(name: str) -> bool:
    """Whether ``name`` means `trainable`: other capitals, one slip of the fingers, or letters in another order."""
    written = name.lower()
    if name in {_NAME, _OWN} or written in _OTHER_WORDS:
        return False
    if written.replace("_", "") in {_NAME, f"is{_NAME}", f"set{_NAME}"}:
        return True
    slips = _slips(written, _NAME)
    if slips > 2 or abs(len(written) - len(_NAME)) > 1 or not written.startswith("t"):
        return slips == 1 and written[:2] in {"rt", "tr", "ra"}
    # two slips are believed where no letter is foreign: `trianabel`, not `traceable`
    return slips == 1 or sum((Counter(written) - Counter(_NAME)).values()) == 0


def _slips(one: str, two: str) -> int:
    """How many letters were left out, doubled, taken for others, or changed places; 3 where it is more than two."""
    if abs(len(one) - len(two)) > 2:
        return 3
    before: list[int] = []
    row = list(range(len(two) + 1))
    for i, letter in enumerate(one, 1):
        older, before, row = before, row, [i]
        for j, other in enumerate(two, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == two[j - 2] and one[i - 2] == other:
                cost = min(cost, older[j - 2] + 1)
            row.append(cost)
    return min(row[-1], 3)
