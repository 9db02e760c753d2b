"""`--fix`: what it changes, what it refuses, and that nothing else of a file changes."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest

from dropout_lint import repair
from dropout_lint.engine import run
from dropout_lint.findings import Applicability, Confidence, Edit, Finding, Fix, Position, Severity, Span
from dropout_lint.report import Report
from dropout_lint.settings import Resolver

PROGRAM = textwrap.dedent(
    """\
    import keras, numpy as np
    from keras import layers

    model = keras.Sequential([layers.Dense(3), layers.Dropout(0.5)])  # ünïcode
    for layer in model.layers:
        if isinstance(layer, layers.Dropout):
            layer.trainable = False
    print(np.argmax(model(np.ones((2, 4)), training=True), 1))
    """
)
SAFE = PROGRAM.replace(
    "for layer in model.layers:\n    if isinstance(layer, layers.Dropout):\n        layer.trainable = False\n", ""
)
UNSAFE = PROGRAM.replace("training=True", "training=False")
BOTH = SAFE.replace("training=True", "training=False")


@pytest.fixture
def fix(project, capfd):
    """Runs `dropout-lint check --isolated …` in the project; exit status, stdout, stderr."""
    from dropout_lint.cli import main

    def run_fix(*arguments):
        with pytest.raises(SystemExit) as ended:
            main(["check", "--isolated", "--keras-version", "3.15", "--output-format", "concise", *arguments])
        captured = capfd.readouterr()
        return ended.value.code, captured.out, captured.err

    return run_fix


@pytest.mark.parametrize(
    ("options", "after", "status"),
    [
        (["--fix"], SAFE, 1),
        (["--fix", "--unsafe-fixes"], BOTH, 0),
        (["--fix", "--config", "unsafe-fixes=true"], BOTH, 0),
        (["--fix", "--config", "unsafe-fixes=true", "--no-unsafe-fixes"], SAFE, 1),
        (["--fix", "--unsafe-fixes", "--exit-non-zero-on-fix"], BOTH, 1),
        (["--fix-only"], SAFE, 0),
        (
            ["--fix", "--unsafe-fixes", "--config", "unfixable=['KTM2']"],
            PROGRAM.replace("training=True", "training=False"),
            1,
        ),
        (["--fix", "--unsafe-fixes", "--config", "fixable=['KTM201']"], SAFE, 1),
        (["--fix", "--exit-zero"], SAFE, 0),
        (["--unsafe-fixes"], PROGRAM, 1),
        (["--diff"], PROGRAM, 1),
    ],
)
def test_what_is_fixed(fix, write, options, after, status):
    path = write("a.py", PROGRAM)

    code, _, _ = fix(*options, "a.py")

    assert (path.read_text(encoding="utf-8"), code) == (after, status)


def test_the_report_says_what_was_fixed_and_what_is_left(fix, write):
    write("a.py", PROGRAM)

    _, out, err = fix("--fix", "--show-fixes", "a.py")

    assert out.splitlines()[-2:] == [
        "Fixed 1 finding. Found 1 finding in 1 file: 1 error.",
        "[*] 1 fixable with --fix --unsafe-fixes.",
    ]
    assert err == "fixed: a.py:7: KTM201 trainable-on-weightless-layer\n"


def test_a_diff_changes_nothing(fix, write):
    write("src/a.py", PROGRAM)

    status, out, err = fix("--diff", "--unsafe-fixes", "src")

    assert status == 1
    assert out.startswith("--- src/a.py\n+++ src/a.py\n@@ ")
    assert "-print(np.argmax(model(np.ones((2, 4)), training=True), 1))\n" in out
    assert err == "Would fix 2 findings.\n"
    assert fix("--diff", "src/a.py", "--select", "KTM103") == (0, "", "Would fix 0 findings.\n")


@pytest.mark.parametrize(
    "encode",
    [
        pytest.param(lambda text: text.encode(), id="plain"),
        pytest.param(lambda text: b"\xef\xbb\xbf" + text.encode(), id="byte order mark"),
        pytest.param(lambda text: text.replace("\n", "\r\n").encode(), id="CRLF"),
        pytest.param(lambda text: ("# -*- coding: latin-1 -*-\n" + text).encode("latin-1"), id="coding cookie"),
        pytest.param(lambda text: text.encode().rstrip(b"\n"), id="no newline at the end"),
        pytest.param(lambda text: text.replace("\n\n", "\n\x0c\n").encode(), id="form feed"),
    ],
)
def test_bytes_that_are_not_fixed_stay(fix, write, encode):
    path = write("a.py", encode(PROGRAM))

    assert fix("--fix", "--unsafe-fixes", "-q", "a.py") == (0, "", "")
    assert path.read_bytes() == encode(BOTH)


def test_permissions_and_links_stay(fix, write):
    path = write("a.py", PROGRAM)
    path.chmod(0o750)
    Path("link.py").symlink_to("a.py")

    fix("--fix", "link.py")

    assert path.stat().st_mode & 0o777 == 0o750
    assert Path("link.py").is_symlink()
    assert path.read_text(encoding="utf-8") == SAFE
    assert sorted(each.name for each in Path().iterdir()) == [".dropout_lint_cache", ".git", "a.py", "link.py"]


def test_a_file_that_changed_meanwhile_is_left_alone(write):
    path = write("a.py", PROGRAM).absolute()
    outcome = repaired(path)
    path.write_text("changed = True\n", encoding="utf-8")

    written, problems = repair.write_all(outcome.changed)

    assert written == ()
    assert [problem.message for problem in problems] == ["cannot be fixed: the file has changed since it was checked"]
    assert path.read_text(encoding="utf-8") == "changed = True\n"


def test_a_file_whose_encoding_would_change_other_lines_is_left_alone(fix, write):
    data = f"# coding: utf-7\n{SAFE}x = 'a+AOk-b ~'\n".replace("ünï", "uni").encode("ascii")
    path = write("a.py", data)

    code, _, said = fix("--fix", "--unsafe-fixes", "a.py")

    assert code == 2
    assert said == "error: a.py: cannot be fixed: in utf-7, lines that are not touched would be written otherwise\n"
    assert path.read_bytes() == data


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_a_read_only_file_is_reported_and_others_are_fixed(fix, write):
    write("a.py", PROGRAM).chmod(0o440)
    other = write("b.py", PROGRAM)

    status, out, err = fix("--fix", "--show-fixes", ".")

    assert status == 2
    assert "error: a.py: cannot be fixed: the file is read-only\n" in err
    assert "fixed: b.py" in err
    assert "fixed: a.py" not in err
    assert "a.py:" in out
    assert other.read_text(encoding="utf-8") == SAFE


def test_an_imported_module_is_fixed_where_the_flag_is(fix, write):
    write("tools.py", "import numpy as np\ndef score(model, x):\n    return np.argmax(model(x, training=True), 1)\n")
    write(
        "main.py",
        "import keras, numpy as np\nimport tools\nmodel = keras.Sequential([keras.layers.Dropout(0.5)])\n"
        "print(tools.score(model, np.ones((2, 4))))\n",
    )

    assert fix("--fix", "--unsafe-fixes", "-q", "main.py") == (0, "", "")
    assert "training=False" in Path("tools.py").read_text(encoding="utf-8")


def test_standard_input_comes_back_fixed(write):
    options = ["--isolated", "--fix", "--output-format", "concise", "--stdin-filename", "a.py", "-"]
    command = [sys.executable, "-m", "dropout_lint", "check", *options]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(repair.__file__).parents[1])])}

    done = subprocess.run(command, input=PROGRAM.encode(), capture_output=True, check=False, env=environment)

    assert done.stdout.decode() == SAFE
    assert done.returncode == 1
    assert "KTM101" in done.stderr.decode()


# What is refused ---------------------------------------------------------------------------------------------


def repaired(path, lint=None, wanted=lambda _: True):
    resolver = Resolver(isolated=True, overrides={"keras-version": "3.15"})

    def real(contents):
        return run([path], resolver, contents=contents)

    lint = lint or real
    return repair.repair(lint({}), lint, wanted)


def finding(path, line, column, end, replacement, code="KTM101"):
    span = Span(Position(line, column), Position(line, end))
    fix = Fix("do it", Applicability.SAFE, (Edit(span, replacement),))
    return Finding(code, "a-rule", Severity.ERROR, Confidence.HIGH, f"{code} at {line}", str(path), span, fix=fix)


def scripted(path, first, second):
    """A linter that reports ``first`` for what is on disk and ``second`` for anything else."""
    return lambda contents: Report(findings=tuple(second if contents else first))


@pytest.mark.parametrize(
    ("text", "replacement", "after"),
    [
        pytest.param("x = 1\n", "y = (", [], id="what would not parse"),
        pytest.param("x # why\n", "yyyyyyy", [], id="what would lose a comment"),
        pytest.param("x = 1\n", "y = 2", ["KTM101"], id="what does not take its finding away"),
        pytest.param("x = 1\n", "y = 2", ["KTM102"], id="what draws another finding"),
        pytest.param("x = 1\n", "x = 1", [], id="what changes nothing"),
    ],
)
def test_refused(write, text, replacement, after):
    path = write("a.py", text).absolute()
    found = finding(path, 1, 1, len(text), replacement)
    left = [finding(path, 1, 1, len(text), replacement, code) for code in after]

    outcome = repaired(path, scripted(path, [found], left))

    assert (outcome.changed, outcome.fixed) == ((), ())
    assert outcome.report.findings == (found,)


def test_one_bad_fix_does_not_keep_the_others_back(write):
    path = write("a.py", "one = 1\ntwo = 2\n").absolute()
    good, bad = finding(path, 1, 1, 4, "uno"), finding(path, 2, 1, 8, "two = (", "KTM102")

    def lint(contents):
        text = contents.get(path, path.read_bytes())
        return Report(findings=tuple(each for each, word in ((good, b"one"), (bad, b"two")) if word in text))

    outcome = repaired(path, lint)

    assert [changed.after.text for changed in outcome.changed] == ["uno = 1\ntwo = 2\n"]
    assert outcome.fixed == (good,)
    assert outcome.report.findings == (bad,)


@pytest.mark.parametrize("bad", [{1}, {1, 3}, {2, 5}, {6}, {1, 2, 3, 4, 5}, set(range(1, 7))])
def test_a_refused_fix_does_not_stand_for_those_that_are_like_it(write, bad):
    path = write("a.py", "word = 1\n" * 6).absolute()

    def lint(contents):
        lines = contents.get(path, path.read_bytes()).decode().splitlines()
        left = [finding(path, number, 1, 5, "done") for number, line in enumerate(lines, 1) if line == "word = 1"]
        new = [finding(path, number, 1, 5, "", "KTM999") for number in bad if lines[number - 1] == "done = 1"]
        return Report(findings=tuple(replace(each, message=each.code) for each in (*left, *new)))

    outcome = repaired(path, lint)

    assert {each.span.start.line for each in outcome.report.findings} == bad
    assert len(outcome.fixed) == 6 - len(bad)


def test_a_fix_that_spoils_many_is_found_by_halves(write):
    words = [f"word{number}" for number in range(40)]
    path = write("a.py", "".join(f"{word} = 1\n" for word in words)).absolute()

    def lint(contents):
        lines = contents.get(path, path.read_bytes()).decode().splitlines()
        tried.append(len(lines))
        left = [(number, word) for number, word in enumerate(words, 1) if f"{word} = 1" in lines]
        return Report(
            findings=tuple(
                finding(path, number, 1, len(word) + 1, f"done{number}" if number != 23 else "(", f"KTM{100 + number}")
                for number, word in left
            )
        )

    tried = []
    outcome = repaired(path, lint)

    assert [each.code for each in outcome.report.findings] == ["KTM123"]
    assert len(outcome.fixed) == 39
    assert len(tried) < 20


@pytest.mark.parametrize("lines", [2, 3, 30])
def test_lines_that_are_all_of_a_block_go_one_after_the_other_and_the_block_with_the_last(fix, write, lines):
    toggle = "        layer.trainable = False\n"
    head = "import keras\nmodel = keras.Sequential([keras.layers.Dense(3), keras.layers.Dropout(0.5)])\n"
    loop = "for layer in model.layers:\n    print(layer)\n    if isinstance(layer, keras.layers.Dropout):\n"
    write("a.py", head + loop + toggle * lines)

    status, _, _ = fix("--fix")

    assert status == 0
    assert Path("a.py").read_text() == head + loop.partition("    if")[0]


def test_overlapping_fixes_take_turns(write):
    path = write("a.py", "f(one, two)\n").absolute()
    wide, narrow = finding(path, 1, 3, 11, "1, two"), finding(path, 1, 8, 11, "2", "KTM102")

    def lint(contents):
        text = contents.get(path, path.read_bytes())
        if b"one" in text:
            return Report(findings=(wide, narrow))
        moved = finding(path, 1, 6, 9, "2", "KTM102")
        return Report(findings=(moved,) if b"two" in text else ())

    outcome = repaired(path, lint)

    assert [changed.after.text for changed in outcome.changed] == ["f(1, 2)\n"]
    assert [each.code for each in outcome.fixed] == ["KTM101", "KTM102"]
