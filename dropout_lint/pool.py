"""Work done by other processes, each of which has one item at a time: when one dies, it is known over what.

A process that dies takes nobody with it. What it was on is tried once more when all else is done, alone and in a fresh
process, because out of memory is often the fault of all of them together; then it is given up as `Lost`.

Processes are forked where that is safe, on Linux and from a process of one thread: that costs milliseconds, and what
was loaded and scanned is there. Elsewhere they are spawned, which costs a start of the interpreter and all imports.
The parent looks for the work, and counts as one of them for as long: those that are there do what it has found so far.
An interrupt is the parent's business. Whatever ends the parent closes the pipes, and a process whose pipe is closed
ends at once.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from dropout_lint.collecting import AT_FIRST
from dropout_lint.tasks import Item, Queue, Task

if TYPE_CHECKING:
    from multiprocessing.connection import Connection as AnyConnection
    from multiprocessing.context import BaseContext
    from multiprocessing.process import BaseProcess
    from queue import SimpleQueue

    Connection = AnyConnection[Any, Any]

Result = TypeVar("Result")

WORTH_FORKING = 16_000
"""Bytes of work for which another forked process pays: it costs 33 ms of CPU time (`getrusage` of runs over eight small
files by one, four and eight processes), which is that of analysing 3 to 6 kB (projects of 1 to 9 MB)."""

WORTH_SPAWNING = 160_000
"""Likewise where processes are spawned, which takes 0.35 s each: the interpreter, this package, the parser."""


@dataclass(frozen=True, slots=True)
class Lost:
    """What is known of an item on which two processes have died, as a clause."""

    reason: str
    memory: bool
    """Whether it looks as if memory had run out."""


def usable_cores() -> int:
    """How many cores this process may use: by its affinity, and by the quota of its control group (containers)."""
    affinity = getattr(os, "sched_getaffinity", None)
    cores = (len(affinity(0)) if affinity is not None else os.cpu_count()) or 1
    return max(1, min(cores, _quota() or cores))


def _quota(file: Path = Path("/sys/fs/cgroup/cpu.max")) -> int | None:
    """The number of cores that the control group pays for, rounded up; None where it does not say."""
    try:
        quota, period = file.read_text(encoding="ascii").split()
        return -(-int(quota) // int(period))
    except (OSError, ValueError):
        return None


def _count(method: str | None, most: int, work: int, jobs: int | None) -> int:
    """How many processes there should be, at ``most``; 0 where the work is better done in this one.

    A number of ``jobs`` that is asked for is taken; by default it is what there is enough work for.
    Where processes can be forked there is always one: the parser can be brought down by what it reads, and can eat
    a gigabyte over 20 kB of it, and while it does nothing can interrupt it.
    """
    if method is None or not most:
        return 0
    if method == "fork":
        return most if jobs else max(1, min(most, work // WORTH_FORKING))
    if jobs is None or jobs == 1:
        return min(most, work // WORTH_SPAWNING)
    return most


def _method() -> str | None:
    """How processes can be started without harm, None if they cannot."""
    if sys.platform == "linux" and _threads() == 1:
        return "fork"
    # Spawning puts the working directory first among the places to import from, and with it the code that is being
    # read, unless Python is told not to, which it can be since 3.11. Bundled programs are no interpreters.
    if not hasattr(sys.flags, "safe_path") or getattr(sys, "frozen", False) or not sys.executable:
        return None
    return "spawn"


def _threads() -> int:
    """How many threads this process has, those of native libraries included: a fork has only one of them."""
    try:
        return len(list(Path("/proc/self/task").iterdir()))
    except OSError:
        return 2


def spread(
    source: Iterable[Task[Item] | None],
    function: Callable[[Item], Result],
    jobs: int | None,
    prepare: Callable[[], None],
) -> Generator[tuple[int, Result | Lost], None, None]:
    """The results of ``function`` over the items of ``source`` as other processes give them, with their places there.

    The items are drawn here, while others are already at work on those before them; None, which has no place, is a
    moment in which they can be heard. ``jobs`` is how many processes work at a time, the one that draws included.
    What no process could be had for does not come: it is left to the caller. ``function``, the items and the results
    can be pickled. ``prepare`` is called before processes are started that have what was loaded in this one.
    """
    method, most = _method(), jobs or usable_cores()
    queue: Queue[Item] = Queue()

    def count(drawing: bool) -> int:
        worth = _count(method, min(len(queue.tasks), most), queue.work, jobs)
        return min(worth, most - 1) if drawing else worth

    suspects = []
    for place, answer in _Crew(method, function, prepare, queue).work(source, count):
        if isinstance(answer, Lost):
            suspects.append(place)
        else:
            yield place, answer
    for place in sorted(suspects):
        alone = _Crew(method, function, prepare, Queue(queue.tasks, place))
        never = Lost("no process could be started for a second try", memory=True)
        yield next(alone.work((), lambda _: 1), (place, never))


@dataclass(eq=False, slots=True)
class _Worker:
    """A process, our end of its pipe, and what it is on: nothing before it is ready, and when it waits for more."""

    number: int
    process: BaseProcess
    connection: Connection
    task: int | None = None
    waits: bool = False

    @property
    def is_new(self) -> bool:
        """Whether it has not said yet that it is ready."""
        return self.task is None and not self.waits


@dataclass(eq=False, slots=True)
class _Crew(Generic[Item, Result]):
    """The processes that work on a queue."""

    method: str | None
    function: Callable[[Item], Result]
    prepare: Callable[[], None]
    queue: Queue[Item]
    _workers: dict[Connection, _Worker] = field(default_factory=dict)
    _started: int = 0
    _failed: int = 0
    """Processes that could not be started, or were never ready: others would not be, either."""

    def work(
        self, source: Iterable[Task[Item] | None], count: Callable[[bool], int]
    ) -> Iterator[tuple[int, Result | Lost]]:
        """Results as they come, and a `Lost` for each process that died over something.

        ``count`` tells how many processes the tasks that were drawn so far are worth, besides this one while it draws.
        """
        try:
            for task in source:
                if task is not None:
                    self.queue.add(task)
                self._staff(count(True))
                # the next look may take long, and a fork is ready in no time
                soon = self.method == "fork" and any(each.is_new for each in self._workers.values())
                yield from self._hear(None if soon else 0)
            self._staff(count(False))
            while self._workers:
                for worker in [each for each in self._workers.values() if each.waits]:
                    self._dismiss(worker)
                yield from self._hear(None)
                self._staff(count(False))
        finally:
            for worker in list(self._workers.values()):
                worker.process.kill()
                self._bury(worker)

    def _staff(self, count: int) -> None:
        """Start processes for what nobody has begun, until there are ``count``, and hand it to those that wait."""
        for worker in self._workers.values():
            if worker.waits:
                self._occupy(worker)
        while self.queue and len(self._workers) < count - self._failed:
            self._start()

    def _hear(self, timeout: float | None) -> Iterator[tuple[int, Result | Lost]]:
        """What those say who say something; each of them is handed the next task."""
        if not self._workers:
            return
        from multiprocessing.connection import wait

        for ready in wait(list(self._workers), timeout):
            worker = self._workers[cast("Connection", ready)]
            try:
                answer = worker.connection.recv()
            except (EOFError, OSError):
                lost = self._bury(worker)
                if worker.task is not None:
                    yield worker.task, lost
                elif worker.is_new:
                    self._failed += 1
                continue
            place = worker.task
            self._occupy(worker)
            if place is not None:
                yield place, answer

    def _start(self) -> None:
        from multiprocessing import get_context

        forks = self.method == "fork"
        if forks:
            self.prepare()
        context: BaseContext = get_context(self.method)
        here, there = context.Pipe()
        others = [here, *self._workers] if forks else []
        process = context.Process(  # type: ignore[attr-defined]
            target=_serve, args=(there, others, self.function), name=f"dropout-lint-{self._started}", daemon=True
        )
        try:
            with _undisturbed():
                process.start()
        except OSError:
            # no more processes, or no memory for one: those that are there do the work, or the caller does
            self._failed += 1
            here.close()
            return
        finally:
            there.close()
        self._workers[here] = _Worker(self._started, process, here)
        self._started += 1

    def _occupy(self, worker: _Worker) -> None:
        """Hand a worker the next task, if there is one."""
        worker.task = self.queue.take(worker.number)
        worker.waits = worker.task is None
        if worker.task is not None:
            # one that has died meanwhile is noticed by the end of its pipe
            with suppress(OSError):
                worker.connection.send(self.queue.tasks[worker.task].item)

    def _dismiss(self, worker: _Worker) -> None:
        worker.connection.close()
        del self._workers[worker.connection]
        worker.process.join()

    def _bury(self, worker: _Worker) -> Lost:
        """Forget a process whose pipe has ended, and say how it died."""
        worker.connection.close()
        del self._workers[worker.connection]
        worker.process.join()
        return _verdict(worker.process.exitcode)


def _verdict(status: int | None) -> Lost:
    import signal

    if status is None or status >= 0:
        return Lost(f"the process that analysed it ended with status {status}, twice", memory=False)
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    return Lost(f"the process that analysed it was killed by {name}, twice", memory=name == "SIGKILL")


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Start a process in peace: an interrupt waits until it can be told from one that is meant for the child.

    The working directory, where the code is that is being read, is no place for the child to import from.
    """
    import signal

    masks = hasattr(signal, "pthread_sigmask")
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM}) if masks else None
    safe = os.environ.get("PYTHONSAFEPATH")
    os.environ["PYTHONSAFEPATH"] = "1"
    try:
        yield
    finally:
        if safe is None:
            del os.environ["PYTHONSAFEPATH"]
        else:
            os.environ["PYTHONSAFEPATH"] = safe
        if before is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


# In the other process -----------------------------------------------------------------------------------------


def _serve(connection: Connection, others: Sequence[Connection], function: Callable[[Item], Result]) -> None:
    """Answer what comes until the pipe is closed, which ends this process whatever it is doing."""
    import signal
    from queue import SimpleQueue
    from threading import Thread

    from dropout_lint.syntax.stack import on_deep_stack

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM})
    for other in others:
        # the parent's ends of all pipes: while somebody holds them, they are not closed
        other.close()
    gc.freeze()
    gc.set_threshold(*AT_FIRST)
    gc.enable()
    incoming: SimpleQueue[Item] = SimpleQueue()
    Thread(target=_receive, args=(connection, incoming), daemon=True).start()
    status = 1
    try:
        connection.send(None)
        on_deep_stack(partial(_answer, connection, incoming, function))
    except OSError:
        status = 0  # nobody listens any more
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(status)


def _receive(connection: Connection, incoming: SimpleQueue[Item]) -> None:
    try:
        while True:
            incoming.put(connection.recv())
    except (EOFError, OSError):
        os._exit(0)


def _answer(connection: Connection, incoming: SimpleQueue[Item], function: Callable[[Item], Result]) -> None:
    while True:
        connection.send(function(incoming.get()))
