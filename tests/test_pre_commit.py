"""The hook, installed and run by the real pre-commit."""

from __future__ import annotations

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
    """Runs the hook over the files of a project, all staged."""

    def run(files, configuration=""):
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        commit(tmp_path)
        head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=hooks, capture_output=True, text=True, check=True)
        (tmp_path / ".pre-commit-config.yaml").write_text(
            f"repos:\n- repo: {hooks}\n  rev: {head.stdout.strip()}\n  hooks:\n  - id: dropout-lint\n{configuration}"
        )
        command = [sys.executable, "-m", "pre_commit", "run", "--all-files", "--verbose"]
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
