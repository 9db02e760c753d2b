"""How far a long run is, on a terminal's stderr and nowhere else."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass, field
from typing import TextIO

from dropout_lint.output.terminal import is_terminal

DELAY = 2.0
"""Seconds before anything is shown: most runs are over by then."""

PAUSE = 0.1
"""Seconds between two pictures."""


@dataclass(slots=True)
class Progress:
    """A line that says how many files are done. ``close`` takes it away again."""

    stream: TextIO
    _next: float = field(default_factory=lambda: time.monotonic() + DELAY)
    _shown: bool = False

    def __call__(self, done: int, total: int) -> None:
        """Show that ``done`` of ``total`` files are checked, if it is time to."""
        now = time.monotonic()
        if now < self._next or not is_terminal(self.stream):
            return
        self._next = now + PAUSE
        self._shown = True
        self.stream.write(f"\r{_bar(done, total, shutil.get_terminal_size().columns - 1)}\x1b[K")
        self.stream.flush()

    def close(self) -> None:
        """Leave nothing of it on the terminal."""
        if self._shown:
            self.stream.write("\r\x1b[K")
            self.stream.flush()
            self._shown = False


def _bar(done: int, total: int, columns: int) -> str:
    words = f"{done:,}/{total:,} files"
    room = min(columns - len(words) - 3, 40)
    if room < 5:
        return words[:columns]
    full = room * done // max(total, 1)
    return f"[{'#' * full}{'.' * (room - full)}] {words}"
