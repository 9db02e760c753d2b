"""What is going on, on a terminal's stderr: a bar over programs, and the one that runs."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Plainly:
    """Lines on stderr, for logs."""

    def say(self, text: str) -> None:
        """One line."""
        click.echo(text, err=True)

    def watch(self, label: str) -> Callable[[float, int], None] | None:  # noqa: ARG002  # nobody looks
        """What a run tells as it goes: nothing here."""
        return None

    def done(self) -> None:
        """A program has been measured."""


class Bar(Plainly):
    """A bar over programs; lines go above it."""

    def __init__(self, progress: Any, programs: int) -> None:
        self._progress = progress
        self._task = progress.add_task("", total=programs)

    def say(self, text: str) -> None:
        """One line above the bar."""
        self._progress.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def watch(self, label: str) -> Callable[[float, int], None] | None:
        """Seconds and measurements of a run, beside the bar."""

        def update(seconds: float, measurements: int) -> None:
            made = f", {measurements} measurement{'' if measurements == 1 else 's'}"
            self._progress.update(self._task, description=f"{label}: {seconds:.0f} s{made if measurements else ''}")

        return update

    def done(self) -> None:
        """A program has been measured."""
        self._progress.update(self._task, advance=1, description="")


@contextlib.contextmanager
def shown_progress(programs: int) -> Iterator[Plainly]:
    """How progress is shown: a bar on a terminal, plain lines elsewhere."""
    if not sys.stderr.isatty() or not programs:
        yield Plainly()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (BarColumn(20), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}", markup=False))
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield Bar(progress, programs)
