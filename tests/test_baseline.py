"""Findings that were there when the tool was adopted: written once, and silent until their line changes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dropout_lint.cli import main

PROGRAM = """\
import keras, numpy as np
model = keras.Sequential([keras.layers.Dense(3), keras.layers.Dropout(0.5)])
x_test = np.ones((2, 4))
print(np.argmax(model(x_test, training=True), 1))
"""
CALL = PROGRAM.splitlines()[-1]


WROTE = (
    "Wrote 1 finding to dropout-lint-baseline.json.\n"
    "Use it with --baseline dropout-lint-baseline.json, or with baseline in the configuration.\n"
)
STATISTICS = (
    "2  KTM101  [-]  training-true-in-inference\n"
    "1  KTM201  [*]  trainable-on-weightless-layer\n"
    "[*] fixable with --fix, [-] with --fix --unsafe-fixes\n"
)


@pytest.fixture
def check(project, capfd):
    def run_check(*arguments):
        with pytest.raises(SystemExit) as ended:
            main(["check", "--keras-version", "3.15", "--output-format", "concise", *arguments])
        captured = capfd.readouterr()
        return ended.value.code, captured.out, captured.err

    return run_check


def test_a_baseline_is_written_and_used(check, write):
    write("src/a.py", PROGRAM)

    assert check("--write-baseline", "src") == (
        0,
        WROTE,
        "",
    )
    used = ["--baseline", "dropout-lint-baseline.json"]
    assert check(*used, "src") == (0, "No findings in 1 file, 1 in the baseline.\n", "")
    (item,) = json.loads(Path("dropout-lint-baseline.json").read_text(encoding="utf-8"))["findings"]
    assert (item["path"], item["code"], item["count"]) == ("src/a.py", "KTM101", 1)


@pytest.mark.parametrize(
    ("text", "status"),
    [
        pytest.param("# new\n\n" + PROGRAM, 0, id="lines moved"),
        pytest.param(PROGRAM.replace("x_test, training", "x_test,  training"), 0, id="white space changed"),
        pytest.param(PROGRAM.replace("training=True), 1)", "training=True), 0)"), 1, id="the line changed"),
        pytest.param(PROGRAM + CALL + "\n", 1, id="the same line once more"),
        pytest.param(PROGRAM.replace(CALL, ""), 0, id="repaired"),
    ],
)
def test_a_finding_is_known_by_its_line(check, write, text, status):
    write("dropout-lint.toml", 'baseline = "known.json"\n')
    write("a.py", PROGRAM)
    check("--write-baseline", ".")
    write("a.py", text)

    assert check(".")[0] == status
    assert Path("known.json").is_file()


def test_a_baseline_means_the_same_in_every_folder(check, write, monkeypatch):
    write("dropout-lint.toml", 'baseline = "known.json"\n')
    write("src/a.py", PROGRAM)
    check("--write-baseline", ".")

    monkeypatch.chdir("src")

    assert check("a.py")[0] == 0


def test_syntax_errors_never_go_into_a_baseline(check, write):
    write("a.py", "import keras\ntraining = (\n")

    assert check("--write-baseline", ".")[1].startswith("Wrote 0 findings")
    assert check("--baseline", "dropout-lint-baseline.json", ".")[0] == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "known.json: cannot be read: No such file or directory (--write-baseline makes one)"),
        ("[]", "known.json: is no baseline; --write-baseline makes one"),
        ("{", "known.json: is no baseline; --write-baseline makes one"),
        ('{"version": 2, "findings": []}', "known.json: is a baseline of version 2; write it again"),
        ('{"version": 1, "findings": [{"path": "a"}]}', "known.json: is no baseline; --write-baseline makes one"),
    ],
)
def test_a_bad_baseline_is_one_clear_message(check, write, content, message):
    write("a.py", PROGRAM)
    if content is not None:
        write("known.json", content)

    assert check("--baseline", "known.json", "a.py") == (2, "", f"error: {message}\n")


def test_statistics_count_by_rule(check, write):
    write("a.py", PROGRAM + CALL + "\nmodel.layers[1].trainable = False\n")

    assert check("--statistics", ".") == (1, STATISTICS, "")


# --add-ignore ------------------------------------------------------------------------------------------------

TOLD = "# dropout-lint: ignore[training-true-in-inference]"
SILENCED = {
    "a plain line": (CALL, f"{CALL}  {TOLD} demo"),
    "behind a comment": (f"{CALL}  # why", f"{CALL}  # why  {TOLD} demo"),
    "beside another rule": (
        f"{CALL}  # dropout-lint: ignore[KTM102] old",
        f"{CALL}  # dropout-lint: ignore[KTM102, training-true-in-inference] old",
    ),
    "a statement over several lines": (
        "print(np.argmax(model(\n    x_test,\n    training=True,\n), 1))",
        f"print(np.argmax(model(  {TOLD} demo\n    x_test,\n    training=True,\n), 1))",
    ),
    "a backslash": (
        "print(np.argmax(model(x_test, training=True), \\\n    1))",
        f"{TOLD} demo\nprint(np.argmax(model(x_test, training=True), \\\n    1))",
    ),
    "a string over several lines": (
        "if True:\n    print(np.argmax(model(x_test, training=True), 1), '''\n''')",
        f"if True:\n    {TOLD} demo\n    print(np.argmax(model(x_test, training=True), 1), '''\n''')",
    ),
}


@pytest.mark.parametrize(("before", "after"), SILENCED.values(), ids=SILENCED)
def test_comments_are_added_where_they_count(check, write, before, after):
    path = write("a.py", PROGRAM.replace(CALL, before))

    status, out, _ = check("--add-ignore=demo", "--ignore", "KTM900", ".")

    assert path.read_text(encoding="utf-8") == PROGRAM.replace(CALL, after)
    assert (status, out) == (0, "Silenced 1 of 1 in 1 file.\n")
    assert check("--ignore", "KTM900", ".")[0] == 0


def test_a_reason_is_optional(check, write):
    path = write("a.py", PROGRAM)

    check("--add-ignore", ".")

    assert path.read_text(encoding="utf-8").endswith("  # dropout-lint: ignore[training-true-in-inference]\n")
