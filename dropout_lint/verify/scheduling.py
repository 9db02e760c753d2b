"""Where runs are carried out: here one after the other, here side by side, or on somebody's cluster.

Runs are independent of each other, so anything that implements ``concurrent.futures.Executor`` serves. On another
machine the project's files and the interpreter must be found under the same paths.
"""

from __future__ import annotations

import contextlib
import importlib
import os
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from dropout_lint.verify.processes import total_memory
from dropout_lint.verify.runner import run_child

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dropout_lint.verify.experiment import Json, Options
    from dropout_lint.verify.runner import Run

DASK = "dask://"

CARRIED = ("KERAS_", "TF_", "JAX_", "XLA_", "CUDA_", "OMP_")
"""Variables of the environment that decide how Keras runs: they go along to another machine."""

SHARE_OF_MEMORY = 0.8


class NoExecutor(Exception):
    """An executor that cannot be had; the message says why."""


class InTurn(Executor):
    """Carries out each call when it is submitted."""

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        # What ends us (Ctrl-C) passes through; what fails belongs to the future.
        try:
            future.set_result(function(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


class Runs:
    """Starts runs on an executor, with the limits of the command line."""

    def __init__(
        self, options: Options, executor: Executor | None = None, *, jobs: int = 1, remote: bool = False
    ) -> None:
        self._executor = executor or InTurn()
        self._timeout = options.timeout
        self._in_place = options.in_place
        self._memory = options.memory
        self._environment: dict[str, str] | None = None
        self.parallel = executor is not None
        """Whether starting several runs before waiting for one pays."""
        if remote:
            self._environment = {name: value for name, value in os.environ.items() if name.startswith(CARRIED)}
        elif jobs > 1 and self._memory is None:
            total = total_memory()
            # Several side by side share what one would have had.
            self._memory = None if total is None else total * SHARE_OF_MEMORY / jobs / (1 << 30)

    def start(self, python: str, job: Json, progress: Callable[[float, int], None] | None = None) -> Future[Run]:
        """Start one run, or carry it out."""
        return self._executor.submit(
            run_child,
            python,
            job,
            timeout=self._timeout,
            in_place=self._in_place,
            memory=self._memory,
            environment=self._environment,
            # A callback stays in this process.
            progress=progress if self._environment is None else None,
        )


@contextlib.contextmanager
def executor_of(text: str | None, jobs: int) -> Iterator[Executor | None]:
    """The executor that ``--executor`` or ``--jobs`` asks for, None for one run after the other.

    Raises:
        NoExecutor: It cannot be made or reached.
    """
    if text is None:
        if jobs < 2:
            yield None
            return
        pool = ThreadPoolExecutor(jobs, thread_name_prefix="verify")
        try:
            yield pool
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
    elif text.startswith(DASK):
        with _dask_client(text[len(DASK) :]) as client:
            yield client.get_executor()
    else:
        yield _made_by(text)


@contextlib.contextmanager
def _dask_client(address: str) -> Iterator[Any]:
    try:
        import distributed
    except ImportError as error:
        raise NoExecutor("--executor dask:// needs Dask: pip install 'dropout-lint[distributed]'") from error
    connect: Any = distributed.Client
    try:
        client = connect(f"tcp://{address}", timeout="10s", set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise NoExecutor(f"no Dask scheduler answers at {address}: {error}") from error
    try:
        yield client
    finally:
        client.close()


def _made_by(text: str) -> Executor:
    module, colon, name = text.partition(":")
    if not colon or not name.isidentifier():
        raise NoExecutor(f"--executor {text}: takes dask://host:port, or module:function that returns an Executor")
    try:
        executor = getattr(importlib.import_module(module), name)()
    except (ImportError, AttributeError) as error:
        raise NoExecutor(f"--executor {text}: {error}") from error
    if not isinstance(executor, Executor):
        raise NoExecutor(f"--executor {text}: returns {type(executor).__name__}, which is no Executor")
    return executor
