"""The hooks, installed and run by the real pre-commit."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

PACKAGED = ("dropout_lint", "pyproject.toml", "LICENSE", "README.md", ".pre-commit-hooks.yaml")

FLAGGED = """\
import keras
import numpy as np

model = keras.Sequential([keras.layers.Dense(8), keras.layers.Dropout(0.5)])
model.compile("adam", "sparse_categorical_crossentropy")
model.fit(x_train, y_train)
logits = model(x_test, training=True)
print("accuracy", np.mean(np.argmax(logits, axis=1) == y_test))
"""


def git(folder, *arguments):
    identity = ("-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "init.defaultBranch=main")
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def commit(folder):
    git(folder, "init")
    git(folder, "add", "--all", "--force")
    git(folder, "commit", "--message", "state")


@pytest.fixture(scope="module")
def hooks(tmp_path_factory):
    """A repository with the present state of the package, as pre-commit clones it."""
    folder = tmp_path_factory.mktemp("hooks")
    for name in PACKAGED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        elif (ROOT / name).exists():
            shutil.copy(ROOT / name, folder / name)
    commit(folder)
    return folder


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """Everything of ours out of the way, and pre-commit's cache in a place of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "PYTHON", "VIRTUAL_ENV"))}
    return {**kept, "PRE_COMMIT_HOME": str(tmp_path_factory.mktemp("cache")), "PRE_COMMIT_COLOR": "never"}


@pytest.fixture
def run_hook(tmp_path, hooks, environment):
    """Runs a hook over the staged files of a project, which are ``files`` unless ``staged`` names some of them."""

    def run(files, configuration="", hook="dropout-lint", staged=None):
        git(tmp_path, "init")
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=hooks, capture_output=True, text=True, check=True)
        (tmp_path / ".pre-commit-config.yaml").write_text(
            f"repos:\n- repo: {hooks}\n  rev: {head.stdout.strip()}\n  hooks:\n  - id: {hook}\n{configuration}"
        )
        git(tmp_path, "add", "--force", ".pre-commit-config.yaml", *(files if staged is None else staged))
        command = [sys.executable, "-m", "pre_commit", "run", "--verbose"]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, env=environment)

    return run


@pytest.mark.slow
def test_the_hook_installs_and_reports_findings(run_hook):
    done = run_hook({"train.py": FLAGGED, "notes.md": "training=True\n", "other.py": "print(1)\n"})

    assert done.returncode == 1, done.stdout + done.stderr
    assert "Failed" in done.stdout
    assert "train.py:7:24: KTM101 training-true-in-inference" in done.stdout
    assert "Found 1 finding in 2 files: 1 error." in done.stdout


@pytest.mark.slow
def test_the_hook_passes_clean_files_and_obeys_the_project(run_hook):
    files = {
        "generated/train.py": FLAGGED,
        "tests/train.py": FLAGGED,
        "meant.py": FLAGGED.replace("training=True)", "training=True)  # dropout-lint: ignore[KTM101] meant"),
        "pyproject.toml": '[tool.dropout-lint]\nexclude = ["generated"]\nper-file-ignores = {"tests/*" = ["KTM101"]}\n',
    }
    done = run_hook(files)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "No findings in 2 files, 1 suppressed." in done.stdout


@pytest.mark.slow
def test_arguments_of_the_user_are_added_to_those_of_the_hook(run_hook):
    done = run_hook({"train.py": FLAGGED}, "    args: [--output-format=concise, --exit-zero]\n")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "train.py:7:24: KTM101 `model`" in done.stdout


BOTH = pytest.mark.parametrize("hook", ["dropout-lint", "dropout-lint-fix"])

TOGGLE = """\
import keras

model = keras.Sequential([keras.layers.Dense(8), keras.layers.Dropout(0.5)])
model.compile("adam", "mse")
model.layers[1].trainable = False
model.fit(x_train, y_train)
"""


def notebook(*cells):
    made = [{"cell_type": "code", "metadata": {}, "outputs": [], "source": cell.splitlines(True)} for cell in cells]
    return json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}, indent=1) + "\n"


@BOTH
@pytest.mark.slow
def test_staged_files_without_keras_pass_whatever_else_lies_about(run_hook, hook):
    files = {"tools.py": "import os\n\nprint(os.name)\n", "notes.md": "training=True\n", "train.py": FLAGGED}
    done = run_hook(files, hook=hook, staged=["tools.py", "notes.md"])

    assert done.returncode == 0, done.stdout + done.stderr
    assert "No findings in 1 file." in done.stdout


@BOTH
@pytest.mark.slow
def test_no_python_file_is_no_run(run_hook, hook):
    done = run_hook({"notes.md": "training=True\n"}, hook=hook)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "(no files to check)Skipped" in done.stdout


@BOTH
@pytest.mark.slow
def test_excluded_files_are_neither_reported_nor_repaired(run_hook, hook, tmp_path):
    files = {
        "generated/a.py": TOGGLE,
        "pyproject.toml": '[tool.dropout-lint]\nextend-exclude = ["generated"]\n',
    }
    done = run_hook(files, hook=hook)

    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "generated" / "a.py").read_text() == TOGGLE


@BOTH
@pytest.mark.slow
def test_notebooks_are_checked(run_hook, hook):
    cells = FLAGGED.split("\n\n")
    done = run_hook({"a.ipynb": notebook(*cells)}, hook=hook)

    assert done.returncode == 1, done.stdout + done.stderr
    assert "a.ipynb:cell 2:4:24: KTM101 training-true-in-inference" in done.stdout


@pytest.mark.slow
def test_a_repair_fails_the_commit_once(run_hook, tmp_path):
    files = {"train.py": TOGGLE, "a.ipynb": notebook(TOGGLE)}
    first = run_hook(files, hook="dropout-lint-fix")

    assert first.returncode == 1, first.stdout + first.stderr
    assert "files were modified by this hook" in first.stdout
    assert "Fixed 2 findings. No findings in 2 files." in first.stdout
    repaired = (tmp_path / "train.py").read_text()
    assert repaired == TOGGLE.replace("model.layers[1].trainable = False\n", "")
    assert (tmp_path / "a.ipynb").read_text() == notebook(repaired)

    again = {name: (tmp_path / name).read_text() for name in files}
    second = run_hook(again, hook="dropout-lint-fix")

    assert second.returncode == 0, second.stdout + second.stderr
    assert "No findings in 2 files." in second.stdout


@pytest.mark.slow
def test_the_repairing_hook_takes_unsafe_fixes_and_reports_what_is_left(run_hook, tmp_path):
    done = run_hook({"train.py": FLAGGED}, hook="dropout-lint-fix")
    assert done.returncode == 1, done.stdout + done.stderr
    assert (tmp_path / "train.py").read_text() == FLAGGED
    assert "train.py:7:24: KTM101" in done.stdout

    done = run_hook({"train.py": FLAGGED}, "    args: [--unsafe-fixes]\n", hook="dropout-lint-fix")
    assert done.returncode == 1, done.stdout + done.stderr
    assert (tmp_path / "train.py").read_text() == FLAGGED.replace("training=True", "training=False")
