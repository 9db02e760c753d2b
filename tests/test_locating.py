"""Where the modules of a project lie: which files import statements lead to, and what was looked for on the way."""

from __future__ import annotations

from pathlib import Path

import pytest

from dropout_lint.locating import Locator
from dropout_lint.trail import Trail

FILES = (
    "losses.py",
    "pack/__init__.py",
    "pack/net.py",
    "pack/deep/__init__.py",
    "pack/deep/blocks.py",
    "plain/inner.py",
    "part/losses.py",
    "part/tools/run.py",
    "src/app/__init__.py",
    "both.py",
    "both/__init__.py",
)


@pytest.fixture
def place(tmp_path):
    place = tmp_path / "cyclegan-tf2"
    for name in FILES:
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    return place


@pytest.fixture
def trail():
    return Trail()


@pytest.fixture
def locator(place, trail):
    return Locator((place, place / "src"), trail)


def shown(path, place):
    return path.relative_to(place).as_posix() if path is not None else None


@pytest.mark.parametrize(
    ("importer", "dotted", "expected"),
    [
        ("main.py", "losses", "losses.py"),
        ("main.py", "pack", "pack/__init__.py"),
        ("main.py", "pack.deep.blocks", "pack/deep/blocks.py"),
        ("main.py", "plain.inner", "plain/inner.py"),
        ("main.py", "plain", None),
        ("main.py", "both", "both/__init__.py"),
        ("main.py", "app", "src/app/__init__.py"),
        ("main.py", "pack.losses", None),
        ("main.py", "numpy.random", None),
        # a repository that is itself the package, cloned into a folder of another name
        ("main.py", "cyclegan.losses", "losses.py"),
        ("main.py", "CycleGAN.losses", "losses.py"),
        ("main.py", "project.pack.net", "pack/net.py"),
        ("main.py", "gan.losses", None),
        ("main.py", "sklearn.losses", None),
        ("main.py", "pack.deep.losses", None),
        ("main.py", "", None),
        # the nearest folder counts, and a program may be run from any folder above its own
        ("part/main.py", "losses", "part/losses.py"),
        ("part/tools/run.py", "losses", "part/losses.py"),
        ("pack/deep/blocks.py", "net", "pack/net.py"),
        ("pack/deep/blocks.py", "losses", "losses.py"),
    ],
)
def test_an_import_leads_to_the_nearest_file(importer, dotted, expected, locator, place):
    assert shown(locator.find(place / importer, dotted), place) == expected


@pytest.mark.parametrize(
    ("importer", "level", "dotted", "expected"),
    [
        ("pack/net.py", 1, "", "pack/__init__.py"),
        ("pack/net.py", 1, "deep", "pack/deep/__init__.py"),
        ("pack/deep/blocks.py", 2, "net", "pack/net.py"),
        ("plain/inner.py", 1, "other", None),
        ("plain/inner.py", 2, "losses", "losses.py"),
        ("plain/inner.py", 3, "losses", None),
        ("plain/inner.py", 99, "losses", None),
    ],
)
def test_a_relative_import_goes_by_folders(importer, level, dotted, expected, locator, place):
    assert shown(locator.find_relative(place / importer, level, dotted), place) == expected


@pytest.mark.parametrize(
    ("level", "base", "names", "expected"),
    [
        (0, "pack", ("net", "deep", "Function"), ["pack/__init__.py", "pack/net.py", "pack/deep/__init__.py"]),
        (0, "losses", ("dice",), ["losses.py"]),
        (0, "plain", ("inner", "other"), ["plain/inner.py"]),
        (0, "elsewhere", ("losses",), []),
        (1, "", ("losses", "pack"), ["losses.py", "pack/__init__.py"]),
        (1, "plain", ("inner",), ["plain/inner.py"]),
    ],
)
def test_names_of_a_package_may_be_modules(level, base, names, expected, locator, place):
    found = locator.find_names(place / "main.py", level, base, names)

    assert [shown(path, place) for path in found] == expected


def test_a_link_out_of_the_project_is_not_followed(locator, place, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside") / "secret.py"
    outside.write_text("")
    (place / "secret.py").symlink_to(outside)
    (place / "linked.py").symlink_to(place / "losses.py")

    assert locator.find(place / "main.py", "secret") is None
    assert locator.find(place / "main.py", "linked") == place / "linked.py"


@pytest.mark.parametrize(
    ("dotted", "looks"),
    [
        ("losses", {"losses/__init__.py": "-", "losses.py": "f"}),
        ("numpy.random", {"numpy": "n", "numpy.py": "-", "src/numpy": "n", "src/numpy.py": "-"}),
        ("pack.gone", {"pack/gone/__init__.py": "-", "pack/gone.py": "-", "src/pack": "n", "src/pack.py": "-"}),
    ],
)
def test_what_was_looked_for_is_noted(dotted, looks, locator, trail, place):
    locator.find(place / "main.py", dotted)

    noted = {Path(path).relative_to(place).as_posix(): seen for path, seen in trail.looks[place / "main.py"].items()}
    # the folder of the test may be named like a package itself
    noted.pop("__init__.py", None)
    assert noted == looks
