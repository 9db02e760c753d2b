"""Files that are not what their names say, folders that lead elsewhere, documents that want to fill the memory."""

from __future__ import annotations

import codecs
import io
import json
import os
import shutil
import zipfile
from pathlib import Path

import pytest
from pathspec import GitIgnoreSpec

from dropout_lint.engine import run
from dropout_lint.files import read_regular
from dropout_lint.patterns import compiled
from dropout_lint.settings import SettingsError, load
from dropout_lint.sources.dependencies import declared_in
from dropout_lint.sources.notebook import MARK, decode_notebook
from dropout_lint.sources.text import SourceError

FLAGGED = """\
import keras
model = keras.Sequential([keras.layers.Dropout(0.5)])
model.evaluate(x)
def evaluate(x):
    return keras.ops.argmax(model(x, training=True))
"""


def found(*paths):
    """File, code and message of what a run says."""
    return [(finding.path, finding.code, finding.message) for finding in run(map(Path, paths or ["."])).findings]


def reason(*paths):
    """Why the one file was not analysed."""
    ((_, code, message),) = found(*paths)
    assert code == "KTM991"
    return message.removeprefix("the file was not analysed: ")


# Encodings ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (codecs.BOM_UTF16_LE + FLAGGED.encode("utf-16-le"), "is UTF-16, which Python does not read: save it as UTF-8"),
        (codecs.BOM_UTF16_BE + FLAGGED.encode("utf-16-be"), "is UTF-16, which Python does not read: save it as UTF-8"),
        (codecs.BOM_UTF32_LE + FLAGGED.encode("utf-32-le"), "is UTF-32, which Python does not read: save it as UTF-8"),
        (f"{FLAGGED}# é\n".encode("latin-1"), "line 6 is not valid utf-8: invalid continuation byte"),
        (f"# coding: klingon\n{FLAGGED}".encode(), "declares an unknown encoding: klingon"),
        (f"# coding: punycode\n{FLAGGED}".encode(), "declares the encoding punycode, in which no program is written"),
        (f"# coding: zlib\n{FLAGGED}".encode(), "cannot be decoded as zlib: 'zlib' is not a text encoding"),
        (
            codecs.BOM_UTF8 + f"# coding: latin-1\n{FLAGGED}".encode(),
            "declares iso-8859-1 after a UTF-8 byte order mark",
        ),
    ],
    ids=["utf-16", "utf-16 big", "utf-32", "latin-1", "unknown", "punycode", "no text", "contradiction"],
)
def test_what_cannot_be_decoded_is_said_so(write, data, message):
    write("a.py", data)

    assert reason().startswith(message)


@pytest.mark.parametrize("cookie", ["latin-1", "utf-7", "cp1252", "utf-8-sig", "raw_unicode_escape"])
def test_other_encodings_are_read(write, cookie):
    write("a.py", f"# coding: {cookie}\n{FLAGGED}")

    assert [code for _, code, _ in found()] == ["KTM101"]


# Files that are none -----------------------------------------------------------------------------------------


def test_pipes_devices_and_folders_with_the_names_of_files_are_passed_over(write, project):
    write("good.py", FLAGGED)
    os.mkfifo(project / "pipe.py")
    (project / "zero.py").symlink_to("/dev/zero")
    (project / "loop.py").symlink_to("loop.py")
    (project / "gone.py").symlink_to("nothing.py")
    (project / "round").symlink_to(".")
    write("folder.py/inside.py", FLAGGED)

    assert [path for path, _, _ in found()] == ["folder.py/inside.py", "good.py"]


@pytest.mark.parametrize("name", [".gitignore", "pyproject.toml", "requirements.txt", "helpers.py", "__init__.py"])
def test_a_pipe_beside_a_file_does_not_block(write, project, name):
    write("good.py", f"import helpers\nfrom . import helpers\n{FLAGGED}")
    os.mkfifo(project / name)

    assert [path for path, _, _ in found()] == ["good.py"]


def test_a_named_pipe_is_a_problem(project):
    os.mkfifo(project / "pipe.py")

    assert [problem.message for problem in run([Path("pipe.py")]).errors] == ["is neither a file nor a folder"]


def test_a_file_larger_than_any_source_is_not_read(write, project):
    write("good.py", FLAGGED)
    with (project / "sparse.py").open("wb") as stream:
        stream.truncate(1 << 40)

    assert found()[1] == (
        "sparse.py",
        "KTM991",
        "the file was not analysed: cannot be read: it is larger than 100 MB",
    )


