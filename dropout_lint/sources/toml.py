"""The only door to the TOML parser, which takes time and memory with the square of the parts of a key."""

from __future__ import annotations

import re
import sys
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__ = ["TOMLError", "read_toml"]

MOST_PARTS = 1_000
"""Parts of a dotted key; 300,000 of them take 10 GB."""
_TEXT = re.compile(r"\"[^\"]*\"|'[^']*'|#.*")


class TOMLError(ValueError):
    """It is no TOML, or none that is read; the message says why."""


def read_toml(text: str) -> dict[str, Any]:
    """The document.

    Raises:
        TOMLError: It is not valid TOML, is nested too deeply, or has a key of very many parts.
    """
    for line in text.splitlines():
        if line.count(".") > MOST_PARTS and _TEXT.sub("", line).count(".") > MOST_PARTS:
            raise TOMLError(f"a key has more than {MOST_PARTS:,} parts")
    try:
        document: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise TOMLError(f"is not valid TOML: {error}") from error
    except RecursionError as error:
        raise TOMLError("is nested too deeply") from error
    return document
