"""Bytes to text and back, as Python itself decodes source files."""

from __future__ import annotations

from pathlib import Path

import pytest

from dropout_lint.sources.text import SourceError, decode, read_text, split_lines

PATH = Path("model.py")


@pytest.mark.parametrize(
    ("data", "text", "encoding", "newline", "bom"),
    [
        pytest.param(b"", "", "utf-8", "\n", False, id="empty"),
        pytest.param(b"x = 1\n", "x = 1\n", "utf-8", "\n", False, id="plain"),
        pytest.param("é = '→'\n".encode(), "é = '→'\n", "utf-8", "\n", False, id="utf-8 by default"),
        pytest.param(b"\xef\xbb\xbfx = 1\n", "x = 1\n", "utf-8", "\n", True, id="byte order mark"),
        pytest.param(b"\xef\xbb\xbf# coding: utf-8\n", "# coding: utf-8\n", "utf-8", "\n", True, id="mark and cookie"),
        pytest.param(b"# coding: latin-1\n\xe9\n", "# coding: latin-1\né\n", "iso-8859-1", "\n", False, id="cookie"),
        pytest.param(
            b"#!/bin/python\n# -*- coding: cp1252 -*-\n'\x80'\n",
            "#!/bin/python\n# -*- coding: cp1252 -*-\n'€'\n",
            "cp1252",
            "\n",
            False,
            id="cookie on the second line",
        ),
        pytest.param(b"# a\r# coding: latin-1\r\xe9", "# a\r# coding: latin-1\ré", "iso-8859-1", "\r", False, id="CR"),
        pytest.param(b"a\r\nb\r\n", "a\r\nb\r\n", "utf-8", "\r\n", False, id="CRLF"),
        pytest.param(b"a\r\nb\nc\r", "a\r\nb\nc\r", "utf-8", "\r\n", False, id="mixed newlines are kept"),
        pytest.param(b"no newline", "no newline", "utf-8", "\n", False, id="no newline at all"),
    ],
)
def test_decodes_as_python_does_and_encodes_back(data, text, encoding, newline, bom):
    decoded = decode(data, PATH)

    assert (decoded.text, decoded.encoding, decoded.newline, decoded.bom) == (text, encoding, newline, bom)
    assert decoded.encode() == data


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"x = 1\ny = '\xff'\n", "line 2 is not valid utf-8: invalid start byte"),
        (b"\xff\n", "line 1 is not valid utf-8: invalid start byte"),
        (b"# coding: ascii\n# \xc3\xa9\n", "line 2 is not valid ascii: ordinal not in range(128)"),
        (b"# coding: klingon\n", "declares an unknown encoding: klingon"),
        (b"# coding: rot13\n", "cannot be decoded as rot13"),
        (b"# coding: undefined\n", "cannot be decoded as undefined"),
        (b"\xef\xbb\xbf# coding: latin-1\n", "declares iso-8859-1 after a UTF-8 byte order mark"),
    ],
)
def test_says_in_one_sentence_what_is_wrong_with_the_encoding(data, message):
    with pytest.raises(SourceError) as raised:
        decode(data, PATH)

    assert str(raised.value).startswith(message)


def test_says_why_a_file_cannot_be_read(tmp_path):
    with pytest.raises(SourceError, match=r"^cannot be read: No such file or directory$"):
        read_text(tmp_path / "missing.py")
    with pytest.raises(SourceError, match=r"^cannot be read: Is a directory$"):
        read_text(tmp_path)


def test_refuses_to_write_what_the_encoding_cannot_express():
    with pytest.raises(SourceError, match=r"^cannot be written as iso-8859-1"):
        decode(b"# coding: latin-1\n", PATH).encode("# coding: latin-1\n# →\n")


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", ()),
        ("\n", ("",)),
        ("a", ("a",)),
        ("a\n", ("a",)),
        ("a\r\nb\rc\nd", ("a", "b", "c", "d")),
        ("a\n\n", ("a", "")),
        ("a\x0cb\x0b\x1c\u2028c\x85", ("a\x0cb\x0b\x1c\u2028c\x85",)),
    ],
)
def test_splits_lines_where_python_does(text, lines):
    assert split_lines(text) == lines