@pytest.mark.skipif(not Path("/proc/version").exists(), reason="files whose size is not told")
def test_a_file_that_is_larger_than_told_is_read_as_far_as_may_be():
    path = Path("/proc/version")
    content = path.read_bytes()

    assert path.stat().st_size == 0
    assert read_regular(path, len(content)) == content
    with pytest.raises(OSError, match="larger"):
        read_regular(path, len(content) - 1)


def test_more_code_than_is_parsed_is_said_so(write):
    write("a.py", FLAGGED + f"# {'long' * 100}\n" * 25_000)

    assert reason() == "more than 10,000,000 characters of code"


def test_a_file_that_goes_away_before_it_is_read(write, project):
    write("a.py", FLAGGED)
    write("b.py", FLAGGED)
    gone = iter([project / "a.py"])

    def progress(_done, _total):
        for path in gone:
            path.unlink()

    report = run([Path()], progress=progress)
    assert [(finding.path, finding.code) for finding in report.findings] == [("a.py", "KTM101"), ("b.py", "KTM101")]

    (project / "a.py").symlink_to("b.py")
    (project / "b.py").unlink()
    assert found("a.py") == []
    assert [problem.message for problem in run([Path("a.py")]).errors] == ["no such file or folder"]


# Links and imports out of the project ------------------------------------------------------------------------


@pytest.fixture
def outside(tmp_path_factory):
    """A folder beside the project with a flagged module in it."""
    folder = tmp_path_factory.mktemp("outside")
    (folder / "secret.py").write_text(FLAGGED)
    (folder / "flag.py").write_text("MODE = True\n")
    return folder


def test_links_are_only_followed_where_they_stay_inside(write, project, outside):
    write("real.py", FLAGGED)
    (project / "inside.py").symlink_to("real.py")
    (project / "out.py").symlink_to(outside / "secret.py")
    (project / "folder").symlink_to(outside)

    assert [path for path, _, _ in found()] == ["inside.py", "real.py"]
    assert [path for path, _, _ in found("out.py")] == ["out.py"]
    assert [path for path, _, _ in found("folder")] == ["folder/secret.py"]


USER = FLAGGED.replace("training=True", "training=MODE")


@pytest.mark.parametrize("statement", ["from flag import MODE", "from .flag import MODE", "from pkg.flag import MODE"])
def test_imports_are_only_followed_where_they_stay_inside(write, project, outside, statement):
    write("a.py", f"{statement}\n{USER}")
    write("pkg/flag.py", "MODE = True\n")
    write("flag.py", "MODE = True\n")
    assert [code for _, code, _ in found("a.py")] == ["KTM101"]

    (project / "flag.py").unlink()
    shutil.rmtree(project / "pkg")
    (project / "flag.py").symlink_to(outside / "flag.py")
    (project / "pkg").symlink_to(outside)
    assert found("a.py") == []


def test_no_import_climbs_out_of_the_project(write, project):
    (project.parent / "flag.py").write_text("MODE = True\n")
    write("a.py", f"from ..flag import MODE\n{USER}")
    write("b.py", f"from {'.' * 3000}flag import MODE\n{USER}")

    assert found() == []


def test_imports_of_thousands_of_dots_and_names_are_looked_for_in_no_time(write):
    write("a.py", f"from {'.' * 100_000}\nimport {', '.join(f'm{n}' for n in range(100_000))}\n{FLAGGED}")

    assert reason() == "more than 3,000 chained operators in one expression"


def test_modules_that_import_each_other(write):
    write("a.py", f"from b import *\nfrom c import *\nimport a\n{FLAGGED}class A(B): pass\n")
    write("b.py", "from a import *\nfrom c import *\nclass B(A): pass\nbase = B\n")
    write("c.py", "from c import *\nfrom b import *\nfrom c import base\nclass C(base): pass\n")

    assert [path for path, _, _ in found()] == ["a.py"]


# Configuration -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = " + "[" * 100_000, "nested too deeply"),
        ("x = \ud800", "is not valid UTF-8"),
        ('[tool.dropout-lint]\nextend = "/dev/zero"', "cannot be read: it is no regular file"),
        ('[tool.dropout-lint]\nextend = "pyproject.toml"', "extend leads back to"),
        ("x = 1\n" + "#" * 3_000_000, "cannot be read: it is larger than 2 MB"),
        ("a." * 300_000 + "b = 1", "a key has more than 1,000 parts"),
        ("x = 1\n" + '"a" . ' * 100_000 + "b = 1", "a key has more than 1,000 parts"),
    ],
    ids=["nested", "surrogate", "device", "circle", "large", "a long key", "a long key of texts"],
)
def test_a_configuration_that_cannot_be_used_is_an_error(write, project, text, message):
    write("pyproject.toml", text.encode("utf-8", "surrogatepass"))

    with pytest.raises(SettingsError, match=message):
        load(project)


