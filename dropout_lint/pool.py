"""Work done by other processes, each of which has one item at a time: when one dies, it is known over what.

A process that dies takes nobody with it. What it was on is tried once more when all else is done, alone and in a fresh
process, because out of memory is often the fault of all of them together; then it is given up as `Lost`.

Processes are forked where that is safe, on Linux and from a process of one thread: that costs milliseconds, and what
was loaded and scanned is there. Elsewhere they are spawned, which costs a start of the interpreter and all imports.
An interrupt is the parent's business. Whatever ends the parent closes the pipes, and a process whose pipe is closed
ends at once.
"""

from __future__ import annotations

import gc
import os
import sys
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

if TYPE_CHECKING:
    from multiprocessing.connection import Connection as AnyConnection
    from multiprocessing.context import BaseContext
    from multiprocessing.process import BaseProcess
    from queue import SimpleQueue

    Connection = AnyConnection[Any, Any]

Item = TypeVar("Item")
Result = TypeVar("Result")

WORTH_FORKING = 16_000
"""Bytes of work for which another forked process pays: it costs 33 ms of CPU time (`getrusage` of runs over eight small
files by one, four and eight processes), which is that of analysing 3 to 6 kB (projects of 1 to 9 MB)."""

WORTH_SPAWNING = 160_000
"""Likewise where processes are spawned, which takes 0.35 s each: the interpreter, this package, the parser."""


@dataclass(frozen=True, slots=True)
class Task(Generic[Item]):
    """One item. ``size`` is in proportion to the time it takes; those of a ``group`` share some of their work."""

    item: Item
    size: int
    group: str


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


