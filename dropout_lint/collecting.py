"""Python's garbage collection, which costs more than it frees where very many objects are made that live on.

Trees have no cycles, and what an interpretation leaves behind has some, all young. Looked for at every few hundred new
objects, among all the trees that are kept, garbage takes half as long again as parsing; looked for among the young once
in a while it takes next to nothing.
"""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["AT_FIRST", "OFTEN", "collecting_after", "not_collecting", "set_aside"]


@contextmanager
def not_collecting() -> Iterator[None]:
    """No collection in here: nothing that is made has cycles."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


OFTEN = (100_000, 100, 10)
"""Thresholds for long work. Syntax trees are many, large and free of cycles: with Python's own, a third of the time
goes into visiting them. What is made of them is full of cycles, and holds them: with ``(50_000, 20, 5)``, memory is a
third less, and the time a tenth more (54 repositories)."""

AT_FIRST = (1_000_000, 20, 5)
"""Thresholds for a process of our own. Most runs end before they have made so many objects, a hundred bytes each, a
quarter of them garbage: they are spared 4 % of their time. To look through all that at once takes twice as long as to
do it little by little, while it is at hand: a process that has come so far goes on with `OFTEN`."""


@contextmanager
def collecting_after() -> Iterator[None]:
    """No collection in here; if one is due at the end, it comes then, of the generation whose turn it is.

    To ask for one of the young alone would leave what outlives a single file in memory for ever: Python looks at older
    generations only where it begins by itself.
    """
    with not_collecting():
        try:
            yield
        finally:
            if gc.get_threshold() == AT_FIRST and gc.get_count()[0] > AT_FIRST[0]:
                gc.set_threshold(*OFTEN)


@contextmanager
def set_aside() -> Iterator[None]:
    """What there is before is not looked through in here: it lives on anyway."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
