"""What is parsed, what is a syntax error, and what is refused for the sake of the process."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
import warnings
from contextlib import suppress
from pathlib import Path

import libcst as cst
import pytest

import dropout_lint
from dropout_lint.sources.text import split_lines
from dropout_lint.syntax.failures import NotAnalysed, SyntaxFailure
from dropout_lint.syntax.parse import parse
from dropout_lint.syntax.positions import spans
from dropout_lint.syntax.scan import MAX_CHAIN, too_complex
from dropout_lint.syntax.walk import walk

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(dropout_lint.__file__).parents[1])}


@pytest.mark.parametrize(
    "source",
    [
        "",
        "\n",
        "x = 1",
        "x = 1\r\ny = 2\rz = 3\n",
        "def f(a, /, *, b: int = 1) -> None:\n\treturn\n",
        "match x:\n    case {'a': [1, *rest]}:\n        pass\n",
        "f'{x!r:>{width}}'\n",
        "\x0c\nx = 1\n",
        "# only a comment",
        "return 1\n",
        "é = '日本'\n",
        "x = '\\d'\n",
    ],
)
def test_parses_without_loss(source):
    assert parse(source).code == source


def test_warnings_about_the_checked_source_stay_inside(capfd):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        parse("x = '\\d'\nassert (1, 'always')\nif x is 1: pass\n1 if 2else 3\n")

    assert caught == []
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("x = \n", 1),
        ("def f(:\n    pass\n", 1),
        ("print 'Python 2'\n", 1),
        ("if x:\npass\n", 2),
        ("x = 1\nx = 'open\n", 2),
        ("é = 日 本\n", 1),
        ("x = 1\r\ny = (\r\n", 2),
        ("x = 'text' b'bytes'\n", 1),
        ("x = 1\n\x00\n", 1),
        ("(", 1),
    ],
)
def test_a_syntax_error_has_a_message_and_a_place_inside_the_source(source, line):
    with pytest.raises(SyntaxFailure) as raised:
        parse(source)

    failure = raised.value
    assert failure.line == line
    assert 1 <= failure.column <= len(split_lines(source)[line - 1]) + 1
    assert failure.message == str(failure)
    assert len(failure.message.splitlines()) == 1


@pytest.mark.parametrize(
    "source", ["x = 1\n", "if x:\npass\n", "x" + " + x" * 30_000 + "\n"], ids=["good", "bad", "long"]
)
def test_nodes_that_others_make_are_validated_whatever_was_parsed(source):
    with suppress(SyntaxFailure, NotAnalysed):
        parse(source)

    with pytest.raises(cst.CSTValidationError):
        cst.Name("")


def test_nodes_are_validated_after_sources_were_parsed_side_by_side():
    source = "".join(f"x{number} = f(a, b.c, d[{number}])\n" for number in range(500))
    threads = [threading.Thread(target=parse, args=(source,)) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    with pytest.raises(cst.CSTValidationError):
        cst.Name("")
    with pytest.raises(SyntaxFailure):
        parse("x = 'text' b'bytes'\n")


LONG = {
    "quotes in a text of many lines": '"""' + '\n\\"""' * 100_000,
    "quotes in a text": '"' + '\\"' * 300_000,
    "marks in a text": "'" + "\\'" * 300_000,
    "texts": "b'''\n" * 100_000,
    "a line": "a," * 3_000_000,
    "ends": ")" * 5_000_000,
    "one logical line": "x\\\n" * 1_000_000,
}


@pytest.mark.parametrize("source", LONG.values(), ids=LONG)
def test_the_look_at_tokens_takes_time_with_their_number(source):
    began = time.process_time()
    too_complex(source)

    # a quadratic one takes minutes
    assert time.process_time() - began < 8


CHAINS = {
    "additions": lambda n: "x = " + "+".join("a" * n),
    "attributes": lambda n: "x = a" + ".b" * n,
    "calls": lambda n: "x = f" + "()" * n,
    "subscripts": lambda n: "x = f" + "[0]" * n,
    "comparisons": lambda n: "x = " + " < ".join("a" * n),
    "boolean operators": lambda n: "x = " + " and ".join("a" * n),
    "negations": lambda n: "x = " + "not " * n + "a",
    "minus signs": lambda n: "x = " + "-" * n + "a",
    "powers": lambda n: "x = " + "**".join("a" * n),
    "lambdas": lambda n: "x = " + "lambda: " * n + "a",
    "conditional expressions": lambda n: "x = " + "a if b else " * n + "a",
    "strings": lambda n: "x = (" + "'a' " * n + ")",
    "comprehensions": lambda n: "x = [a " + "for a in b " * n + "]",
    "chains in brackets": lambda n: "x = (" * 150 + "+".join("a" * n) + ")" * 150,
}


@pytest.mark.parametrize("kind", CHAINS)
def test_chains_of_operators_are_counted_before_anything_is_parsed(kind):
    with pytest.raises(NotAnalysed, match="more than 3,000 chained operators in one expression"):
        parse(CHAINS[kind](MAX_CHAIN + 10))


@pytest.mark.parametrize("kind", ["additions", "attributes", "comparisons", "boolean operators", "strings"])
def test_long_chains_below_the_limit_are_parsed_where_one_stands(kind):
    module = parse(CHAINS[kind](1_500))

    assert sum(1 for _ in walk(module)) > 1_500


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("(" * 300 + ")" * 300, id="brackets"),
        pytest.param("x = " + "[" * 5_000, id="open brackets"),
        pytest.param("print 'x'\nx = " + "[" * 5_000 + "]" * 5_000, id="brackets after a syntax error"),
        pytest.param("".join(" " * i + "if a:\n" for i in range(150)) + " " * 150 + "pass\n", id="indentation"),
        pytest.param("if a:\n  pass\n" + "elif a:\n  pass\n" * 30_000, id="elif"),
        pytest.param("f'" + "{" * 300 + "x" + "}" * 300 + "'\nx = " + "(" * 300, id="f-string"),
    ],
)
def test_deep_nesting_is_not_analysed(source):
    with pytest.raises(NotAnalysed):
        parse(source)


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("x = [\n" + "    a + b,\n" * 5_000 + "]\n", id="a long list of short expressions"),
        pytest.param("x = f(" + ", ".join(f"k{i}=a.b" for i in range(4_000)) + ")\n", id="many arguments"),
        pytest.param("x = {\n" + "    'a': -1,\n" * 5_000 + "}\n", id="a long dictionary"),
        pytest.param("a.b.c += d * e\n" * 5_000, id="many statements"),
        pytest.param("s = '" + "+" * 5_000 + "'\n", id="operators in a string"),
        pytest.param('"""' + "a.b " * 5_000 + '"""\n', id="operators in a docstring"),
        pytest.param("# " + "a.b " * 5_000 + "\n", id="operators in a comment"),
        pytest.param("x = 1; " * 4_000 + "\n", id="statements on one line"),
        pytest.param("f(\n" + "    x,\n" * 300 + ")\n", id="indented arguments"),
        pytest.param("if a:\n    pass\n" * 500, id="many blocks"),
        pytest.param("x = 1\n" + " \n" * 500, id="blank lines with spaces"),
    ],
)
def test_long_but_simple_sources_are_not_refused(source):
    assert too_complex(source) is None


def test_what_only_a_newer_python_accepts_is_parsed():
    source = "type Alias[T] = list[T]\n"

    assert parse(source).code == source


def test_valid_python_that_libcst_refuses_is_no_syntax_error(monkeypatch):
    import libcst

    def refuse(source):
        raise libcst.ParserSyntaxError("no", lines=["x = 1\n"], raw_line=1, raw_column=0)

    monkeypatch.setattr(libcst, "parse_module", refuse)

    with pytest.raises(NotAnalysed, match="LibCST cannot parse line 1, which is valid Python"):
        parse("x = 1\n")


@pytest.mark.parametrize(
    "source",
    [
        "for a in b:\n    if a:\n\t    y = 1\n    z = 1\n",
        "for a in b:\n    if a:\n\t    y = 1\n        # a comment\n    z = 1\n",
        "for a in b:\r\n    if a:\r\n\t    y = 1\r\n\r\n\t# a comment\r\n    z = 1\r\n",
        "for a in b:\n    if a:\n\t    y = (1,\n\t2)\n\t    s = '''one\n\ttwo'''\n\x0c    z = 1\n",
    ],
)
def test_a_block_of_tabs_in_a_block_of_spaces_is_read_where_it_stands(source):
    module = parse(source)

    loop = module.body[0]
    branch, last = loop.body.body
    found = spans(module, [branch.body.body[0], branch.body.body[-1], last], source)
    lines = split_lines(source)
    for node in (branch.body.body[0], last):
        start = found[id(node)].start
        assert lines[start.line - 1][start.column - 1 :].startswith(("y = ", "z = 1"))
    assert [part.body[0].value.value for part in branch.body.body[1:]] in ([], ["'''one\n\ttwo'''"])


def test_nesting_does_not_take_the_process_down():
    program = (
        "from dropout_lint.syntax.failures import NotAnalysed\n"
        "from dropout_lint.syntax.parse import parse\n"
        "from dropout_lint.syntax.walk import walk\n"
        "from dropout_lint.syntax.positions import spans\n"
        "module = parse('x = ' + 'a if b else ' * 1450 + 'a')\n"
        "nodes = list(walk(module))\n"
        "try:\n"
        "    print(len(spans(module, nodes)) == len(nodes))\n"
        "except NotAnalysed as failure:\n"
        "    print(failure)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, env=ENVIRONMENT)

    # Python 3.12 counts C calls against a limit of its own, which cannot be raised.
    expected = "nested too deeply to find positions in it\n" if sys.version_info[:2] == (3, 12) else "True\n"
    assert (done.stdout, done.stderr, done.returncode) == (expected, "", 0)
