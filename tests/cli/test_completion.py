"""Completion as shells ask for it, and in the real shells as README sets it up."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import dropout_lint as package
from dropout_lint.cli import COMMANDS
from dropout_lint.options import OPTIONS

ROOT = Path(package.__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bin")
    tool = folder / "dropout-lint"
    tool.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m dropout_lint "$@"\n', encoding="utf-8")
    tool.chmod(0o755)
    return {
        **os.environ,
        "HOME": str(folder),
        "PYTHONPATH": str(ROOT),
        "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
    }


@pytest.fixture(scope="module")
def complete(environment):
    """The completions of a line, as (kind, word)."""

    def ask(line):
        words = line.split(" ")
        asked = {"COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1), "_DROPOUT_LINT_COMPLETE": "bash_complete"}
        done = subprocess.run(
            [sys.executable, "-m", "dropout_lint"],
            env={**environment, **asked},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stderr == ""
        return [tuple(item.split(",", 1)) for item in done.stdout.splitlines()]

    return ask


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("dropout-lint ", [("file", ""), *(("plain", name) for name in COMMANDS)]),
        ("dropout-lint c", [("file", "c"), ("plain", "check"), ("plain", "config"), ("plain", "clean")]),
        ("dropout-lint src c", [("file", "c")]),
        ("dropout-lint check c", [("file", "c")]),
        ("dropout-lint --output-fi", [("plain", "--output-file")]),
        ("dropout-lint check --min-c", [("plain", "--min-confidence")]),
        ("dropout-lint --fail-on w", [("plain", "warning")]),
        ("dropout-lint --output-format js", [("plain", "json"), ("plain", "json-lines")]),
        ("dropout-lint --select KTM99", [("plain", "KTM990"), ("plain", "KTM991")]),
        ("dropout-lint --select ktm101,syn", [("plain", "ktm101,syntax-error")]),
        ("dropout-lint rule ktm101", [("plain", "KTM101")]),
        ("dropout-lint rule training-true", [("plain", "training-true-in-inference")]),
        ("dropout-lint config min-", [("plain", o.key) for o in OPTIONS if o.key.startswith("min-")]),
        ("dropout-lint lsp --iso", [("plain", "--isolated")]),
    ],
)
def test_what_is_completed(complete, line, expected):
    assert complete(line) == expected


def setup(shell):
    return re.search(rf"^(.*_DROPOUT_LINT_COMPLETE={shell}_source.*?)(?:  +#.*)?$", README, re.MULTILINE)[1]


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_bash_completes(environment):
    script = (
        f"{setup('bash')}\ncomplete -p dropout-lint\n"
        "COMP_WORDS=(dropout-lint config min-s); COMP_CWORD=2\n"
        "_dropout_lint_completion dropout-lint; echo ${COMPREPLY[@]}"
    )
    done = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, text=True, check=False)

    assert done.stdout.splitlines()[-1] == "min-severity", done.stderr
    assert "_dropout_lint_completion dropout-lint" in done.stdout


@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed")
def test_zsh_takes_the_script(environment):
    script = f"autoload -Uz compinit && compinit -u -D\n{setup('zsh')}\necho ${{_comps[dropout-lint]}}"
    done = subprocess.run(["zsh", "-f", "-c", script], env=environment, capture_output=True, text=True, check=False)

    assert (done.stdout, done.stderr) == ("_dropout_lint_completion\n", "")


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
def test_fish_completes(environment):
    script = f"{setup('fish')}\ncomplete -C 'dropout-lint config min-s'"
    done = subprocess.run(
        ["fish", "--no-config", "-c", script], env=environment, capture_output=True, text=True, check=False
    )

    assert [line.split("\t")[0] for line in done.stdout.splitlines()] == ["min-severity"], done.stderr