def test_texts_with_many_dots_are_no_keys(write, project):
    write("pyproject.toml", f'[project]\ndescription = "{"." * 5_000}"  # {"." * 5_000}\n')

    assert load(project).file is None


# Notebooks ---------------------------------------------------------------------------------------------------


def notebook(*sources, **others):
    cells = [{"cell_type": "code", "source": source, "outputs": [], "metadata": {}} for source in sources]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, **others})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is no valid notebook"),
        ("{", "is no valid notebook"),
        ("[" * 100_000, "is no valid notebook: it is nested too deeply"),
        ('{"cells": ' + '{"a":' * 100_000, "is no valid notebook: it is nested too deeply"),
        ('{"cells": [{"outputs": ' + "[" * 100_000 + "]}]}", "is no valid notebook: it is nested too deeply"),
        (
            '{"cells": [' + "0," * 1_000_001 + "0]}",
            "is no valid notebook: it holds a list of more than 1,000,000 values",
        ),
        ('{"cells": "no list"}', "is no notebook: it has no cells"),
        ("[]", "is no notebook: it has no cells"),
        ('{"worksheets": []}', "is a notebook of format 3"),
        (notebook(f"x = 1 {MARK}"), "cell 1 holds '#ktm/'"),
        (notebook("\n#ktm/cell\n"), "cell 1 holds"),
        (notebook("0x73e;x = 1"), "cell 1 holds"),
    ],
    ids=lambda text: str(text)[:30],
)
def test_a_notebook_that_is_none_is_said_so(text, message):
    with pytest.raises(SourceError, match=r"^" + message.replace("(", r"\(")):
        decode_notebook(text.encode(), Path("a.ipynb"))


@pytest.mark.parametrize(
    "cells",
    [
        [None, 1, "x", [], {}],
        [{"cell_type": "code"}, {"cell_type": ["code"], "source": "x"}],
        [{"cell_type": "code", "source": {"a": 1}}, {"cell_type": "code", "source": [1, None, "x\n", ["y"]]}],
    ],
)
def test_cells_of_any_shape_are_read(write, cells):
    good = {"cell_type": "code", "source": FLAGGED}
    write("a.ipynb", json.dumps({"cells": [*cells, good], "metadata": []}))

    assert [code for _, code, _ in found()] == ["KTM101"]


def test_keys_that_stand_there_twice(write):
    cell = json.dumps({"cell_type": "code", "source": FLAGGED})
    write("a.ipynb", f'{{"cells": 1, "cells": [{{"source": "x = (", {cell[1:]}]}}')

    assert [code for _, code, _ in found()] == ["KTM101"]


def test_a_cell_with_more_magics_than_can_be_told_apart_is_no_python(write):
    write("a.ipynb", notebook(FLAGGED, "x = 1\n" * 1_000 + "y = 2\n%time x\n" * 3_000))

    codes = [code for _, code, _ in found()]
    assert codes == ["KTM101", "KTM990"]


# Saved models ------------------------------------------------------------------------------------------------


def archive(**members):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in members.items():
            made.writestr(name.replace("__", "/"), data)
    return stream.getvalue()


LAYER = {"class_name": "Dropout", "config": {"name": "\x1b[31mdrop\u202e\r", "rate": 1.5}}
CONFIG = json.dumps({"class_name": "Sequential", "config": {"layers": [LAYER]}})


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "it is no intact archive"),
        (b"PK\x03\x04 and no more", "it is no intact archive"),
        (archive(), "the archive holds no config.json"),
        (archive(**{"config.json": b"\0" * 60_000_000}), "config.json unpacks to more than any configuration"),
        (archive(**{"config.json": b"[" * 100_000}), "config.json is nested too deeply"),
        (archive(**{"config.json": "{"}), "config.json is not valid JSON"),
        (archive(**{"config.json": "[]"}), "config.json does not describe a model"),
        (archive(**{"config.json": CONFIG})[:-30], "it is no intact archive"),
        (archive(**{f"m{n}": "" for n in range(10_001)}), "the archive holds more than 10,000 members"),
    ],
    ids=["empty", "head only", "nothing inside", "bomb", "nested", "no json", "no model", "cut off", "members"],
)
def test_a_damaged_archive_is_said_so(write, data, message):
    write("a.keras", data)

    assert reason().startswith(message)


