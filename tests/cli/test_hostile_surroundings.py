"""Linting a folder runs nothing in it, reads nothing outside, writes nothing, and its names act on no terminal."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys
import unicodedata
from pathlib import Path
from urllib.parse import unquote_to_bytes

import pytest
from lxml import etree

import dropout_lint as package
from dropout_lint.options import OUTPUT_FORMATS

HOME = str(Path(package.__file__).parents[1])
FLAGGED = """\
import keras
model = keras.Sequential([keras.layers.Dropout(0.5)])
model.evaluate(x)
def evaluate(x):
    return keras.ops.argmax(model(x, training=True))
"""


def dropout_lint(folder, *arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "dropout_lint", "--no-cache", *arguments],
        capture_output=True,
        cwd=folder,
        check=False,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": HOME, "LANG": "C.UTF-8", **environment},
    )


# Nothing runs ------------------------------------------------------------------------------------------------

MARK = "import os\nopen(os.path.join({folder!r}, 'ran'), 'a').write({name!r} + ' ')\n"
NAMES = (
    "__future__", "__init__", "ast", "builtins", "click", "codecs", "conftest", "dataclasses", "gc", "json", "keras",
    "libcst", "pathlib", "pathspec", "re", "rich", "setup", "sitecustomize", "tensorflow", "tokenize", "tomllib",
    "traceback", "typing", "usercustomize", "zipfile",
)  # fmt: skip
PROJECT = """\
[build-system]
requires = []
build-backend = "conftest"
backend-path = ["."]
[tool.pytest.ini_options]
addopts = "-p conftest"
"""


@pytest.fixture
def trap(tmp_path):
    """A project of which every file leaves a mark when it is run."""
    for name in NAMES:
        (tmp_path / f"{name}.py").write_text(MARK.format(folder=str(tmp_path), name=name) + FLAGGED)
    (tmp_path / "evil.pth").write_text(f"import os; open({str(tmp_path / 'ran')!r}, 'a')\n")
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    source = [f"!touch {tmp_path / 'ran'}\n", f"%run {tmp_path / 'conftest.py'}\n", FLAGGED]
    cells = [{"cell_type": "code", "source": each, "outputs": [], "metadata": {}} for each in source]
    (tmp_path / "book.ipynb").write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4}))
    return tmp_path


@pytest.mark.parametrize("arguments", [[], ["--fix", "--unsafe-fixes"], ["--diff"]], ids=" ".join)
def test_nothing_that_is_checked_is_run(trap, arguments):
    done = dropout_lint(trap, *arguments, ".")

    assert done.returncode in {0, 1}, done.stderr
    assert b"Traceback" not in done.stderr
    assert not (trap / "ran").exists()


def test_the_installed_command_does_not_import_from_the_folder(trap):
    program = "import sys; from dropout_lint.__main__ import main; main()"
    done = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.append({HOME!r}); {program}", "--no-cache", "."],
        capture_output=True,
        cwd=trap,
        check=False,
    )

    assert (done.returncode, done.stderr) == (1, b"")
    assert not (trap / "ran").exists()


# Nothing outside is opened ------------------------------------------------------------------------------------

AUDITED = """\
import sys
opened = []
def hook(event, arguments):
    if event == "open" and isinstance(arguments[0], str):
        opened.append((arguments[0], arguments[1], arguments[2]))
    elif event in {"os.system", "subprocess.Popen", "os.exec", "os.posix_spawn", "socket.connect", "ctypes.dlopen"}:
        opened.append((event, "!", 0))
sys.addaudithook(hook)
from dropout_lint.cli import main
try:
    main(sys.argv[1:])
finally:
    import json
    json.dump(opened, sys.stderr)
