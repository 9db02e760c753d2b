"""Which files are checked."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dropout_lint.discovery import discover
from dropout_lint.settings import Resolver, normal


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """Writes files (names ending in "/" are folders) into a fresh project, and works there."""
    monkeypatch.chdir(tmp_path)

    def write(*names, **contents):
        for name in names:
            path = tmp_path / name
            if name.endswith("/"):
                path.mkdir(parents=True, exist_ok=True)
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch()
        for name, content in contents.items():
            Path(name).write_text(content)
        return tmp_path

    write(".git/")
    return write


def write(path, text):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text)


def found(*paths, **overrides):
    """Files and problems, as users read them."""
    resolver = Resolver(overrides={key.replace("_", "-"): value for key, value in overrides.items()})
    result = discover([Path(path) for path in paths or (".",)], resolver)
    assert result.places == tuple(str(normal(path)) for path in result.files)
    return [path.as_posix() for path in result.files], [f"{p.path}: {p.message}" for p in result.problems]


def test_folders_are_searched_for_python_files_in_order(tree):
    tree("b.py", "a/c.pyi", "a/b.py", "a/d.txt", "a/e.ipynb", "README.md", "script")

    assert found() == (["a/b.py", "a/c.pyi", "a/e.ipynb", "b.py"], [])


def test_each_file_is_checked_once_however_often_it_is_named(tree):
    tree("a/b.py")

    assert found("a", "a/b.py", "./a/../a/b.py", Path("a/b.py").absolute())[0] == ["a/b.py"]


@pytest.mark.parametrize(
    "folder", [".venv", "venv", "node_modules", "__pycache__", ".git", "build", "site-packages", "deep/.tox"]
)
def test_some_folders_are_left_out_by_default(tree, folder):
    tree(f"{folder}/x.py", "y.py")

    assert found() == (["y.py"], [])


@pytest.mark.parametrize(
    ("patterns", "left"),
    [
        (["tests"], ["a.py", "src/b.py"]),
        (["tests/"], ["a.py", "src/b.py"]),
        (["src/*.py"], ["a.py", "tests/b.py", "tests/deep/c.py"]),
        (["b.py"], ["a.py", "tests/deep/c.py"]),
        (["/a.py", "deep"], ["src/b.py", "tests/b.py"]),
        (["**/deep/**"], ["a.py", "src/b.py", "tests/b.py"]),
        (["*.py", "!a.py"], ["a.py"]),
    ],
)
def test_exclude_takes_gitignore_patterns(tree, patterns, left):
    tree("a.py", "src/b.py", "tests/b.py", "tests/deep/c.py")

    assert found(extend_exclude=patterns)[0] == left
    assert found(exclude=patterns)[0] == left


def test_exclude_replaces_the_defaults_and_extend_exclude_keeps_them(tree):
    tree("build/a.py", "b.py")

    assert found(exclude=["b.py"])[0] == ["build/a.py"]
    assert found(extend_exclude=["b.py"])[0] == []


def test_what_is_named_is_checked_though_excluded_unless_exclude_is_forced(tree):
    tree("build/a.py", "build/node_modules/b.py", "c.py")

    assert found("build/a.py", "c.py")[0] == ["build/a.py", "c.py"]
    assert found("build")[0] == ["build/a.py"]
    assert found("build/a.py", "build", "c.py", force_exclude=True) == (["c.py"], [])


def test_patterns_are_relative_to_the_configuration_file(tree, monkeypatch):
    tree("sub/a.py", "sub/gen/b.py", "gen/c.py")
    write("pyproject.toml", '[tool.dropout-lint]\nextend-exclude = ["/sub/gen"]\n')
    monkeypatch.chdir("sub")

    assert found() == (["a.py"], [])
    assert found("..")[0] == ["../gen/c.py", "../sub/a.py"]


def test_nested_gitignores_are_respected(tree):
    tree("a.py", "gen/b.py", "src/gen.py", "src/c.py", "src/keep/d.py", "src/out/e.py")
    write(".gitignore", "gen/\n*.gen\nout\n# comment\n\n")
    write("src/.gitignore", "c.py\n!out/\nkeep/*\n!keep/d.py\n")
    write(".git/info/exclude", "a.py\n")

    assert found()[0] == ["src/gen.py", "src/keep/d.py", "src/out/e.py"]
    assert found(respect_gitignore=False)[0] == [
        *("a.py", "gen/b.py", "src/c.py", "src/gen.py", "src/keep/d.py", "src/out/e.py"),
    ]


def test_gitignores_above_the_named_folder_count_up_to_the_repository(tree):
    tree("repo/.git/", "repo/src/a.py", "repo/src/b.py")
    write("repo/.gitignore", "/src/a.py\n")
    write(".gitignore", "b.py\n")

    assert found("repo/src")[0] == ["repo/src/b.py"]


def test_a_named_file_is_checked_though_git_ignores_it(tree):
    tree("a.py")
    write(".gitignore", "a.py\n")

    assert found("a.py")[0] == ["a.py"]


def test_a_line_of_gitignore_that_git_cannot_read_is_passed_over(tree):
    tree("a.py", "b.py")
    write(".gitignore", "!\na.py\n")

    assert found()[0] == ["b.py"]


def test_folders_called_like_files_are_folders(tree):
    tree("x.py/y.py")

    assert found() == (["x.py/y.py"], [])
    assert found("x.py") == (["x.py/y.py"], [])


def test_symbolic_links_to_folders_are_not_followed_but_may_be_named(tree):
    tree("a/b.py")
    Path("a/loop").symlink_to("..")
    Path("link").symlink_to("a")

    assert found() == (["a/b.py"], [])
    assert found("link") == (["link/b.py"], [])


def test_symbolic_links_to_files_are_checked_and_broken_ones_are_not(tree):
    tree("real.txt")
    Path("a.py").symlink_to("real.txt")
    Path("b.py").symlink_to("missing")
    Path("c.py").symlink_to("c.py")

    assert found() == (["a.py"], [])
    assert found("b.py")[1] == ["b.py: no such file or folder"]
    assert found("c.py")[1] == ["c.py: cannot be read: Too many levels of symbolic links"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs here")
def test_a_fifo_is_never_opened(tree):
    tree("a.py")
    os.mkfifo("b.py")

    assert found() == (["a.py"], [])
    assert found("b.py") == ([], ["b.py: is neither a file nor a folder"])


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("missing.py", "missing.py: no such file or folder"),
        ("missing/", "missing: no such file or folder"),
        ("nul\0byte.py", "nul\0byte.py: cannot be the name of a file"),
    ],
)
def test_a_missing_path_is_a_problem_and_the_others_are_checked(tree, name, problem):
    tree("a.py")

    assert found(name, "a.py") == (["a.py"], [problem])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a.h5", "saved models are only read as .keras archives"),
        ("README.md", "is not a Python file"),
    ],
)
def test_a_named_file_of_another_kind_is_a_problem(tree, name, message):
    tree(name)

    assert found(name) == ([], [f"{name}: {message}"])


@pytest.mark.parametrize("name", ["script", "a.pyw", "stub.pyi"])
def test_a_named_script_is_checked(tree, name):
    tree(name)

    assert found(name) == ([name], [])


def test_a_folder_that_cannot_be_read_is_a_problem(tree, monkeypatch):
    tree("a.py", "closed/b.py")
    scandir = os.scandir

    def refuse(path):
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)

    assert found() == (["a.py"], ["closed: cannot be read: Permission denied"])


def test_each_folder_is_judged_by_its_nearest_configuration(tree):
    tree("a/x.py", "a/skip.py", "b/x.py", "b/skip.py")
    write("a/dropout-lint.toml", 'extend-exclude = ["skip.py"]\n')

    assert found()[0] == ["a/x.py", "b/skip.py", "b/x.py"]


def test_without_a_marker_a_named_folder_is_one_project(tmp_path, monkeypatch):
    elsewhere, project = tmp_path / "elsewhere", tmp_path / "project"
    for folder in (elsewhere, project / "a/deep", project / "marked"):
        folder.mkdir(parents=True)
    (project / "marked/requirements.txt").touch()
    monkeypatch.chdir(elsewhere)
    resolver = Resolver()
    discover([project / "a", project], resolver)

    roots = [resolver.of(folder).root for folder in (project, project / "a/deep", project / "marked", elsewhere)]
    assert roots == [project, project, project / "marked", elsewhere]
