"""Notebooks: cells in order, in a kernel where there is one, else here with IPython's own lines left out.

The parent joins the cells to one text in which probes and edits have their lines; what runs are its parts. Here a
cell is compiled under the notebook's name with its lines where they are in the joined text. In a kernel, IPython names
each cell's code itself: those names are aliases for the notebook.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import modes

if TYPE_CHECKING:
    from collections.abc import Callable

    from . import importing
    from .session import Session


def run_here(session: Session, texts: importing.EditedTexts, module: Any) -> None:
    """All cells in one namespace; the value of a cell's last expression is printed, as a notebook shows it."""
    path = session.job.script
    for first, text in _parts(session, texts):
        tree = ast.parse("\n" * (first - 1) + text, path)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        # A semicolon at the end hides the value.
        if last is not None and text.rstrip().endswith(";"):
            tree.body.append(last)
            last = None
        exec(compile(tree, path, "exec", dont_inherit=True), module.__dict__)
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), path, "eval", dont_inherit=True), module.__dict__)  # noqa: S307
            if value is not None:
                sys.stdout.write(f"{value!r}\n")


def _parts(session: Session, texts: importing.EditedTexts) -> list[tuple[int, str]]:
    """(First line, text) of every cell, edited."""
    lines = (texts.get(session.job.script) or session.job.cells["text"]).split("\n")
    found = []
    for cell in session.job.cells["cells"]:
        first = cell["first"]
        found.append((first, "\n".join(lines[first - 1 : first - 1 + cell["lines"]])))
    return found


def run_kernel(
    session: Session, texts: importing.EditedTexts, connection: str, finished: Callable[[BaseException | None], None]
) -> None:
    """Serve a kernel until it is shut down; ``finished`` is told, after the last cell or the first that raises.

    A kernel that is shut down may be ended before it can say anything.
    """
    from ipykernel.kernelapp import IPKernelApp  # type: ignore[import-not-found,import-untyped,unused-ignore]

    sys.path.insert(0, str(Path(session.job.script).parent))
    arguments, sys.argv[:] = ["-f", connection], [session.job.script, *session.job.argv]
    app: Any = IPKernelApp.instance()
    app.initialize(arguments)
    shell = app.shell
    parts = _parts(session, texts)
    mark = session.job.cells["mark"]
    edited = {
        _plain(cell["source"]): (cell["first"], _unmasked(text, mark))
        for cell, (_, text) in zip(session.job.cells["cells"], parts)  # noqa: B905  # as many parts as cells
    }
    left = sum(bool(cell["source"].strip()) for cell in session.job.cells["cells"])

    def exchange(lines: list[str]) -> list[str]:
        known = edited.get(_plain("".join(lines)))
        return lines if known is None else [line + "\n" for line in known[1].split("\n")]

    shell.input_transformers_cleanup.insert(0, exchange)
    original = shell.compile.cache

    def cache(transformed: str, *arguments: Any, **options: Any) -> Any:
        name = original(transformed, *arguments, **options)
        raw = options.get("raw_code")
        known = edited.get(_plain(raw)) if isinstance(raw, str) else None
        if known is not None:
            modes.ALIASES[name] = (session.job.script, known[0] - 1)
        return name

    shell.compile.cache = cache

    def after(result: Any) -> None:
        nonlocal left
        raw = getattr(result.info, "raw_cell", "") or ""
        left -= bool(raw.strip())
        error = result.error_before_exec or result.error_in_exec
        if left >= 0 and (error is not None or left == 0):
            left = -1
            finished(error)

    shell.events.register("post_run_cell", after)
    app.start()


def _plain(text: str) -> str:
    return text.rstrip()


def _unmasked(text: str, mark: str) -> str:
    """IPython's own lines as they were."""
    lines = []
    for line in text.split("\n"):
        before, found, after = line.partition(mark)
        lines.append((before[:-4] if before.endswith(("pass", "None")) else before) + after if found else line)
    return "\n".join(lines)
