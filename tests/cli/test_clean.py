"""``dropout-lint clean``."""

from __future__ import annotations

from pathlib import Path

import pytest

from dropout_lint.cli import main

pytestmark = pytest.mark.usefixtures("fake_analysis")


@pytest.fixture
def run(capfd):
    """Runs a command line; returns exit status, stdout and stderr."""

    def run_command(*arguments):
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        captured = capfd.readouterr()
        return ended.value.code, captured.out, captured.err

    return run_command


def test_what_is_kept_is_removed(run, write):
    write("a.py", "x = 1\n")
    run()
    assert Path(".dropout_lint_cache").is_dir()

    assert run("clean") == (0, "Removed 1 file from .dropout_lint_cache.\n", "")
    assert not Path(".dropout_lint_cache").exists()
    assert run("clean") == (0, "Nothing is kept.\n", "")


@pytest.mark.parametrize("given", ["option", "setting", "variable"])
def test_where_results_are_kept(run, write, monkeypatch, given):
    write("a.py", "x = 1\n")
    options = ()
    if given == "option":
        options = ("--cache-dir", "kept")
    elif given == "setting":
        write("dropout-lint.toml", 'cache-dir = "kept"\n')
    else:
        monkeypatch.setenv("DROPOUT_LINT_CACHE_DIR", "kept")
    run("check", *options)

    assert Path("kept").is_dir()
    assert not Path(".dropout_lint_cache").exists()
    assert run("clean", *options) == (0, "Removed 1 file from kept.\n", "")
    assert not Path("kept").exists()


def test_nothing_is_kept_on_request(run, write):
    write("a.py", "x = 1\n")
    run("check", "--no-cache")

    assert not Path(".dropout_lint_cache").exists()


def test_why_nothing_is_kept_is_told_on_request(run, write):
    write("a.py", "x = 1\n")
    write("kept", "")

    assert run("check", "--cache-dir", "kept", "-q") == (0, "", "")
    assert "warning: the cache cannot be written: Not a directory" in run("check", "--cache-dir", "kept", "-v")[2]
