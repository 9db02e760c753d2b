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

__all__ = ["collecting_after", "not_collecting", "set_aside"]


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


@contextmanager
def collecting_after() -> Iterator[None]:
    """One collection of what is young, at the end."""
    with not_collecting():
        try:
            yield
        finally:
            gc.collect(0)


@contextmanager
def set_aside() -> Iterator[None]:
    """What there is before is not looked through in here: it lives on anyway."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
