"""Run a function where deep recursion is no danger.

LibCST converts and prints nested nodes recursively, and so does every interpreter of its trees. On the
main thread's 8 MB, a few hundred chained operators overflow Python's recursion limit and some thousands the C
stack, which kills the process.
"""

from __future__ import annotations

import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Result = TypeVar("Result")

STACK_BYTES = 256 << 20
"""Reserved address space, touched only as far as needed. 64 MB carry 3,000 chained operators."""

RECURSION_LIMIT = 50_000

FRAME_SLOTS = 1 << 20
"""The size of the frame below all others, in words. Since 3.11 Python keeps frames in pieces of 16 KB, some 50 frames
each, and hands a piece back to the system as soon as it is left: a loop that calls something at the end of a piece asks
for one on each turn, which was a third of the time of what is nested deeply. The piece that this frame does not fit in
is twice as large; what is left of it has room for all others, and is not touched before it is used."""

_here = threading.local()


def on_deep_stack(function: Callable[[], Result]) -> Result:
    """Call ``function`` on a thread with a large stack, or directly if this already is one.

    What it raises is raised here. An interrupt (Ctrl-C) arrives in the waiting caller, and the
    abandoned thread does not keep the process alive.
    """
    if getattr(_here, "deep", False):
        return function()
    results: list[Result] = []
    errors: list[BaseException] = []

    def target() -> None:
        _here.deep = True
        try:
            results.append(_with_room(function))
        except BaseException as error:
            errors.append(error)

    old_limit = sys.getrecursionlimit()
    old_size = threading.stack_size(STACK_BYTES)
    try:
        sys.setrecursionlimit(max(old_limit, RECURSION_LIMIT))
        thread = threading.Thread(target=target, name="dropout-lint", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            # No address space for such a stack (`ulimit -v`): what is nested too deeply will raise RecursionError.
            sys.setrecursionlimit(old_limit)
            return function()
        threading.stack_size(old_size)
        thread.join()
    finally:
        threading.stack_size(old_size)
        sys.setrecursionlimit(old_limit)
    if errors:
        raise errors[0]
    return results[0]


def _with_room(function: Callable[[], Result]) -> Result:
    return function()


if sys.version_info >= (3, 11):
    with suppress(ValueError, OverflowError):  # a Python that takes no frame of this size is slower, nothing else
        _with_room.__code__ = _with_room.__code__.replace(co_stacksize=FRAME_SLOTS)
