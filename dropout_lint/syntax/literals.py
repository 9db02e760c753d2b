"""The values of literals, without a compiler for each: LibCST hands every one to `ast.literal_eval`."""

from __future__ import annotations

from ast import literal_eval
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import libcst as cst


def value_of(node: cst.SimpleString | cst.ConcatenatedString | cst.Integer) -> object:
    """The value of a string or an integer; None for a string with parts that are computed.

    Raises:
        SyntaxError, ValueError: A malformed escape.
    """
    text = getattr(node, "value", None)
    return _evaluated(text) if isinstance(text, str) else node.evaluated_value


@lru_cache(maxsize=8192)
def _evaluated(text: str) -> object:
    quote = text[:1]
    if quote in {"'", '"'} and "\\" not in text and text[:3] != quote * 3:
        return text[1:-1]
    return int(text) if text.isdecimal() and (text[0] != "0" or len(text) == 1) else literal_eval(text)
