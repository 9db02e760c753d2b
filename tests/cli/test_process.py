"""The command line as a process: what it loads, and how it ends."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import dropout_lint as package

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(package.__file__).parents[1])}

HEAVY = ("keras", "libcst", "multiprocessing", "numpy", "rich", "tensorflow", "tf_keras")


def dropout_lint(*arguments, cwd, stdin="", **environment):
    return subprocess.run(
        [sys.executable, "-m", "dropout_lint", *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        input=stdin,
        check=False,
        env={**ENVIRONMENT, **environment},
    )


def loaded_by(program, cwd):
    """The heavy modules that ``program`` loads, not counting what processes it starts do."""
    listing = (
        f"import atexit, sys\natexit.register(lambda: print([m for m in {HEAVY!r} if m in sys.modules]))\n{program}"
    )
    done = subprocess.run(
        [sys.executable, "-c", listing], capture_output=True, text=True, cwd=cwd, check=False, env=ENVIRONMENT
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


MAIN = "from dropout_lint.cli import main\nmain({arguments!r})"


@pytest.mark.parametrize(
    "arguments", [["--version"], ["--help"], ["."], ["empty", "-q"], ["check", "--output-format=json"], ["config"]]
)
def test_an_empty_run_loads_neither_parser_nor_rich(tmp_path, arguments):
    (tmp_path / "empty").mkdir()

    assert loaded_by(MAIN.format(arguments=arguments), tmp_path) == "[]"


def test_files_without_keras_load_neither_parser_nor_rich(tmp_path):
    (tmp_path / "a.py").write_text("import os\n\nprint(os.name)\n")

    assert loaded_by(MAIN.format(arguments=["."]), tmp_path) == "[]"


@pytest.mark.parametrize(
    ("program", "loaded"),
    [
        (MAIN.format(arguments=["."]), "['libcst', 'multiprocessing']"),
        ("import dropout_lint\ndropout_lint.check_paths(['.'])", "['libcst']"),
    ],
    ids=["command line", "library"],
)
def test_linting_never_loads_what_it_checks(tmp_path, program, loaded):
    (tmp_path / "a.py").write_text(
        "import keras\n\nmodel = keras.Sequential([keras.layers.Dropout(0.5)])\nmodel.fit(x, y)\n"
        "print(model(x_test, training=False))\n"
    )

    assert loaded_by(program, tmp_path) == loaded


def test_the_module_runs_as_a_program(tmp_path):
    done = dropout_lint("--version", cwd=tmp_path)

    assert (done.returncode, done.stdout, done.stderr) == (0, "dropout-lint 0.1.0\n", "")


def test_a_syntax_error_in_a_file_with_keras_is_a_finding(tmp_path):
    (tmp_path / "a.py").write_text("import keras\nmodel(x, training=True\n")
    done = dropout_lint("--output-format=concise", cwd=tmp_path)

    assert done.returncode == 1
    assert done.stdout.startswith("a.py:2:6: KTM990 the file is not valid Python: '(' was never closed\n")


def test_a_stream_that_cannot_express_everything_gets_a_replacement(tmp_path):
    (tmp_path / "日本.py").write_text("import keras\nmodel(x, training=True\n", encoding="utf-8")
    done = dropout_lint(cwd=tmp_path, PYTHONIOENCODING="ascii")

    assert done.returncode == 1
    assert done.stdout.startswith("\\u65e5\\u672c.py:2:6: KTM990 syntax-error: ")
    assert done.stderr == ""


def test_a_reader_that_has_seen_enough_ends_the_run_quietly(tmp_path):
    for i in range(500):
        (tmp_path / f"a{i}.py").write_text("import keras\nmodel(x, training=True\n")
    command = f"{sys.executable} -m dropout_lint --output-format=full | head -n 1"
    done = subprocess.run(
        command, shell=True, capture_output=True, text=True, cwd=tmp_path, check=False, env=ENVIRONMENT
    )

    assert done.stdout.count("\n") == 1
    assert done.stderr == ""