def test_members_outside_of_an_archive_are_not_unpacked(write, project):
    inner = archive(**{"config.json": CONFIG})
    write("a.keras", archive(**{"config.json": CONFIG, "..__..__up.py": "x", "__etc__passwd": "x", "b.keras": inner}))

    assert [code for _, code, _ in found()] == ["KTM501"]
    assert sorted(path.name for path in project.rglob("*") if path.is_file()) == ["a.keras"]


# Dependencies ------------------------------------------------------------------------------------------------

WANTED = frozenset({"keras", "tensorflow"})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("requirements.txt", "tensorflow>1\n" * 20_000),
        ("requirements.txt", "tensorflow" + ",".join(f"!=1.{n}" for n in range(100_000))),
        ("requirements.txt", "tensorflow; " + "(" * 100_000),
        ("requirements.txt", "# @EXPLICIT\n" + "/a" + "-1" * 500_000),
        ("requirements.txt", "-r requirements.txt\n-r /dev/zero\n-r /etc/passwd\n" * 1_000),
        ("environment.yml", ("- a" + " " * 390 + "@\n") * 4_000),
        ("conda-lock.yml", "\n" * 1_000_000 + " " * 1_000_000),
        (
            "setup.py",
            "a0 = ['x']\n"
            + "".join(f"a{n + 1} = [{f'a{n}, ' * 50}]\n" for n in range(50))
            + "setup(install_requires=a50)",
        ),
        ("setup.py", "setup(install_requires=" + "[" * 5_000 + "]" * 5_000 + ")"),
        ("setup.py", "from a" + ".b" * 900_000 + " import c\n"),
        ("Pipfile", "a." * 300_000 + "b = 1"),
        ("pyproject.toml", "a = " + "[" * 100_000),
        ("Pipfile.lock", "[" * 100_000),
        ("setup.cfg", "[options]\ninstall_requires =\n" + " x\n" * 30_000),
    ],
    ids=lambda text: text[:24],
)
def test_declarations_of_any_shape_end_soon_and_say_nothing(tmp_path, name, text):
    (tmp_path / name).write_text(text)

    assert len(declared_in(tmp_path, WANTED, tmp_path).dependencies) <= 1


def test_requirements_of_others_are_not_read(tmp_path, outside):
    (outside / "pins.txt").write_text("tensorflow==2.4\n")
    (tmp_path / "requirements.txt").write_text(f"-r {outside / 'pins.txt'}\n")
    (tmp_path / "requirements-dev.txt").symlink_to(outside / "pins.txt")

    assert declared_in(tmp_path, WANTED, tmp_path).dependencies == ()
    assert len(declared_in(tmp_path, WANTED).dependencies) == 2


# Patterns ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "pattern",
    [
        "*a" * 100 + "b",
        "**" * 100 + "b",
        "[a-z]*" * 60 + "b",
        "**/a/" * 4 + "b",
        "**/a/" * 500,
        "a?*" * 80 + "/b",
    ],
    ids=lambda pattern: pattern[:6],
)
def test_a_pattern_of_stars_takes_no_time(write, pattern):
    write(".git/HEAD")
    write(".gitignore", f"{pattern}\nleft_out.py\n")
    write(f"{'a' * 240}.py", FLAGGED)
    write(f"{'a/' * 60}{'a' * 200}.py", FLAGGED)
    write("left_out.py", FLAGGED)

    assert len(found()) == 2


PATTERNS = (
    "*",
    "*.py",
    "a*b",
    "a*b*.py",
    "*a*b*",
    "a**b",
    "?*b*",
    "[ab]*b*",
    "a*/b*b*",
    "**/a*b",
    "a/**/b*",
    "!*b*",
    "\\*a*",
)
PATHS = (
    "a",
    "b",
    "ab",
    "a.py",
    "ab.py",
    "aXbYb.py",
    "abab",
    "bb.py",
    "a/b",
    "a/ab/bab.py",
    "a/x/y/b.py",
    "x/aab",
    "*ab",
)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_patterns_match_what_they_match_in_git(pattern):
    plain, ours = GitIgnoreSpec.from_lines([pattern]), compiled([pattern])

    assert [path for path in PATHS if ours.match_file(path)] == [path for path in PATHS if plain.match_file(path)]
