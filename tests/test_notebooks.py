"""Notebooks as users meet them: places in cells, fixes, suppressions, and lines of the file for machines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dropout_lint.cli import main

CELLS = (
    "import keras, numpy as np\n%matplotlib inline",
    "model = keras.Sequential([keras.layers.Dense(3), keras.layers.Dropout(0.5)])\nx_test = np.ones((2, 4))",
    "# predict\nprint(np.argmax(model(x_test, training=True), 1))",
)


def notebook(*cells):
    made = [{"cell_type": "code", "source": cell.splitlines(keepends=True), "outputs": []} for cell in cells]
    made.insert(1, {"cell_type": "markdown", "source": ["prose"]})
    return json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}, indent=1)


@pytest.fixture
def check(project, capfd):
    def run_check(*arguments, style="concise"):
        with pytest.raises(SystemExit) as ended:
            main(["check", "--isolated", "--keras-version", "3.15", "--output-format", style, *arguments])
        captured = capfd.readouterr()
        return ended.value.code, captured.out, captured.err

    return run_check


def test_a_finding_says_cell_and_line(check, write):
    write("a.ipynb", notebook(*CELLS))

    status, out, _ = check(".")

    assert status == 1
    assert out.startswith("a.ipynb:cell 4:2:31: KTM101 `model` runs with training=True in inference")
    _, full, _ = check(".", style="full")
    assert "2 | print(np.argmax(model(x_test, training=True), 1))" in full
    document = json.loads(check(".", style="json")[1])
    (finding,) = document["findings"]
    assert (finding["cell"], finding["start"]) == (4, {"line": 2, "column": 31})


@pytest.mark.parametrize("magic", ["%time ", "%%time\n", "  "])
def test_what_is_timed_is_checked(check, write, magic):
    path = write("a.ipynb", notebook(*CELLS[:2], f"{magic}print(np.argmax(model(x_test, training=True), 1))\n"))
    line, column = magic.count("\n") + 1, len(magic.rpartition("\n")[2]) + 31

    _, out, _ = check(".")

    assert f"a.ipynb:cell 4:{line}:{column}: KTM101" in out
    check(".", "--fix", "--unsafe-fixes")
    edited = "".join(json.loads(path.read_bytes())["cells"][3]["source"])
    assert edited == f"{magic}print(np.argmax(model(x_test, training=False), 1))\n"


@pytest.mark.parametrize("magic", ["%time ", "%timeit  ", "  "])
def test_what_is_timed_can_be_silenced(check, write, magic):
    source = f"{magic}print(np.argmax(model(x_test, training=True), 1))"
    path = write("a.ipynb", notebook(*CELLS[:2], f"{source}  # once\n", source))

    check(".", "--add-ignore=meant")

    cells = ["".join(cell["source"]) for cell in json.loads(path.read_bytes())["cells"][3:]]
    ignore = "dropout-lint: ignore[training-true-in-inference] meant"
    assert cells == [f"{source}  # once  # {ignore}\n", f"{source}  # {ignore}"]
    assert check(".")[:2] == (0, "No findings in 1 file, 2 suppressed.\n")


@pytest.mark.parametrize("style", ["sarif", "github", "gitlab", "rdjson", "pylint"])
def test_formats_for_machines_give_the_line_of_the_file(check, write, style):
    path = write("a.ipynb", notebook(*CELLS))
    line = next(number for number, text in enumerate(path.read_text().splitlines(), 1) if "training=True" in text)

    out = check(".", style=style)[1]

    place = {
        "sarif": lambda: json.loads(out)["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"][
            "startLine"
        ],
        "github": lambda: int(out.partition("line=")[2].partition(",")[0]),
        "gitlab": lambda: json.loads(out)[0]["location"]["lines"]["begin"],
        "rdjson": lambda: json.loads(out)["diagnostics"][0]["location"]["range"]["start"]["line"],
        "pylint": lambda: int(out.split(":")[1]),
    }
    assert place[style]() == line


def test_a_fix_changes_its_line_and_nothing_else(check, write):
    path = write("a.ipynb", notebook(*CELLS))
    before = path.read_text(encoding="utf-8")

    assert check("--fix", "--unsafe-fixes", "-q", ".")[0] == 0
    assert path.read_text(encoding="utf-8") == before.replace("training=True", "training=False")


def test_a_diff_is_of_the_file(check, write):
    write("a.ipynb", notebook(*CELLS))

    assert '+    "print(np.argmax(model(x_test, training=False), 1))"' in check("--diff", "--unsafe-fixes", ".")[1]


def test_a_suppression_counts_in_its_cell(check, write):
    silenced = CELLS[2].replace("# predict", "# dropout-lint: ignore[KTM101] one draw")
    write("a.ipynb", notebook(*CELLS[:2], silenced))
    write("b.ipynb", notebook(*CELLS[:2], CELLS[1] + "\n# dropout-lint: ignore[KTM101] the last line", CELLS[2]))

    assert [line.partition(" KTM")[2][:3] for line in check("-q", ".")[1].splitlines()] == ["900", "101"]


def test_comments_can_be_added(check, write):
    path = write("a.ipynb", notebook(*CELLS))

    check("--add-ignore=demo", ".")

    assert "ignore[training-true-in-inference] demo" in json.loads(path.read_text())["cells"][3]["source"][1]
    assert check(".")[0] == 0


def test_a_broken_cell_is_told_and_the_rest_is_checked(check, write):
    write("a.ipynb", notebook("x = (  # training", *CELLS))

    out = check("-q", ".")[1].splitlines()

    assert [line.split(": ")[0] for line in out] == ["a.ipynb:cell 1:1:5", "a.ipynb:cell 5:2:31"]
    assert "KTM990 the cell is not valid Python" in out[0]


def test_what_is_no_notebook_is_not_passed_in_silence(check, write):
    write("a.ipynb", '{"cells": "keras training"}')

    assert check("-q", ".")[1] == "a.ipynb:1:1: KTM991 the file was not analysed: is no notebook: it has no cells\n"


def test_a_notebook_may_import_the_project(check, write):
    write("tools.py", "import numpy as np\ndef score(model, x):\n    return np.argmax(model(x, training=True), 1)\n")
    write("a.ipynb", notebook(*CELLS[:2], "import tools\nprint(tools.score(model, x_test))"))

    out = check("-q", "a.ipynb")[1]

    assert out.startswith("tools.py:3:")
    assert Path("tools.py").is_file()


def test_standard_input_may_be_a_notebook(check, write, monkeypatch):
    import io
    import sys

    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(notebook(*CELLS).encode())))

    assert check("-q", "--stdin-filename", "a.ipynb", "-")[1].startswith("a.ipynb:cell 4:2:31: KTM101")
