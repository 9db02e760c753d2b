"""Runs side by side, and on a cluster: programs that need no Keras."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from dropout_lint.cli import verify as command
from dropout_lint.verify.experiment import Options
from dropout_lint.verify.scheduling import InTurn, NoExecutor, Runs, executor_of

ROOT = Path(__file__).parents[2]

# An interpreter with Keras is not needed: the call fails first.
PROGRAM = """import os, time
from keras_free import model
start = time.time()
time.sleep({seconds})
print("times", start, time.time(), os.getpid())
import keras
keras.backend.set_learning_phase(1)
"""


@pytest.fixture
def programs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    (tmp_path / "keras_free.py").write_text("model = None\n")
    (tmp_path / "keras.py").write_text("class backend:\n    pass\n")
    for name in ("one.py", "two.py"):
        (tmp_path / name).write_text(PROGRAM.format(seconds=2))
    return tmp_path


def verify(*arguments):
    command_line = [sys.executable, "-m", "dropout_lint", "verify", "one.py", "two.py", "--keras-version", "3.15"]
    command_line += ["--output-format", "json"]
    finished = subprocess.run([*command_line, *arguments], capture_output=True, check=False, text=True)
    assert finished.returncode == 1, finished.stderr
    return json.loads(finished.stdout)


def test_two_programs_side_by_side_are_reported_in_their_order(programs):
    started = time.monotonic()
    report = verify("--jobs", "2")

    assert [result["verdict"] for result in report["results"]] == ["confirmed-raises"] * 2
    assert [program["path"] for program in report["programs"]] == ["one.py", "two.py"]
    assert time.monotonic() - started < 60


def test_runs_go_on_at_the_same_time(programs):
    from dropout_lint.verify.experiment import measuring_job

    with executor_of(None, 2) as pool:
        runs = Runs(Options(), pool, jobs=2)
        started = [runs.start(sys.executable, measuring_job(Path(n), (), (), Options())) for n in ("one.py", "two.py")]
        spans = [re.findall(r"[\d.]+", future.result().stdout) for future in started]

    (one_start, one_end, _), (two_start, two_end, _) = [tuple(map(float, span)) for span in spans]
    assert one_start < two_end
    assert two_start < one_end


def test_an_executor_of_your_own(programs, monkeypatch):
    (programs / "pools.py").write_text(
        "from concurrent.futures import ThreadPoolExecutor\n\ndef make():\n    return ThreadPoolExecutor(1)\n"
    )
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}{os.pathsep}{programs}")

    assert len(verify("--executor", "pools:make")["results"]) == 2


@pytest.mark.parametrize(
    ("executor", "message"),
    [
        ("dask://127.0.0.1:1", "no Dask scheduler answers at 127.0.0.1:1"),
        ("nowhere:make", "No module named 'nowhere'"),
        ("os:getcwd", "returns str, which is no Executor"),
        ("words", "takes dask://host:port, or module:function"),
    ],
)
def test_an_executor_that_cannot_be_had(executor, message):
    with pytest.raises(NoExecutor, match=re.escape(message)), executor_of(executor, 1):
        pass


def test_in_turn_an_error_belongs_to_the_future():
    future = InTurn().submit(int, "x")

    assert isinstance(future.exception(), ValueError)


@pytest.fixture
def scheduler(programs):
    """A Dask scheduler and two workers, each a process of its own, on loopback."""
    pytest.importorskip("distributed")
    options = ["--host", "127.0.0.1", "--no-dashboard"]
    started = []

    def start(module, *arguments):
        process = subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.{module}", *arguments],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    lines = start("dask_scheduler", *options, "--port", "0").stderr
    address = next(found[1] for line in lines if (found := re.search(r"tcp://(127\.0\.0\.1:\d+)", line)))
    for name in ("first", "second"):
        start("dask_worker", f"tcp://{address}", *options, "--nthreads", "1", "--no-nanny", "--name", name)
    yield address
    for process in reversed(started):
        process.terminate()
        process.wait(10)
        process.stderr.close()


@pytest.mark.slow
def test_a_dask_scheduler_and_two_workers(scheduler):
    report = verify("--executor", f"dask://{scheduler}")

    assert [result["verdict"] for result in report["results"]] == ["confirmed-raises"] * 2
    assert [result["exception"]["type"] for result in report["results"]] == ["AttributeError"] * 2


def test_jobs_are_counted_from_one():
    outcome = CliRunner().invoke(command.verify, ["a.py", "--jobs", "0"], standalone_mode=True)

    assert outcome.exit_code == 2
