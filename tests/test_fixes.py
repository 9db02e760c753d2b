"""Edits change what they say and nothing else."""

from __future__ import annotations

import pytest

from dropout_lint.findings import Edit, Position, Span
from dropout_lint.fixes import apply_edits


def edit(start, end, replacement):
    return Edit(Span(Position(*start), Position(*end)), replacement)


@pytest.mark.parametrize(
    ("text", "edits", "expected"),
    [
        pytest.param("a\nb\n", [], "a\nb\n", id="nothing"),
        pytest.param("f(x, True)\n", [edit((1, 6), (1, 10), "False")], "f(x, False)\n", id="replace"),
        pytest.param("a\nb\nc\n", [edit((2, 1), (3, 1), "")], "a\nc\n", id="remove a line"),
        pytest.param("f(x)", [edit((1, 4), (1, 4), ", training=False")], "f(x, training=False)", id="insert"),
        pytest.param("ab\n", [edit((1, 3), (1, 3), "c")], "abc\n", id="insert at the end of a line"),
        pytest.param("ab", [edit((1, 3), (1, 3), "c")], "abc", id="insert at the end"),
        pytest.param("", [edit((1, 1), (1, 1), "a\n")], "a\n", id="insert into nothing"),
        pytest.param("a\n", [edit((2, 1), (2, 1), "b\n")], "a\nb\n", id="append a line"),
        pytest.param("'😀é' + x\n", [edit((1, 8), (1, 9), "y")], "'😀é' + y\n", id="code points"),
        pytest.param("a\r\nb\r\n", [edit((2, 1), (2, 2), "c\nd")], "a\r\nc\r\nd\r\n", id="CRLF in replacements"),
        pytest.param("a\rb\n\x0cc", [edit((3, 2), (3, 3), "d")], "a\rb\n\x0cd", id="mixed newlines stay"),
        pytest.param("a b c", [edit((1, 5), (1, 6), "C"), edit((1, 1), (1, 2), "A")], "A b C", id="in any order"),
        pytest.param(
            "abcd", [edit((1, 1), (1, 3), "X"), edit((1, 2), (1, 4), "Y")], "Xcd", id="the later of two that overlap"
        ),
        pytest.param("ab", [edit((1, 1), (1, 2), "X"), edit((1, 2), (1, 3), "Y")], "XY", id="neighbours"),
        pytest.param("ab", [edit((1, 1), (1, 2), "X")] * 2, "Xb", id="the same edit twice"),
        pytest.param("ab", [edit((1, 2), (1, 2), "1"), edit((1, 2), (1, 3), "Y")], "a1Y", id="insert before a change"),
    ],
)
def test_applies(text, edits, expected):
    assert apply_edits(text, edits) == expected


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (edit((4, 1), (4, 1), ""), "the text has no line 4"),
        (edit((0, 1), (1, 1), ""), "the text has no line 0"),
        (edit((1, 5), (1, 5), ""), "line 1 has no column 5"),
        (edit((2, 1), (1, 1), ""), "the edit at line 2 ends before it starts"),
    ],
)
def test_refuses_edits_outside_the_text(wrong, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        apply_edits("ab\nc\n", [wrong])
