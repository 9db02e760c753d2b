"""Start the child, wait for it, and read what it wrote: the parent's side of one run."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from dropout_lint.verify.processes import MARK, RUNNING, end_all, resident_bytes, total_memory
from dropout_lint.verify.scratch import copy_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from dropout_lint.verify.experiment import Json

CHILD = Path(__file__).parent / "child" / "__main__.py"
NOTEBOOKS = Path(__file__).parent / "notebooks.py"

FIND_KERAS = (
    "import importlib.util as u, sys;"
    "sys.exit(0 if any(u.find_spec(n) for n in ('keras', 'tf_keras', 'tensorflow')) else 3)"
)


class CannotRun(Exception):
    """The program cannot be run at all; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Run:
    """What one run left: the child's events, the program's own output, and how it ended.

    ``rows`` holds arrays over rows by the name the events give them.
    """

    events: tuple[Json, ...]
    stdout: str
    stderr: str
    status: int | None
    seconds: float
    timed_out: bool
    rows: Mapping[str, Mapping[str, object]]
    out_of_memory: bool = False

    def of(self, event: str) -> tuple[Json, ...]:
        """All events of one kind, in order."""
        return tuple(found for found in self.events if found["event"] == event)

    @property
    def end(self) -> Json | None:
        """The last event, None if the child did not live to write it."""
        return next(iter(self.of("end")), None)


def find_interpreter(wanted: str | None, script: Path) -> str:
    """The interpreter that has the user's Keras: as given, else the project's environment, else this one.

    Raises:
        CannotRun: None of them has Keras.
    """
    candidates = [wanted] if wanted else [*_environments(script), sys.executable]
    for candidate in candidates:
        try:
            found = subprocess.run([candidate, "-c", FIND_KERAS], capture_output=True, check=False, timeout=60)
        except (OSError, subprocess.TimeoutExpired) as error:
            if wanted:
                raise CannotRun(f"{wanted}: cannot be run: {error}") from error
            continue
        if found.returncode == 0:
            return candidate
    if wanted:
        raise CannotRun(f"{wanted} has no Keras: name another interpreter with --python")
    raise CannotRun(
        "no interpreter with Keras found: name the one that runs your program with --python, "
        "or install it here with: pip install 'dropout-lint[verify]'"
    )


def keras_of(python: str) -> str | None:
    """``3.15`` for an interpreter with Keras 3.15, read from its packages without importing any; None if unknown."""
    code = "import importlib.metadata as m; print(m.version('keras'))"
    try:
        found = subprocess.run([python, "-c", code], capture_output=True, check=False, timeout=60, text=True)
    except (OSError, subprocess.TimeoutExpired):
        return None
    parts = found.stdout.strip().split(".")
    return ".".join(parts[:2]) if found.returncode == 0 and len(parts) > 1 else None


def _environments(script: Path) -> list[str]:
    """Interpreters of virtual environments beside the script, above it, and the active one."""
    folders = [*script.absolute().parents]
    found = [folder / name / "bin" / "python" for folder in folders for name in (".venv", "venv")]
    active = os.environ.get("VIRTUAL_ENV")
    if active:
        found.append(Path(active, "bin", "python"))
    return [str(python) for python in found if python.is_file()]


def run_child(
    python: str,
    job: Json,
    *,
    timeout: float | None,
    in_place: bool,
    memory: float | None = None,
    environment: Mapping[str, str] | None = None,
    progress: Callable[[float, int], None] | None = None,
) -> Run:
    """Run one job to its end, its limits, or an interruption; nothing of it is left running.

    The child has its own session, so that Ctrl-C reaches us and not it; we end its whole group. ``timeout`` is in
    seconds, ``memory`` in GiB (four fifths of the machine's by itself); ``environment`` is added to that of this
    process; ``progress`` is told the seconds passed and the number of measurements made.
    """
    with tempfile.TemporaryDirectory(prefix="dropout-lint-") as name:
        folder = Path(name)
        results = folder / "results.jsonl"
        results.touch()
        (folder / "job.json").write_text(json.dumps({**job, "results": str(results)}), encoding="utf-8")
        home = working_directory = Path(str(job.get("home") or Path.cwd()))
        if not in_place:
            working_directory = folder / "work"
            copy_folder(home, working_directory)
        start = time.monotonic()
        mark = folder.name
        with (folder / "stdout").open("wb") as stdout, (folder / "stderr").open("wb") as stderr:
            child = subprocess.Popen(
                command_of(python, job, str(folder / "job.json")),
                cwd=working_directory,
                env={**os.environ, **(environment or {}), MARK: mark},
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
            )
            with _ended_with_us(child, mark):
                limit = _wait(child, timeout, _memory_limit(memory), results, progress, mark)
        return Run(
            events=_read_events(results),
            stdout=(folder / "stdout").read_text(encoding="utf-8", errors="replace"),
            stderr=(folder / "stderr").read_text(encoding="utf-8", errors="replace"),
            status=child.returncode,
            seconds=time.monotonic() - start,
            timed_out=limit == "time",
            out_of_memory=limit == "memory",
            rows=_read_rows(folder),
        )


