"""Positions of the few nodes that need one.

LibCST's PositionProvider records every node and costs three parses. This is its own code generation, once, recording
only wanted nodes.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

from libcst._nodes.internal import CodegenState

from dropout_lint.findings import Position, Span
from dropout_lint.sources.text import NEWLINE
from dropout_lint.syntax.failures import NotAnalysed
from dropout_lint.syntax.stack import on_deep_stack

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

    import libcst as cst

_NOTHING = nullcontext()
_DROPPED = frozenset("\\\r\n\f\t ")
"""What LibCST drops before a statement: a form feed, and a line continuation with the blanks round it."""


def spans(module: cst.Module, wanted: Iterable[cst.CSTNode], source: str | None = None) -> dict[int, Span]:
    """The spans of ``wanted``, by ``id(node)``; nodes that are not part of ``module`` are left out.

    A span is what LibCST calls the syntactic position: without surrounding whitespace, comments and the parentheses
    around an expression. ``source`` is what the module was parsed from: LibCST drops a form feed before an indentation
    and a line continuation before a statement, and only the source can tell where. Tabs of an indentation may have
    become spaces, and behind a continuation that begins a line there may be an indentation that is not in the source.

    Raises:
        NotAnalysed: The module is nested too deeply (Python 3.12 has a limit that cannot be raised).
    """
    identities = {id(node) for node in wanted}
    if not identities:
        return {}
    state = _Recorder(module, identities)
    try:
        on_deep_stack(lambda: module._codegen(state))
    except RecursionError as error:
        raise NotAnalysed("nested too deeply to find positions in it") from error
    generated = "".join(state.tokens)
    source = generated if source is None else source
    dropped, added = _differences(source, generated)
    starts = [0, *(match.end() for match in NEWLINE.finditer(source))]

    def position(offset: int) -> Position:
        offset += bisect_right(dropped, offset) - bisect_left(added, offset)
        line = bisect_right(starts, offset)
        return Position(line, offset - starts[line - 1] + 1)

    return {
        identity: Span(position(start), position(end))
        for identity, (start, end) in state.found.items()
        if identity in identities
    }


def _differences(source: str, generated: str) -> tuple[list[int], list[int]]:
    """Where ``generated`` lacks a code point of ``source``, and where it has one too many.

    For the former, each is the offset after the gap, for the latter that of the code point.
    """
    if source == generated:
        return [], []
    dropped: list[int] = []
    added: list[int] = []
    at = 0
    for character in source:
        if character not in _DROPPED:
            while at < len(generated) and generated[at] != character and generated[at] in " \t":
                added.append(at)
                at += 1
        if at < len(generated) and (generated[at] == character or (character == "\t" and generated[at] == " ")):
            at += 1
        else:
            dropped.append(at)
    return dropped, added


class _Recorder(CodegenState):
    """Counts code points while code is generated, and notes the counter where wanted nodes begin and end."""

    __slots__ = ("found", "offset", "starts", "wanted")

    def __init__(self, module: cst.Module, wanted: set[int]) -> None:
        super().__init__(default_indent=module.default_indent, default_newline=module.default_newline)
        # A copy, because nodes that lend their position to a wanted one are added.
        self.wanted = set(wanted)
        self.found: dict[int, tuple[int, int]] = {}
        self.starts: list[int] = []
        self.offset = 0

    def add_indent_tokens(self) -> None:
        for token in self.indent_tokens:
            self.add_token(token)

    def add_token(self, value: str) -> None:
        self.tokens.append(value)
        self.offset += len(value)

    def before_codegen(self, node: cst.CSTNode) -> None:
        if id(node) in self.wanted:
            self.starts.append(self.offset)

    def after_codegen(self, node: cst.CSTNode) -> None:
        if id(node) in self.wanted:
            start = self.starts.pop()
            # A syntactic position, recorded in between, is the better one.
            self.found.setdefault(id(node), (start, self.offset))

    def record_syntactic_position(  # type: ignore[override]  # only entered with `with`, which any context manager serves
        self,
        node: cst.CSTNode,
        *,
        start_node: cst.CSTNode | None = None,
        end_node: cst.CSTNode | None = None,
    ) -> AbstractContextManager[None]:
        if id(node) not in self.wanted:
            return _NOTHING
        self.wanted.update(id(lender) for lender in (start_node, end_node) if lender is not None)
        return _Recording(self, node, start_node, end_node)


class _Recording:
    """The extent of one node; its ends may be lent by nodes inside it."""

    __slots__ = ("end_node", "node", "start", "start_node", "state")

    def __init__(
        self, state: _Recorder, node: cst.CSTNode, start_node: cst.CSTNode | None, end_node: cst.CSTNode | None
    ) -> None:
        self.state = state
        self.node = node
        self.start_node = start_node
        self.end_node = end_node
        self.start = state.offset

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        found = self.state.found
        start, end = self.start, self.state.offset
        if self.start_node is not None:
            start = found[id(self.start_node)][0]
        if self.end_node is not None:
            end = found[id(self.end_node)][1]
        found[id(self.node)] = (start, end)
