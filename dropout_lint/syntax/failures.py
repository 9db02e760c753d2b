"""The two ways in which a source file does not become an analysed module."""

from __future__ import annotations


class SyntaxFailure(Exception):
    """The source is not Python (KTM990). Line and column are 1-based, the column in code points."""

    def __init__(self, message: str, line: int, column: int) -> None:
        super().__init__(message, line, column)
        self.message = message
        self.line = line
        self.column = column

    def __str__(self) -> str:
        return self.message


class NotAnalysed(Exception):
    """The source may be fine, but was not analysed (KTM991), for the ``reason`` given as a clause."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
