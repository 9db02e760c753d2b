"""A linear look at the tokens of a source, for what would make the parser slow or kill it.

LibCST is quadratic in the length of an operator chain and recursive in its nesting. This scan needs no
parser: it counts, per expression, the operators and brackets that become nested nodes.
"""

from __future__ import annotations

import re

MAX_CHAIN = 3_000
"""Chained operators in one expression, brackets around it included (LibCST takes 1 to 9 seconds for as many)."""

MAX_CHARACTERS = 10_000_000
"""Of one module, comments and texts included."""

MAX_TOKENS = 400_000
"""Of one module; what is inside three brackets counts twice, inside six three times, since LibCST takes longer for it.

It makes 2 kB of each, and takes some 5 seconds for as many; the largest generated module of TensorFlow has 200,000.
"""

MAX_IMPORTED = 100_000_000
"""Characters of a dotted name in an import statement, times its dots: CPython's parser makes a text of each of its
beginnings and keeps them all, 23 GB for a name of 4 MB."""

MAX_BRACKETS = 200
"""CPython's own limit (``MAXLEVEL`` in its tokenizer)."""

MAX_INDENTATION = 100
"""CPython's own limit (``MAXINDENT`` in its tokenizer)."""

_IMPORTED = re.compile(r"\b(?:from|import)\b((?:[ \t\f.\w]|\\(?:\r\n|\r|\n))*)")
_TOKEN = re.compile(
    r"""
    (?P<string>(?:\b[a-zA-Z]{1,3})?(?:
        \"\"\"(?:[^\\]|\\.)*?\"\"\" | '''(?:[^\\]|\\.)*?'''
      | \"(?:[^\\\"\r\n]|\\(?:\r\n|.))*\" | '(?:[^\\'\r\n]|\\(?:\r\n|.))*'))
  | (?P<comment>\#[^\r\n]*)
  | (?P<continuation>\\(?:\r\n|.))
  | (?P<newline>(?:\r\n|\r|\n)(?P<indent>[ \t\f]*))
  | (?P<link>(?:and|or|not|in|is|if|else|for|lambda|await)\b)
  | (?P<operand>[^\W]+(?:\.[0-9]\w*)?)
  | (?P<open>[(\[{])
  | (?P<close>[)\]}])
  | (?P<reset>,|;|(?<![=!<>:+\-*/%@&|^])=(?!=))
  | (?P<operator>\*\*|//|<<|>>|<=|>=|==|!=|[-+*/%@&|^~<>.])
    """,
    re.VERBOSE | re.DOTALL,
)


def too_complex(source: str) -> str | None:
    """Why ``source`` must not be parsed, as a clause, or None.

    A rough scan is enough: what it misreads (a quote inside an f-string's expression, say) is some
    token more or less, never a wrong verdict on ordinary code.
    """
    if len(source) > MAX_CHARACTERS:
        return f"more than {MAX_CHARACTERS:,} characters of code"
    counts = [0]
    total = 0
    tokens = 0
    weight = 1
    after_operand = False
    indents = [0]
    for token in _TOKEN.finditer(source):
        # this takes a tenth of the time that LibCST takes to parse: the most frequent kinds first
        kind = token.lastgroup
        tokens += weight
        if tokens > MAX_TOKENS:
            return f"more than {MAX_TOKENS:,} words and signs"
        if kind == "operand":
            after_operand = True
            continue
        links = 0
        if kind in ("operator", "link"):
            links = 1
            after_operand = False
        elif kind == "reset":
            total -= counts[-1]
            counts[-1] = 0
            after_operand = False
        elif kind == "open":
            links = int(after_operand)
            after_operand = False
        elif kind == "close":
            if len(counts) > 1:
                total -= counts.pop()
                weight = 1 + (len(counts) - 1) // 3
            after_operand = True
        elif kind == "string":
            links = int(after_operand)
            after_operand = True
        elif kind == "newline":
            if len(counts) == 1:
                total = counts[0] = 0
                after_operand = False
                _update_indentation(indents, len(token["indent"]), source, token.end())
                if len(indents) > MAX_INDENTATION:
                    return f"more than {MAX_INDENTATION} levels of indentation"
        else:  # comments and continued lines
            tokens -= weight
        if links:
            counts[-1] += links
            total += links
            if total > MAX_CHAIN:
                return f"more than {MAX_CHAIN:,} chained operators in one expression"
        if kind == "open":
            counts.append(0)
            weight = 1 + (len(counts) - 1) // 3
            if len(counts) > MAX_BRACKETS:
                return f"more than {MAX_BRACKETS} nested brackets"
    if any(len(name := found[1]) * name.count(".") > MAX_IMPORTED for found in _IMPORTED.finditer(source)):
        return "an import statement with a very long dotted name"
    return None


def _update_indentation(indents: list[int], width: int, source: str, end: int) -> None:
    if source[end : end + 1] in ("", "#", "\r", "\n"):
        return
    while indents[-1] > width:
        indents.pop()
    if indents[-1] < width:
        indents.append(width)
