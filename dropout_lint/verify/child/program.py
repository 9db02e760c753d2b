"""Run the user's script as ``__main__`` and report how it ended."""

from __future__ import annotations

import builtins
import os
import random
import sys
import threading
import time
import traceback
from typing import TYPE_CHECKING, Any

from . import cells, hooks, importing, instrument, jax_functions, targets
from .job import Job, Probe, read_job
from .observing import user_frames
from .results import Results
from .session import Session, elapsed_since
from .sites import Instruments

if TYPE_CHECKING:
    from collections.abc import Callable

TEXTS = (".py", ".ipynb")


def main(path: str, connection: str | None = None) -> None:
    """Run a job, with a ``connection`` file as a notebook's kernel; the exit status is the program's own."""
    job = read_job(path)
    results = Results(job.results)
    _end_with_parent()
    results.write("start", python=".".join(map(str, sys.version_info[:3])), executable=sys.executable)
    session = Session(job, results)
    texts = importing.EditedTexts()
    for number, reason in _edit_texts(session, texts).items():
        session.counts[number].skip(reason)
    setattr(builtins, instrument.NAME, Instruments(session))
    callbacks = {
        name: _guarded(session, install)
        for name, install in (
            ("keras", hooks.install_keras),
            ("tf_keras", hooks.install_keras),
            ("tensorflow", hooks.install_tensorflow),
            ("jax", jax_functions.install_jax),
        )
    }
    importing.install(texts, callbacks)
    sys.dont_write_bytecode = True
    # A program that sets no seed is given one, or its two arms would differ by luck; one that does overrides this.
    random.seed(job.seed + job.seed_offset)
    start = session.start = time.perf_counter()
    _tell_before_leaving(session, start)
    status, outcome = _run(session, texts, connection)
    session.finish()
    results.write("end", seconds=elapsed_since(start), exit=status, **outcome)
    sys.stdout.flush()
    sys.stderr.flush()
    sys.exit(status)


def _guarded(session: Session, install: Callable[[Session, Any], None]) -> Callable[[Any], None]:
    """What we install must never keep the program from importing: a Keras we do not know, a file of that name."""

    def installed(module: Any) -> None:
        try:
            install(session, module)
        except Exception as error:
            session.results.write("not-installed", module=module.__name__, error=f"{type(error).__name__}: {error}")

    return installed


def _edit_texts(session: Session, texts: importing.EditedTexts) -> dict[int, str]:
    """Edit every file that has probes or a fix to be replayed; why a probe could not be placed."""
    failures: dict[int, str] = {}
    job = session.job
    edits: dict[str, Any] = job.edits or {}
    skips: dict[str, Any] = job.skip or {}
    for path in sorted({probe.path for probe in job.probes} | set(edits) | set(skips)):
        if not path.endswith(TEXTS):
            continue  # a saved model
        here: tuple[Probe, ...] = tuple(probe for probe in job.probes if probe.path == path)
        try:
            text = job.cells["text"] if path == job.script and job.cells else importing.read_source(path)
            wrapped = [p for p in here if not _is_definition(p, text)]
            skipped = [
                [*instrument.statement_span(text, p.span), "pass"]
                for p in here
                if p.kind == "statement" and p.id in job.force
            ]
            skipped += [[*instrument.statement_span(text, tuple(span)), "pass"] for span in skips.get(path, ())]
            edited, failed = instrument.rewrite(text, wrapped, [*edits.get(path, ()), *skipped])
        except (OSError, SyntaxError, UnicodeDecodeError) as error:
            failures.update({probe.id: f"{path}: {error}" for probe in here})
            continue
        failures.update(failed)
        texts.put(path, edited)
        for probe in here:
            if _is_definition(probe, text):
                lines = instrument.definition_lines(text, probe.span)
                if lines is None:
                    failures[probe.id] = "no definition at its position"
                else:
                    session.definitions.append((probe, lines))
    return failures


def _is_definition(probe: Probe, text: str) -> bool:
    """True for probes that know their layers by where ``call`` is defined."""
    return probe.kind == "default" or (probe.kind == "mode" and not instrument.is_call(text, probe.span))


def _run(session: Session, texts: importing.EditedTexts, connection: str | None) -> tuple[int, dict[str, Any]]:
    """Run the program; its exit status and, if it failed, what the user needs to see."""
    try:
        if connection is None:
            targets.run(session, texts)
        else:
            cells.run_kernel(session, texts, connection, lambda error: _finished(session, error))
    except SystemExit as stop:
        return _exit_status(stop), {"exception": None}
    except BaseException as error:  # whatever the program raised is its result
        traceback.print_exc()
        return 1, {"exception": _describe(error, session.job)}
    return 0, {"exception": None}


def _finished(session: Session, error: BaseException | None) -> None:
    """A notebook's last cell is done, or one has raised."""
    exception = None if error is None else _describe(error, session.job)
    session.finish()
    session.results.write("end", seconds=elapsed_since(session.start), exit=int(error is not None), exception=exception)


def _exit_status(stop: SystemExit) -> int:
    if stop.code is None:
        return 0
    if isinstance(stop.code, int):
        return stop.code
    sys.stderr.write(f"{stop.code}\n")
    return 1


def _describe(error: BaseException, job: Job) -> dict[str, Any]:
    """The exception with the user's own frames, innermost last."""
    frames = user_frames(error.__traceback__, job.project)
    if isinstance(error, SyntaxError) and error.filename and not frames:
        frames.append(
            {"path": error.filename, "line": error.lineno, "function": "", "text": (error.text or "").strip()}
        )
    types = [cls.__name__ for cls in type(error).__mro__]
    return {"type": type(error).__name__, "types": types, "message": str(error)[:2000], "frames": frames}


def _tell_before_leaving(session: Session, start: float) -> None:
    """``os._exit`` ends the process at once; what is known is written before it does."""
    leave, process = os._exit, os.getpid()

    def tell_and_leave(status: int) -> None:
        if os.getpid() == process:
            session.finish()
            session.results.write("end", seconds=elapsed_since(start), exit=status, exception=None)
        leave(status)

    os._exit = tell_and_leave  # type: ignore[assignment]


def _end_with_parent() -> None:
    """End when the parent is gone, even if it was killed and could not end us."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
