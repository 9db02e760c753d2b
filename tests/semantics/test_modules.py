"""The project's modules and classes: what is kept of them, and for how long."""

from __future__ import annotations

from pathlib import Path

import libcst as cst
import pytest

from dropout_lint.semantics import shelf
from dropout_lint.semantics.attributes import MOST_MODULES
from dropout_lint.semantics.interpreter import interpret
from dropout_lint.semantics.modules import Module, Project
from dropout_lint.semantics.run import MOST_FAR_CHARACTERS
from dropout_lint.semantics.scopes import Scope
from dropout_lint.semantics.values import ClassValue

A, B, C = (Path(f"/project/{name}.py") for name in "abc")


@pytest.fixture
def parsed():
    """The files that were parsed, in order."""
    return []


@pytest.fixture
def project(parsed, monkeypatch):
    """A project that keeps the trees of two of its files, of ten characters each."""
    monkeypatch.setattr(shelf, "MOST_KEPT", 25)

    def load(path):
        parsed.append(path.stem)
        return (f"{path.stem} = 12345", cst.parse_module(f"{path.stem} = 12345")) if path != C else None

    return Project((Path("/project"),), load)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("aaa", "a"),
        ("abab", "ab"),
        ("abdab", "abdab"),
        ("abadab", "abdb"),
        ("cccc", "c"),
        ("abccab", "abc"),
    ],
)
def test_trees_are_kept_for_so_much_source_those_asked_for_last(project, parsed, asked, expected):
    found = [project.tree(Path(f"/project/{name}.py")) for name in asked]

    assert [each is None for each in found] == [name == "c" for name in asked]
    assert "".join(parsed) == expected


def test_projects_share_the_room_for_trees(project, parsed):
    other = Project((Path("/project"),), project._load, None, project._shelf)

    for each, path in ((project, A), (other, A), (other, B), (project, A)):
        each.tree(path)

    # each has a tree of its own, and the one that was asked for first has gone
    assert parsed == ["a", "a", "b", "a"]


def test_what_is_checked_itself_counts_like_what_is_imported(project, parsed):
    text = "z" * 30
    project.tree(A)
    project.keep(B, text, cst.parse_module(text))
    project.tree(A)

    assert parsed == ["a", "a"]


def make_class(name, *bases):
    tree = cst.parse_module(f"class {name}: pass")
    return ClassValue(tree.body[0], Module(A, "a", "", tree), Scope("module"), bases)


def test_a_class_has_each_ancestor_once_however_many_ways_lead_there():
    one = other = make_class("Root")
    for number in range(12):
        one, other = make_class(f"One{number}", one, other), make_class(f"Other{number}", other, one)

    names = [each.name for each in one.ancestry()]
    assert names[:3] == ["One11", "One10", "One9"]
    assert (len(names), len(set(names))) == (24, 24)


CHOICE = """\
def load(name):
    if name == "a":
        chosen = {0}
    elif name == "b":
        chosen = {1}
    elif name == "c":
        chosen = {2}
    elif name == "d":
        chosen = {3}
    elif name == "e":
        chosen = {4}
    else:
        chosen = {5}
    return chosen.load(name)
"""


def write_choice(folder, name, among):
    """A module that loads one of six others."""
    imports = "".join(f"import {each}\n" for each in among)
    (folder / f"{name}.py").write_text(imports + CHOICE.format(*among), encoding="utf-8")


def test_of_modules_one_of_which_is_chosen_by_name_a_few_are_parsed_also_where_choices_lie_in_each_other(tmp_path):
    parsed = []

    def load(path):
        parsed.append(path.stem)
        source = path.read_text(encoding="utf-8")
        return source, cst.parse_module(source)

    outer = [f"outer{number}" for number in range(6)]
    write_choice(tmp_path, "main", outer)
    for number, name in enumerate(outer):
        inner = [f"inner{number}{place}" for place in range(6)]
        write_choice(tmp_path, name, inner)
        for each in inner:
            (tmp_path / f"{each}.py").write_text("def load(name):\n    return name\n", encoding="utf-8")
    main = tmp_path / "main.py"
    interpret(Project((tmp_path,), load), main, *load(main))

    assert [name for name in parsed if name.startswith("outer")] == outer[:MOST_MODULES]
    assert len({name[:6] for name in parsed if name.startswith("inner")}) == MOST_MODULES
    assert len([name for name in parsed if name.startswith("inner")]) == MOST_MODULES**2


LONG = "x = 1\n" * 1_000
FAR = {
    "next to the program": ("main", LONG, True),
    "behind its helpers": ("helpers", LONG, False),
    "behind them, and uses Keras": ("helpers", f"import keras\n{LONG}", True),
    "behind them, and short": ("helpers", "from nets import *", True),
    "next to one that uses Keras": ("nets", LONG, True),
}


@pytest.mark.parametrize(("importer", "source", "parsed"), FAR.values(), ids=FAR)
def test_of_what_lies_far_from_keras_only_so_much_is_parsed(importer, source, parsed, tmp_path):
    found = []

    def load(path):
        found.append(path.stem)
        source = path.read_text(encoding="utf-8")
        return source, cst.parse_module(source)

    files = {"main": ["helpers"], "helpers": ["library", "nets"], "nets": [], "library": [], "asked": []}
    files[importer].append("asked")
    bodies = {"library": f'"""{"x" * MOST_FAR_CHARACTERS}"""', "nets": "import keras", "asked": source}
    for name, imported in files.items():
        text = "".join(f"import {each}\n" for each in imported) + bodies.get(name, "") + "\n"
        # what a module imports is looked into when somebody asks for it
        text += "".join(f"{each}.__name__\n" for each in imported)
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
    main = tmp_path / "main.py"
    interpret(Project((tmp_path,), load), main, *load(main))

    assert ("asked" in found) is parsed