def processes(tasks: Sequence[Task[Item]], jobs: int | None) -> int:
    """How many processes to start; 0 where the work is better done in this one.

    A number of ``jobs`` that is asked for is taken; by default it is what there are cores for, and enough work.
    Where processes can be forked there is always one: the parser can be brought down by what it reads, and can eat
    a gigabyte over 20 kB of it, and while it does nothing can interrupt it.
    """
    method = _method()
    if method is None or not tasks:
        return 0
    wanted = min(len(tasks), jobs or usable_cores())
    work = sum(task.size for task in tasks)
    if method == "fork":
        return wanted if jobs else max(1, min(wanted, work // WORTH_FORKING))
    if jobs is None or jobs == 1:
        return min(wanted, work // WORTH_SPAWNING)
    return wanted


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
    tasks: Sequence[Task[Item]], function: Callable[[Item], Result], count: int, prepare: Callable[[], None]
) -> Generator[tuple[int, Result | Lost], None, None]:
    """The results of ``function`` over the items as ``count`` processes give them, with the places in ``tasks``.

    What no process could be had for does not come: it is left to the caller. ``function``, the items and the results
    can be pickled. ``prepare`` loads what all processes need, where they can have it from this one.
    """
    if count < 1:
        return
    from multiprocessing import get_context

    method = _method()
    if method == "fork":
        prepare()
    context, suspects = get_context(method), []
    for place, answer in _Crew(context, function, _Queue(tasks, range(len(tasks)))).work(count):
        if isinstance(answer, Lost):
            suspects.append(place)
        else:
            yield place, answer
    for place in sorted(suspects):
        alone = _Crew(context, function, _Queue(tasks, [place]))
        yield next(alone.work(1), (place, Lost("no process could be started for a second try", memory=True)))


class _Queue(Generic[Item]):
    """Tasks, handed out group by group and large before small, so that nobody is left with a large one at the end."""

    def __init__(self, tasks: Sequence[Task[Item]], places: Iterable[int]) -> None:
        self._tasks = tasks
        groups: dict[str, list[int]] = {}
        for place in places:
            groups.setdefault(tasks[place].group, []).append(place)
        sizes = {group: self._size(members) for group, members in groups.items()}
        self._groups = [
            deque(sorted(groups[group], key=lambda place: (-tasks[place].size, place)))
            for group in sorted(groups, key=lambda group: (sizes[group], group))
        ]
        self._begun: dict[int, deque[int]] = {}

    def _size(self, places: Iterable[int]) -> int:
        return sum(self._tasks[place].size for place in places)

    def __bool__(self) -> bool:
        return bool(self._groups) or any(self._begun.values())

    def take(self, worker: int) -> int | None:
        """The next task for a worker: of the group it has begun, of another one, or of what another has begun."""
        own = self._begun.get(worker)
        if not own:
            if self._groups:
                own = self._groups.pop()
            else:
                most = max(self._begun.values(), key=self._size, default=None)
                if not most:
                    return None
                kept, own = deque(list(most)[1::2]), deque(list(most)[::2])
                most.clear()
                most.extend(kept)
            self._begun[worker] = own
        return own.popleft()

    def item(self, place: int) -> Item:
        """What a task is about."""
        return self._tasks[place].item


@dataclass(eq=False, slots=True)
class _Worker:
    """A process, our end of its pipe, and what it is on: nothing before it says that it is ready."""

    number: int
    process: BaseProcess
    connection: Connection
    task: int | None = None


@dataclass(eq=False, slots=True)
class _Crew(Generic[Item, Result]):
    """The processes that work on a queue."""

    context: BaseContext
    function: Callable[[Item], Result]
    queue: _Queue[Item]
    _workers: dict[Connection, _Worker] = field(default_factory=dict)
    _started: int = 0

    def work(self, count: int) -> Iterator[tuple[int, Result | Lost]]:
        """Results as they come, and a `Lost` for each process that died over something."""
        from multiprocessing.connection import wait

        try:
            for _ in range(count):
                self._start()
            while self._workers:
                for ready in wait(list(self._workers)):
                    worker = self._workers[cast("Connection", ready)]
                    try:
                        answer = worker.connection.recv()
                    except (EOFError, OSError):
                        lost = self._bury(worker)
                        if worker.task is not None:
                            yield worker.task, lost
                            if self.queue:
                                self._start()
                        # one that was never ready would not be the second time either
                        continue
                    place, worker.task = worker.task, self.queue.take(worker.number)
                    if worker.task is None:
                        self._dismiss(worker)
                    else:
                        self._hand(worker, worker.task)
                    if place is not None:
                        yield place, answer
        finally:
            for worker in list(self._workers.values()):
                worker.process.kill()
                self._bury(worker)

    def _start(self) -> None:
        here, there = self.context.Pipe()
        others = [here, *self._workers] if self.context.get_start_method() == "fork" else []
        process = self.context.Process(  # type: ignore[attr-defined]
            target=_serve, args=(there, others, self.function), name=f"dropout-lint-{self._started}", daemon=True
        )
        try:
            with _undisturbed():
                process.start()
        except OSError:
            # no more processes, or no memory for one: those that are there do the work, or the caller does
            here.close()
            return
        finally:
            there.close()
        self._workers[here] = _Worker(self._started, process, here)
        self._started += 1

    def _hand(self, worker: _Worker, place: int) -> None:
        # one that has died meanwhile is noticed by the end of its pipe
        with suppress(OSError):
            worker.connection.send(self.queue.item(place))

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
    gc.set_threshold(*GC_THRESHOLDS)
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


GC_THRESHOLDS = (50_000, 20, 5)
"""Syntax trees are many, large and free of cycles: by default, a third of the time goes into visiting them. What is
made of them is full of cycles, and holds them: with ``(50_000, 50, 50)``, 7 % faster, memory is a third more."""


def _receive(connection: Connection, incoming: SimpleQueue[Item]) -> None:
    try:
        while True:
            incoming.put(connection.recv())
    except (EOFError, OSError):
        os._exit(0)


def _answer(connection: Connection, incoming: SimpleQueue[Item], function: Callable[[Item], Result]) -> None:
    while True:
        connection.send(function(incoming.get()))
