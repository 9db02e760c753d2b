"""Results, written as they come.

One JSON object per line, flushed at once, so that a crash, a kill or the time limit loses only what was not
measured yet. Arrays over rows go to ``.npz`` files beside it.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


class Results:
    """The file of results of one run."""

    def __init__(self, path: str) -> None:
        self.path = path
        # Open to the end of the process: a crash must find the lines on disk, not an exit handler.
        self._stream = Path(path).open("a", encoding="utf-8")  # noqa: SIM115
        self._arrays = 0

    def write(self, event: str, **fields: Any) -> None:
        """Append one event; values NumPy gave are turned into plain ones."""
        self._stream.write(json.dumps(dict(fields, event=event), default=_plain) + "\n")
        self._stream.flush()

    def write_arrays(self, arrays: dict[str, Any]) -> str:
        """Store arrays and return the name of their file."""
        import numpy as np

        self._arrays += 1
        name = f"rows-{os.getpid()}-{self._arrays}.npz"
        np.savez(Path(self.path).parent / name, **arrays)
        return name


def _plain(value: Any) -> Any:
    for convert in ("tolist", "item"):
        if hasattr(value, convert):
            return getattr(value, convert)()
    return str(value)
