"""Files as they are looked at before anything is parsed."""

from __future__ import annotations

import unittest
from pathlib import Path

import pytest

from dropout_lint import scans
from dropout_lint.outline import outline_of
from dropout_lint.scans import Scan, Scans

LIBRARY = Path(unittest.__file__).parent.parent
WRITTEN_BY_OTHERS = [
    *sorted(Path(unittest.__file__).parent.glob("*.py")),
    *sorted((LIBRARY / "asyncio").glob("*.py")),
    *(LIBRARY / name for name in ("dataclasses.py", "typing.py", "enum.py", "ast.py", "functools.py", "argparse.py")),
]


def scan_of(source, path="module.py"):
    data = source.encode() if isinstance(source, str) else source
    return Scan(Path(path), data, Scans(lambda _: b"", lambda *_: (), (), {}))


@pytest.mark.parametrize(
    "source",
    [
        "def wanted(): pass",
        "async def wanted(): pass",
        "class wanted: pass",
        "class wanted(object): pass",
        "class wanted[T]: pass",
        "def\twanted(): pass",
        "def \\\n  wanted(): pass",
        "@dataclass\nclass wanted:\n    x: int",
        "typedef\ndef wanted(): pass",
        "if x:\n    class other:\n        def wanted(self): pass",
        # the same name by Python's rules, in letters of another kind
        "def \U0001d430anted(): pass",
        "def größe(): pass",
        "# coding: iso2022_jp\n\ndef 層(): pass".encode("iso2022_jp"),
        "#!/usr/bin/env python\n# -*- coding: utf-7 -*-\ndef größe(): pass".encode("utf-7"),
    ],
)
def test_what_a_file_may_define_is_seen_in_its_text(source):
    assert scan_of(source).defines({"wanted", "other_name"})


@pytest.mark.parametrize("encoding", ["utf-8", "UTF8", "latin-1", "iso-8859-15", "ascii", "cp1252"])
def test_an_encoding_that_holds_ascii_says_nothing_of_other_names(encoding):
    source = f"#!/usr/bin/env python\n# -*- coding: {encoding} -*-\ndef other(): pass\n"

    assert not scan_of(source).defines({"wanted"})


@pytest.mark.parametrize("source", ["", "wanted()", "import wanted", "wanted = 1", "def other(wanted): pass", "# def"])
def test_what_a_file_only_mentions_it_does_not_define(source):
    assert not scan_of(source).defines({"wanted"})


@pytest.mark.parametrize("path", WRITTEN_BY_OTHERS, ids=lambda path: path.stem)
def test_all_that_an_outline_names_is_defined_in_the_text(path):
    scan, outline = scan_of(path.read_bytes()), outline_of(path.read_bytes())
    names = {*outline.classes, *outline.makers, *outline.rated}

    assert [name for name in sorted(names) if not scan.defines({name})] == []


def test_of_files_that_define_nothing_that_is_asked_for_no_outline_is_drawn(monkeypatch):
    def drawn(_):
        raise AssertionError("an outline was drawn")

    monkeypatch.setattr(scans, "outline_of", drawn)
    scan = scan_of("import os\n\nclass Other: pass\n")

    assert scan.class_named("Wanted") is None
    with pytest.raises(AssertionError, match="drawn"):
        scan.class_named("Other")


def test_another_content_defines_something_else():
    scan = scan_of("def before(): pass")
    assert scan.defines({"before"})

    scan.give(b"def after(): pass")

    assert (scan.defines({"before"}), scan.defines({"after"})) == (False, True)