def command_of(python: str, job: Json, path: str) -> list[str]:
    """What starts the child: itself, or for a notebook nbclient here with the child as its kernel, if both can."""
    if job.get("kind") == "notebook" and has_kernel(python):
        return [sys.executable, "-u", str(NOTEBOOKS), path, python]
    return [python, "-u", str(CHILD), path]


def has_kernel(python: str) -> bool:
    """Whether a notebook can run in a kernel: nbclient is here, ipykernel there."""
    if find_spec("nbclient") is None:
        return False
    code = "import importlib.util as u, sys; sys.exit(0 if u.find_spec('ipykernel') else 3)"
    try:
        return subprocess.run([python, "-c", code], capture_output=True, check=False, timeout=60).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _memory_limit(wanted: float | None) -> int | None:
    if wanted is not None:
        return int(wanted * (1 << 30))
    total = total_memory()
    return None if total is None else total * 4 // 5


def _wait(
    child: subprocess.Popen[bytes],
    timeout: float | None,
    memory: int | None,
    results: Path,
    progress: Callable[[float, int], None] | None,
    mark: str,
) -> str:
    """Wait for the end; which limit came first, ``"time"`` or ``"memory"``, or nothing."""
    start = time.monotonic()
    step = 0.05
    while True:
        passed = time.monotonic() - start
        try:
            child.wait(step if timeout is None else max(0.0, min(step, timeout - passed)))
        except subprocess.TimeoutExpired:
            pass
        else:
            return ""
        passed = time.monotonic() - start
        if timeout is not None and passed >= timeout:
            return "time"
        if memory is not None and resident_bytes(child.pid, mark) > memory:
            return "memory"
        if progress is not None:
            with contextlib.suppress(OSError):
                progress(passed, results.read_bytes().count(b'"event": "measurement"'))
        # A look at every process costs milliseconds: often at first, then seldom.
        step = min(1.0, step * 1.5)


@contextlib.contextmanager
def _ended_with_us(child: subprocess.Popen[bytes], mark: str) -> Iterator[None]:
    """Whatever ends the wait (Ctrl-C, a termination signal, an error) ends the child's group."""

    def terminate(number: int, _: object) -> None:
        raise SystemExit(128 + number)

    try:
        previous = signal.signal(signal.SIGTERM, terminate)
    except ValueError:  # not the main thread: the caller handles signals
        previous = None
    RUNNING.add((child, mark))
    try:
        yield
    finally:
        end_all(child, mark)
        RUNNING.discard((child, mark))
        if previous is not None:
            signal.signal(signal.SIGTERM, previous)


def _read_events(path: Path) -> tuple[Json, ...]:
    """All complete lines; the last one may be cut off by a kill."""
    events: list[Json] = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            events.append(json.loads(line))
        except ValueError:  # noqa: PERF203  # a handful of lines
            break
    return tuple(events)


def _read_rows(folder: Path) -> dict[str, dict[str, object]]:
    paths = sorted(folder.glob("rows-*.npz"))
    if not paths:
        return {}
    import numpy as np

    rows: dict[str, dict[str, object]] = {}
    for path in paths:
        try:
            with np.load(path) as stored:
                rows[path.name] = {name: stored[name] for name in stored.files}
        except (OSError, ValueError):  # noqa: PERF203  # cut off by a kill
            continue
    return rows