"""


def test_only_the_project_is_read_and_nothing_is_written(tmp_path):
    project, outside = tmp_path / "project", tmp_path / "outside"
    for folder in (project / "pkg", outside):
        folder.mkdir(parents=True)
    (outside / "secret.py").write_text("MODE = True\n")
    (outside / "requirements.txt").write_text("tensorflow==2.4\n")
    (project / ".git").mkdir()
    (project / "requirements.txt").write_text("-r ../outside/requirements.txt\n-r /etc/passwd\n")
    (project / "linked.py").symlink_to(outside / "secret.py")
    (project / "linked").symlink_to(outside)
    (project / "pkg" / "a.py").write_text(
        "from linked import MODE\nfrom linked.secret import MODE\nfrom ...outside.secret import MODE\n"
        f"import numpy, keras, os, subprocess\n{FLAGGED}"
    )
    done = subprocess.run(
        [sys.executable, "-c", AUDITED, "--no-cache", "."],
        capture_output=True,
        cwd=project,
        check=False,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": HOME, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert done.returncode == 1, done.stderr
    opened = json.loads(done.stderr)

    installed = (sys.prefix, sys.base_prefix, HOME + os.sep, "/proc/", "/sys/fs/cgroup", "/dev/null")
    foreign = [path for path, _, _ in opened if Path(path).is_absolute() and not path.startswith(installed)]
    assert {Path(path).relative_to(project).as_posix() for path in foreign} <= {
        "pkg/a.py",
        "requirements.txt",
        ".gitignore",
        "pkg/.gitignore",
        ".git/info/exclude",
    }
    written = os.O_WRONLY | os.O_RDWR | os.O_CREAT
    assert [each for each in opened if each[1] == "!" or (each[2] & written and each[0] != os.devnull)] == []


# Names and texts that act on what shows them --------------------------------------------------------------------

NASTY = (
    b"plain.py", b"-rf.py", b"--fix.py", b"new\nline.py", b"::error file=x::y.py", b"a%0Ab,c:d.py", b"\x1b[31mred.py",
    b"\x9b31m\xc2\x9b31m.py", b"bidi\xe2\x80\xae\xe2\x81\xa6.py", b"[red]b.py", b"[link=x]y.py", b"back\rwards.py",
    b"\xff\xfe.py", b"quo\"te'.py", b"<&]]>.py", b"\x0c\x08\x07.py", b"##vso[task.x]y.py", b"#x?y.py", b"a\\b.py",
    b"x" * 252 + b".py", "日本 é.py".encode(),
)  # fmt: skip
SOURCE = (
    "import keras\n"
    "model = keras.Sequential([keras.layers.Dropout(0.5)])\n"
    "def evaluate(x):\n"
    "    return keras.ops.argmax(model(x, training=True))  # \x1b]0;title\x07 \u202e [red]x[/red]"
    " \x0c \x9b ::error:: ##[error]x ##vso[task.x]y\n"
)
ACTING = {"Cc", "Cf", "Cs", "Zl", "Zp"}


@pytest.fixture
def nasty(tmp_path):
    """A folder of flagged files whose names want to be more than names."""
    (tmp_path / ".git").mkdir()
    for name in NASTY:
        (tmp_path / os.fsdecode(name)).write_text(SOURCE, encoding="utf-8")
    return tmp_path


def report(folder, style, *arguments):
    done = dropout_lint(folder, "--output-format", style, "--min-confidence=low", *arguments, ".", FORCE_COLOR="")
    assert done.returncode == 1, done.stderr
    assert done.stderr == b""
    # what GitHub and Azure take for a command, wherever it stands in a line
    assert b"##[" not in done.stdout
    assert b"##vso[" not in done.stdout
    return done.stdout


@pytest.mark.parametrize(
    "style", sorted({*OUTPUT_FORMATS} - {"json", "json-lines", "sarif", "gitlab", "rdjson", "junit"})
)
def test_nothing_acts_on_a_terminal(nasty, style):
    text = report(nasty, style).decode("utf-8")

    assert [ascii(char) for char in text if char != "\n" and unicodedata.category(char) in ACTING] == []
    assert len(re.findall("KTM101", text)) >= len(NASTY)
    assert style == "github" or not re.search(r"^\s*(::|##)", text, re.MULTILINE)


@pytest.mark.parametrize("style", ["full", "concise", "grouped"])
def test_colours_are_the_only_sequences(nasty, style):
    text = report(nasty, style, "--color=always").decode("utf-8")

    plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
    assert [ascii(char) for char in plain if char != "\n" and unicodedata.category(char) in ACTING] == []
    assert "[red]b.py" in plain
    assert "[link=x]y.py" in plain


def test_every_line_of_github_is_one_command_of_ours(nasty):
    lines = report(nasty, "github").decode("utf-8").splitlines()
    commands = [line for line in lines if line.startswith("::")]

    assert len(commands) == len(NASTY)
    for command in commands:
        properties, _, _ = command.removeprefix("::error ").partition("::")
        keys = [each.partition("=")[0] for each in properties.split(",")]
        assert keys == ["title", "file", "line", "col", "endLine", "endColumn"]
    assert not [line for line in lines if line not in commands and re.match(r"\s*(::|##)", line)]


def names_in(style, text):
    """The names of files in a report, as its readers get them."""
    if style == "junit":
        return {suite.get("name") for suite in etree.fromstring(text).iter("testsuite")}
    if style == "json-lines":
        return {json.loads(line)["path"] for line in text.decode("ascii").splitlines()}
    document = json.loads(text)
    if style == "json":
        return {each["path"] for each in document["findings"]}
    if style == "gitlab":
        return {each["location"]["path"] for each in document}
    if style == "rdjson":
        return {each["location"]["path"] for each in document["diagnostics"]}
    results = document["runs"][0]["results"]
    uris = [each["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for each in results]
    assert all(re.fullmatch(r"[A-Za-z0-9_.~%/-]+", uri) for uri in uris)
    return {os.fsdecode(unquote_to_bytes(uri)) for uri in uris}


@pytest.mark.parametrize("style", ["json", "json-lines", "gitlab", "rdjson", "sarif", "junit"])
def test_every_name_survives_what_machines_read(nasty, style):
    found = names_in(style, report(nasty, style))

    if style == "junit":
        # XML has no way to write some of them
        assert len(found) == len(NASTY)
    else:
        assert found == {os.fsdecode(name) for name in NASTY}


def test_a_named_file_is_never_an_option(nasty):
    done = dropout_lint(nasty, "--output-format=concise", "--", "-rf.py", "--fix.py")

    assert done.returncode == 1
    assert done.stdout.count(b"KTM101") == 2
    assert all((nasty / os.fsdecode(name)).read_text(encoding="utf-8") == SOURCE for name in NASTY)


def test_versions_and_layers_with_sequences_in_them_are_shown_as_text(tmp_path):
    import zipfile

    (tmp_path / "requirements.txt").write_text("keras===\x1b[31m3.1\u202e\n", encoding="utf-8")
    (tmp_path / "a.py").write_text(FLAGGED)
    layer = {"class_name": "Dropout", "config": {"name": "\x1b[31mdrop\u202e\r\n::error::x", "rate": 1.5}}
    with zipfile.ZipFile(tmp_path / "a.keras", "w") as made:
        made.writestr("config.json", json.dumps({"class_name": "Sequential", "config": {"layers": [layer]}}))
        made.writestr("metadata.json", json.dumps({"keras_version": "3.3.\x1b[31m"}))
    for style in ("full", "concise", "grouped", "github", "pylint"):
        text = report(tmp_path, style).decode("utf-8")

        assert [ascii(char) for char in text if char != "\n" and unicodedata.category(char) in ACTING] == []
        assert "KTM501" in text


def test_concise_is_one_line_a_finding(nasty):
    lines = list(csv.reader(io.StringIO(report(nasty, "concise").decode("utf-8")), delimiter="\0"))

    assert len([line for line in lines if "KTM101" in line[0]]) == len(NASTY)


REPAIRABLE = SOURCE.replace(
    "def evaluate", "model.layers[0].trainable = False  # \x1b[31m \u202e\nmodel.evaluate(1)\ndef evaluate"
)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--diff", "--unsafe-fixes"], 1),
        (["--fix", "--unsafe-fixes", "--show-fixes", "--output-format=concise"], 1),
        (["--show-files"], 0),
        (["--show-settings"], 0),
        (["--write-baseline", "--baseline=\x1b[31mbase\r\n::error::x"], 0),
        (["--add-ignore=why", "-v"], 0),
        (["--\x1b[31m\n::error::x"], 2),
        (["gone\x1b[31m\n::error::x.py"], 2),
        (["--config=x\x1b[31m\n::error::x=1"], 2),
        (["--select=KTM101\x1b[31m\n::error::x"], 2),
        (["--stdin-filename=a\x1b[31m\n::error::x.h5", "-"], 2),
    ],
    ids=lambda value: str(value)[:24],
)
def test_what_is_said_besides_is_text_on_lines_of_its_own(nasty, arguments, code):
    for name in NASTY:
        (nasty / os.fsdecode(name)).write_text(REPAIRABLE, encoding="utf-8")
    done = dropout_lint(nasty, *arguments, *(() if code == 2 else (".",)))

    assert done.returncode == code, done.stderr
    assert b"Traceback" not in done.stderr
    said = done.stderr.decode("utf-8") + ("" if "--diff" in arguments else done.stdout.decode("utf-8"))
    assert [ascii(char) for char in said if char != "\n" and unicodedata.category(char) in ACTING] == []
    assert not re.search(r"^\s*(::|##)", said, re.MULTILINE)
    if "--diff" in arguments:
        lines = done.stdout.decode("utf-8", "surrogateescape").split("\n")
        assert {line[:1] for line in lines} <= {"-", "+", " ", "@", ""}
        assert len([line for line in lines if line.startswith("+++ ")]) == len(NASTY)


@pytest.mark.parametrize(
    "text",
    [
        '"\\u001b[31m\\n::error::x" = 1',
        '[tool.dropout-lint]\nselect = ["\\u001b[31m\\n::error::x"]',
        "x = \x1b[31m\n::error::",
    ],
    ids=["key", "rule", "no toml"],
)
def test_a_configuration_says_nothing_to_a_terminal(tmp_path, text):
    (tmp_path / ("dropout-lint.toml" if text.startswith('"') else "pyproject.toml")).write_text(text)
    done = dropout_lint(tmp_path, ".")

    assert done.returncode == 2
    assert len(done.stderr.decode("utf-8").splitlines()) == 1
    assert [ascii(char) for char in done.stderr.decode()[:-1] if unicodedata.category(char) in ACTING] == []
