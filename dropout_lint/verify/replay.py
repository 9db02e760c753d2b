"""The numbers a program prints, compared between two whole runs.

Lines are aligned by their text with the numbers blanked out, so that a line printed more often in one run does not
shift the rest. Timings of progress bars are no results and are dropped.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

NUMBER = re.compile(r"(?<![\w.])[-+]?(?:\d+\.\d*|\.\d+|\d+)(?:[eE][-+]?\d+)?(?![\w]|\.\d)|\b(?:nan|inf)\b")
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
TIMING = re.compile(r"\b\d+(?:\.\d+)?(?:us|ms|s)(?:/(?:step|epoch|sample))?\b|\d{1,2}:\d{2}(?::\d{2})?")
SEPARATOR = re.compile(r"[,;|]\s*|:\s+|\s{2,}| / ")
COUNTER = re.compile(r"^\d+/\d+\W*")
VALUE_FOLLOWS = (":", "=", "(", "[", "{", ",")
PUNCTUATION = " \t:=()[]{},;'\"|±+-/%<>"


@dataclass(frozen=True, slots=True)
class Printed:
    """One printed number that differs: what the line calls it, and its value in each pair of runs."""

    label: str
    as_written: tuple[float, ...]
    fixed: tuple[float, ...]


def changed_numbers(as_written: Sequence[str], fixed: Sequence[str]) -> tuple[Printed, ...]:
    """The printed numbers that differ in any pair of outputs; ``as_written[i]`` and ``fixed[i]`` are a pair.

    Numbers that cannot be found in every pair (a line printed in some runs only) are compared in the first pair alone.
    """
    pairs = [_paired(left, right) for left, right in zip(as_written, fixed, strict=True)]
    if any([label for label, _, _ in pair] != [label for label, _, _ in pairs[0]] for pair in pairs[1:]):
        pairs = pairs[:1]
    result = []
    for place, (label, _, _) in enumerate(pairs[0]):
        left = tuple(pair[place][1] for pair in pairs)
        right = tuple(pair[place][2] for pair in pairs)
        if any(not _equal(one, other) for one, other in zip(left, right, strict=True)):
            result.append(Printed(label, left, right))
    return tuple(result)


def same_output(one: str, other: str) -> bool:
    """True when two runs printed the same text, timings aside."""
    return [line for line, _ in _lines(one)] == [line for line, _ in _lines(other)] and not changed_numbers(
        (one,), (other,)
    )


def _equal(one: float, other: float) -> bool:
    return one == other or (math.isnan(one) and math.isnan(other))


def _paired(as_written: str, fixed: str) -> list[tuple[str, float, float]]:
    """(label, as written, fixed) of all numbers in lines both outputs have."""
    left, right = _lines(as_written), _lines(fixed)
    matcher = SequenceMatcher(None, [text for text, _ in left], [text for text, _ in right], autojunk=False)
    pairs: list[tuple[str, float, float]] = []
    for block in matcher.get_matching_blocks():
        for offset in range(block.size):
            ours, theirs = left[block.a + offset][1], right[block.b + offset][1]
            pairs.extend((label, one, other) for (label, one), (_, other) in zip(ours, theirs, strict=True))
    return pairs


def _lines(output: str) -> list[tuple[str, list[tuple[str, float]]]]:
    """Per line: its text with numbers blanked out, and its labelled numbers."""
    result = []
    for raw in CONTROL.sub("", output).split("\n"):
        # A progress bar redraws its line: what is left to read is what was drawn last.
        line = TIMING.sub("", re.split(r"[\r\x08]+", raw.rstrip("\r\x08"))[-1]).strip()
        if line:
            result.append((" ".join(NUMBER.sub("#", line).split()), _numbers(line)))
    return result


def _numbers(line: str) -> list[tuple[str, float]]:
    """All numbers of a line with their labels: the words before each.

    A number after ``:``, ``=``, a bracket or a comma is a value and ends a label; any other may be part of one, as in
    "recall at 1% false alarms: 0.9".
    """
    found: list[tuple[str, float]] = []
    label, start = "", 0
    for match in NUMBER.finditer(line):
        words = line[start : match.start()].strip(PUNCTUATION)
        if any(character.isalpha() for character in words):
            label = COUNTER.sub("", SEPARATOR.split(words)[-1].strip(PUNCTUATION)) or words
        found.append((label, float(match[0])))
        if line[: match.start()].rstrip().endswith(VALUE_FOLLOWS):
            start = match.end()
    return found
