"""On a real terminal: width, colours, progress, documentation that is set; and in a pipe, none of it."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import dropout_lint as package
from dropout_lint.output import progress
from dropout_lint.output.display import width
from dropout_lint.output.progress import Progress
from dropout_lint.output.terminal import is_terminal, wants_color

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs pseudo-terminals")

PROGRAM = """\
import keras, numpy as np

model = keras.Sequential([keras.layers.Dense(3), keras.layers.Dropout(0.5)])
x_test = np.ones((2, 4))
predictions_of_a_rather_long_name = np.argmax(model(x_test.astype("float32"), training=True), axis=1)
print(predictions_of_a_rather_long_name)
"""
PICTURE = re.compile(r"\x1b\[[0-9;]*[A-Za-z]|\x1b\]8;[^\x1b]*\x1b\\")


def on_a_terminal(command, columns=80, stdout_too=True, **environment):
    """What a command writes to a terminal of so many columns, and to a pipe instead of stdout if that is wanted."""
    import fcntl
    import pty
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    kept = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS")}
    kept = {**kept, "TERM": "xterm-256color", "PYTHONPATH": str(Path(package.__file__).parents[1]), **environment}
    stdout = theirs if stdout_too else subprocess.PIPE
    process = subprocess.Popen(
        [sys.executable, *command], stdin=theirs, stdout=stdout, stderr=theirs, env=kept, close_fds=True
    )
    os.close(theirs)
    read = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:
            break
        if not piece:
            break
        read += piece
    os.close(ours)
    piped = process.stdout.read().decode() if process.stdout else ""
    if process.stdout:
        process.stdout.close()
    process.wait(60)
    return read.decode().replace("\r\n", "\n"), piped


LINT = ["-m", "dropout_lint", "--isolated"]


@pytest.mark.parametrize("columns", [44, 60, 80, 200])
def test_source_fits_the_terminal(write, columns):
    write("a.py", PROGRAM)
    text, _ = on_a_terminal([*LINT, "a.py"], columns, NO_COLOR="1")

    source = [line for line in text.splitlines() if re.match(r" *\d* \|", line)]
    (call,) = [line for line in source if line.startswith("5 |")]
    carets = source[source.index(call) + 1]
    assert max(width(line) for line in source if line != carets) <= columns
    first = carets.index("^")
    assert "training=True".startswith(call[first : first + carets.count("^")].rstrip("…"))
    assert carets.count("^") >= 8


@pytest.mark.parametrize(
    ("arguments", "environment", "colored"),
    [
        ([], {}, True),
        ([], {"NO_COLOR": "1"}, False),
        ([], {"NO_COLOR": ""}, True),
        ([], {"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
        ([], {"TERM": "dumb"}, False),
        ([], {"TERM": "dumb", "FORCE_COLOR": "1"}, True),
        ([], {"INSIDE_EMACS": "30.1,compile"}, False),
        ([], {"INSIDE_EMACS": "30.1,vterm"}, True),
        (["--color", "never"], {}, False),
        (["--output-format", "concise"], {}, True),
        (["--output-format", "json"], {"FORCE_COLOR": "1"}, False),
        (["--output-format", "github"], {"FORCE_COLOR": "1"}, False),
    ],
)
def test_colours_on_a_terminal(write, arguments, environment, colored):
    write("a.py", PROGRAM)
    text, _ = on_a_terminal([*LINT, *arguments, "a.py"], **environment)

    assert ("\x1b[" in text) is colored
    assert "KTM101" in text


def test_a_file_gets_no_colours_unless_they_are_asked_for(write, project):
    write("a.py", PROGRAM)
    text, _ = on_a_terminal([*LINT, "a.py", "-o", "plain.txt"])
    assert text == ""
    on_a_terminal([*LINT, "a.py", "-o", "forced.txt"], FORCE_COLOR="1")
    on_a_terminal([*LINT, "a.py", "-o", "colored.txt", "--color", "always"])

    contents = [Path(name).read_text(encoding="utf-8") for name in ("plain.txt", "forced.txt", "colored.txt")]
    assert ["\x1b[" in content for content in contents] == [False, False, True]
    assert PICTURE.sub("", contents[2]) == contents[0]


HASTY = (
    "import sys\nfrom dropout_lint.output import progress\nprogress.DELAY = progress.PAUSE = 0\n"
    "from dropout_lint.cli import main\nmain(sys.argv[1:])"
)


@pytest.mark.parametrize(
    ("arguments", "environment", "shown"),
    [
        ([], {}, True),
        (["--output-format", "json"], {}, True),
        (["-q"], {}, False),
        ([], {"TERM": "dumb"}, False),
        ([], {"INSIDE_EMACS": "30.1,compile"}, False),
    ],
)
def test_a_long_run_shows_how_far_it_is_and_takes_it_away(write, arguments, environment, shown):
    for name in ("a.py", "b.py", "c.py"):
        write(name, PROGRAM)
    text, out = on_a_terminal(["-c", HASTY, "--isolated", *arguments], stdout_too=False, **environment)

    assert ("] 2/3 files" in text) is shown
    assert "files\x1b[K" not in out
    assert text.split("\r")[-1] == ("\x1b[K" if shown else "")


def test_a_short_run_shows_nothing(write):
    write("a.py", PROGRAM)

    assert on_a_terminal(LINT, stdout_too=False)[0] == ""


def test_what_is_no_terminal_is_shown_nothing(write):
    write("a.py", PROGRAM)
    done = subprocess.run(
        [sys.executable, "-c", HASTY, "--isolated"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(package.__file__).parents[1])},
    )

    assert done.stderr == ""


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clock(monkeypatch):
    """A clock that is set by hand, and a terminal like any other."""
    for name in ("INSIDE_EMACS", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    times = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: times[0])
    return times


def test_progress_comes_late_and_not_too_often(clock, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    stream = Terminal()
    told = Progress(stream)
    pictures = []
    for done, moment in enumerate((0.5, 1.9, 2.0, 2.05, 2.2)):
        clock[0] = moment
        told(done, 4)
        pictures.append(stream.getvalue())
        stream.seek(0)
        stream.truncate()

    assert pictures == [
        "",
        "",
        "\r[#############..............] 2/4 files\x1b[K",
        "",
        "\r[###########################] 4/4 files\x1b[K",
    ]
    told.close()
    assert stream.getvalue() == "\r\x1b[K"
    told.close()
    assert stream.getvalue() == "\r\x1b[K"


@pytest.mark.parametrize("columns", [8, 12, 20, 30, 100])
def test_progress_fits_the_terminal(clock, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    stream = Terminal()
    told = Progress(stream)
    clock[0] = 10.0
    told(1_500, 12_000)

    assert len(PICTURE.sub("", stream.getvalue()).strip("\r")) < columns


def test_a_stream_that_is_no_terminal_wants_nothing(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")

    assert wants_color(io.StringIO())
    assert not is_terminal(io.StringIO())


def test_documentation_is_set_on_a_terminal_and_plain_in_a_pipe(project):
    command = ["-m", "dropout_lint", "rule", "KTM101"]
    text, _ = on_a_terminal(command, 70)
    _, plain = on_a_terminal(command, 70, stdout_too=False)
    unset, _ = on_a_terminal(command, 70, NO_COLOR="1")

    assert plain.startswith("KTM101 training-true-in-inference\n=====")
    assert "## What it does" in plain
    assert unset == plain
    assert "\x1b[" in text
    shown = PICTURE.sub("", text)
    assert "## " not in shown
    assert "```" not in shown
    assert max(width(line) for line in shown.splitlines()) <= 70
    words = re.findall(r"\w+", re.sub(r"https?://\S+|```python", "", plain))
    assert [word for word in words if word not in shown] == []


def test_long_lines_of_documentation_are_broken_for_reading(project):
    text, _ = on_a_terminal(["-m", "dropout_lint", "rule", "KTM101"], 200)

    assert max(width(line) for line in PICTURE.sub("", text).splitlines()) <= 100
