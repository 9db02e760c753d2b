"""Positions agree with LibCST's own provider, in code points."""

from __future__ import annotations

from pathlib import Path

import libcst as cst
import pytest
from libcst.metadata import MetadataWrapper, PositionProvider

import dropout_lint
from dropout_lint.findings import Position, Span
from dropout_lint.sources.text import read_text
from dropout_lint.syntax.parse import parse
from dropout_lint.syntax.positions import spans
from dropout_lint.syntax.walk import walk

PACKAGE = Path(dropout_lint.__file__).parent
LIBCST = Path(cst.__file__).parent

HARD = (
    "@a  # why\n# own line\n@b(\n  c\n)\n\nasync  def f ( x , ): # end\n\t\ty = ( ( x ) )\n\t\tif y :\n\t\t\tpass\n\n"
    "class é( 日本 ):\n  '''doc\n  more'''\n\n  x = '😀' ; y = (  # note\n    'e\u0301' 'b'\n  )\n"
    "with (a) as b , c : pass\n\x0cz = a\\\n  . b [ 0 ]\nx = (yield) if not (await_) else [ * a ]\n"
    "try :\n  pass\nexcept  A :  pass\nfinally :\n  pass\n"
)

SOURCES = {
    "package": (PACKAGE / "syntax" / "positions.py").read_text(encoding="utf-8"),
    "libcst": read_text(LIBCST / "_nodes" / "op.py").text,
    "hard": HARD,
    "CRLF": HARD.replace("\n", "\r\n"),
    "mixed newlines": HARD.replace("\n  ", "\r\n  ").replace("\n@", "\r@"),
    "no newline at the end": HARD.rstrip(),
    "empty": "",
}


@pytest.mark.parametrize("name", SOURCES)
def test_agrees_with_the_provider(name):
    wrapper = MetadataWrapper(parse(SOURCES[name]), unsafe_skip_copy=True)
    provided = wrapper.resolve(PositionProvider)
    # The provider counts a newline at the end of a module that has none.
    nodes = [node for node in walk(wrapper.module) if node is not wrapper.module]

    found = spans(wrapper.module, nodes)

    for node in nodes:
        start, end = provided[node].start, provided[node].end
        expected = Span(Position(start.line, start.column + 1), Position(end.line, end.column + 1))
        assert found[id(node)] == expected, type(node)


@pytest.mark.parametrize(
    ("source", "wanted", "text"),
    [
        ("y = model( x, training = True )  # why\n", cst.Arg, ["x", "training = True"]),
        ("y = '😀', f(x)\n", cst.Call, ["f(x)"]),
        ("y = ( f (x) )\n", cst.Call, ["f (x)"]),
        ("\tif a:\r\n\t\tdrop.trainable = True\r\n".replace("\tif", "if", 1), cst.Attribute, ["drop.trainable"]),
    ],
)
def test_a_span_cuts_the_node_out_of_the_text(source, wanted, text):
    module = parse(source)
    nodes = [node for node in walk(module) if isinstance(node, wanted)]
    found = spans(module, nodes)
    lines = source.splitlines()

    cut = [
        lines[span.start.line - 1][span.start.column - 1 : span.end.column - 1]
        for span in (found[id(node)] for node in nodes)
    ]

    assert cut == text


def test_only_wanted_nodes_are_returned_and_strangers_are_left_out():
    module = parse("@a\ndef f():\n    pass\n")
    function = module.body[0]

    assert spans(module, []) == {}
    assert spans(module, [cst.Name("stranger")]) == {}
    assert set(spans(module, [function])) == {id(function)}


@pytest.mark.parametrize(
    ("source", "place"),
    [
        ("\x0cf(x)\n", (1, 2)),
        ("if a:\n    b\n\x0c    f(x)\n", (3, 6)),
        ("\\\nf(x)\n", (2, 1)),
        ("a\n\\\r\nf(x)\n", (3, 1)),
        ("\x0ca\n\x0cb\nc = f(x)\n", (3, 5)),
        ("\x0c\nf(x)\n", (2, 1)),
        ("if a:\n    b\n\\\nf(x)\n", (4, 1)),
        ("if a:\n    b\n\\\nc\nd\nf(x)\n", (6, 1)),
    ],
)
def test_what_libcst_drops_is_found_again_in_the_source(source, place):
    module = parse(source)
    (call,) = (node for node in walk(module) if isinstance(node, cst.Call))

    start = spans(module, [call], source)[id(call)].start

    assert (start.line, start.column) == place
