"""Notebooks: cells as one module, places in cells, and files that change only where they were edited."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dropout_lint.sources.notebook import decode_notebook
from dropout_lint.sources.text import SourceError

PATH = Path("a.ipynb")


def document(*cells, **metadata):
    """A notebook; text makes a code cell, a list of lines too, a dict is a cell as it is."""
    made = [cell if isinstance(cell, dict) else {"cell_type": "code", "source": cell} for cell in cells]
    return {"cells": made, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def read(*cells, **metadata):
    return decode_notebook(json.dumps(document(*cells, **metadata), indent=1).encode(), PATH)


def python_of(notebook):
    """The lines of the joined text without what stands for something else."""
    return [line for line in notebook.text.splitlines() if line and "#ktm/cell" not in line]


@pytest.mark.parametrize(
    ("cells", "lines"),
    [
        pytest.param(["x = 1\ny = 2"], ["x = 1", "y = 2"], id="text"),
        pytest.param([["x = 1\n", "y = 2"]], ["x = 1", "y = 2"], id="lines"),
        pytest.param(["x = 1", {"cell_type": "markdown", "source": "no"}, "y = 2"], ["x = 1", "y = 2"], id="prose"),
        pytest.param([{"cell_type": "code", "source": [], "outputs": [{"text": "x"}]}], [], id="empty"),
        pytest.param(["msg = ('%s'\n  % 1)"], ["msg = ('%s'", "  % 1)"], id="an operator is no magic"),
    ],
)
def test_code_cells_are_joined(cells, lines):
    assert python_of(read(*cells)) == lines


@pytest.mark.parametrize(
    "cell",
    [
        "%matplotlib inline\nx = 1",
        "!pip install keras\nx = 1",
        "!pip install \\\n  keras\nx = 1",
        "files = !ls\nx = 1",
        "t = %timeit -o f()\nx = 1",
        "model.fit?\nx = 1",
        "?model\nx = 1",
        "if True:\n    %time f()\nx = 1",
        "%%time\nx = 1",
        " !ls\n x = 1",
        "\n  # settings\n  %time f()\n  x = 1",
        " y = 2\nx = 1",
    ],
)
def test_what_is_not_python_becomes_harmless(cell):
    notebook = read(cell)

    compile(notebook.text, "joined", "exec")
    assert "x = 1" in [line.lstrip() for line in notebook.text.splitlines()]
    assert notebook.cells[0].error is None


@pytest.mark.parametrize("magic", ["%time ", "%time   ", "%timeit ", "%prun ", "%memit "])
def test_the_python_of_a_line_magic_is_read_and_edited_where_it_stands(magic):
    source = f"{magic}y = model(x, training=True)  # once\n"
    data = json.dumps(document(["import keras\n", source, "z = 3"]), indent=1).encode()
    notebook = decode_notebook(data, PATH)
    line = notebook.text.splitlines()[1]

    compile(notebook.text, "joined", "exec")
    assert line.index("y = model(x, training=True)  # once") == len(magic)
    assert notebook.encode() == data
    edited = notebook.encode(notebook.text.replace(", training=True", ""))
    assert edited == data.replace(b", training=True", b"")
    # without what stood there the magic is left alone
    assert f'"{magic}\\n"'.encode() in notebook.encode(notebook.text.replace("y = model(x, training=True)  # once", ""))


@pytest.mark.parametrize("cell", ["%timeit -n 10 f()", "%time\n", "%prun -s cumulative f()", "%time x = ("])
def test_a_line_magic_with_no_python_of_its_own_is_passed_over(cell):
    assert python_of(read(cell))[0].startswith("pass#ktm/ipython:%")


@pytest.mark.parametrize("cell", ["pip install keras", "ls ./data\n", "\n  cd /content/keras\n", "time x = f()"])
def test_a_magic_that_is_all_of_a_cell_needs_no_sign(cell):
    notebook = read(cell, "x = 1")

    compile(notebook.text, "joined", "exec")
    assert [each.error for each in notebook.cells] == [None, None]
    assert "x = 1" in notebook.text.splitlines()


@pytest.mark.parametrize("cell", ["pip install keras\nx = 1", "lsof x", "ls = (", "# a\n  x = 1", "x = 1\n  y = 2"])
def test_what_is_neither_python_nor_ipython_is_told(cell):
    assert read(cell).cells[0].error is not None


def test_a_cell_that_begins_with_an_indentation_is_read_and_edited_where_it_stands():
    source = ["  def f():\n", "    return 1\n", "  x = f()\n", "y = (x\n", " + 1)"]
    data = json.dumps(document("a = 0", source, "b = 0"), indent=1).encode()
    notebook = decode_notebook(data, PATH)
    line = notebook.text.splitlines().index("  x = f()") + 1

    compile(notebook.text, "joined", "exec")
    assert notebook.place(line) == (2, 3)
    assert notebook.line_of(2, 3) == line
    assert notebook.lines_of(2)[0] == "  def f():"
    assert notebook.encode() == data
    assert notebook.encode(notebook.text.replace("x = f()", "x = 2")) == data.replace(b"x = f()", b"x = 2")


def test_the_line_of_what_is_wrong_in_an_indented_cell_is_its_own():
    assert read("  x = 1\n  y = = 2").cells[0].error[:2] == (2, 7)


def test_cells_in_another_language_are_passed_over():
    assert [line for line in python_of(read("%%bash\nls", "x = 1")) if not line.startswith("#ktm/ipython:")] == [
        "x = 1"
    ]
    assert read("val x = 1", kernelspec={"language": "scala", "name": "scala"}).text == ""


def test_a_cell_that_is_no_python_is_told_and_the_others_stay():
    notebook = read("x = (", "y = 2")

    assert [cell.error is not None for cell in notebook.cells] == [True, False]
    assert "y = 2" in notebook.text


def test_places_are_counted_in_cells():
    notebook = read("x = 1\ny = 2", {"cell_type": "markdown", "source": "no"}, "z = 3")
    line = notebook.text.splitlines().index("z = 3") + 1

    assert notebook.place(2) == (1, 2)
    assert notebook.place(line) == (3, 1)
    assert notebook.line_of(3, 1) == line
    assert notebook.lines_of(1) == ("x = 1", "y = 2")


def test_lines_of_the_file_are_known():
    notebook = read(["x = 1\n", "y = 2"])

    assert notebook.raw.splitlines()[notebook.file_line(1, 2) - 1].strip() == '"y = 2"'


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is no valid notebook"),
        (b"{", "is no valid notebook"),
        (b"[]", "is no notebook: it has no cells"),
        (b'{"cells": 1}', "is no notebook: it has no cells"),
        (b'{"worksheets": []}', "is a notebook of format 3"),
        (b'{"cells": [,]}', "is no valid notebook"),
        (b"\xff", "is not valid UTF-8"),
        (b'{"cells": ' + b"[" * 5000, "nested too deeply"),
    ],
)
def test_what_is_no_notebook_is_said(data, message):
    with pytest.raises(SourceError, match=message):
        decode_notebook(data, PATH)


STYLES = {
    "indented": {"indent": 1},
    "by four": {"indent": 4},
    "in one line": {},
    "escaped": {"indent": 1, "ensure_ascii": True},
    "unescaped": {"indent": 1, "ensure_ascii": False},
    "tight": {"separators": (",", ":")},
}


@pytest.mark.parametrize("style", STYLES.values(), ids=STYLES)
@pytest.mark.parametrize("source", ["x = 1  # ü\ny = 2", ["x = 1  # ü\n", "y = 2"]], ids=["text", "lines"])
def test_an_edit_changes_one_line_of_the_file(style, source):
    outputs = {"cell_type": "code", "source": ["%time\n", "z = '\u2028'"], "outputs": [{"data": {"image/png": "AA=="}}]}
    data = json.dumps(document(source, outputs), **style).encode()
    notebook = decode_notebook(data, PATH)

    edited = notebook.encode(notebook.text.replace("y = 2", "y = 3"))

    assert notebook.encode() == data
    assert edited == data.replace(b"y = 2", b"y = 3")


def test_lines_can_be_added_and_removed():
    notebook = read(["x = 1\n", "y = 2\n", "z = 3"], ["u = 1"])

    removed = decode_notebook(notebook.encode(notebook.text.replace("y = 2\n", "")), PATH)
    added = decode_notebook(notebook.encode(notebook.text.replace("u = 1\n", "u = 1\nv = 2\n")), PATH)

    assert json.loads(removed.raw) == document(["x = 1\n", "z = 3"], ["u = 1"])
    assert json.loads(added.raw) == document(["x = 1\n", "y = 2\n", "z = 3"], ["u = 1\n", "v = 2"])


@given(st.lists(st.text(alphabet=st.sampled_from("x=1 \n\t%!?#'\"\\é\u2028😀"), max_size=30), max_size=4))
def test_any_notebook_comes_back_byte_for_byte(cells):
    data = json.dumps(document(*cells), indent=1, ensure_ascii=False).encode()

    notebook = decode_notebook(data, PATH)

    assert notebook.encode() == data
    assert notebook.encode(notebook.text) == data
