"""Runs of which nothing has changed print what they printed."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import dropout_lint as package
from dropout_lint.cache import replay
from dropout_lint.cli import main
from dropout_lint.version import __version__

FORMATS = ("full", "concise", "grouped", "json", "json-lines", "sarif", "github", "gitlab", "junit", "rdjson", "pylint")
PROGRAM = """\
import sys
from dropout_lint.__main__ import main
try:
    main()
finally:
    print("dropout_lint.cli" in sys.modules, file=sys.stderr)
"""


@pytest.fixture(autouse=True)
def _settled(monkeypatch):
    """As if all had lain there for long."""
    monkeypatch.setattr("dropout_lint.cache.facts.TICK", -(10**18))


@pytest.fixture
def dropout_lint(capsys, monkeypatch):
    """What a process does: exit status, standard output, and whether it took a run."""

    def ran(*arguments, **environment):
        arguments = list(arguments)
        with monkeypatch.context() as changed:
            changed.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
            for name, value in environment.items():
                changed.setenv(name, value)
            key = replay.key_of(arguments)
            code = replay.replay(key, arguments)
            anew = code is None
            if anew:
                with pytest.raises(SystemExit) as ended:
                    main(arguments, key=key)
                code = ended.value.code
        return code, capsys.readouterr().out, anew

    return ran


def runs(top):
    return sorted((top / __version__).glob("run-*.json"))


@pytest.mark.parametrize("style", FORMATS)
def test_all_formats_are_the_same_to_the_byte(dropout_lint, top, style):
    arguments = (".", "--output-format", style)
    anew = dropout_lint(*arguments, "--no-cache")
    assert not top.exists()

    told = [dropout_lint(*arguments) for _ in range(2)]

    assert [each[:2] for each in told] == [anew[:2]] * 2
    assert [each[2] for each in told] == [True, False]


@pytest.fixture
def kept(dropout_lint, top):
    """A run that is replayed: exit status and output."""
    code, text, _ = dropout_lint(".")
    assert len(runs(top)) == 1
    return code, text


def test_what_is_replayed_is_what_was_printed(dropout_lint, kept):
    assert dropout_lint(".") == (*kept, False)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        pytest.param("flags.py", "FLAG = False\n", id="a file"),
        pytest.param("flags.py", None, id="the time of a file"),
        pytest.param("missing.py", "", id="a module appears"),
        pytest.param("a/b.py", "", id="a folder appears"),
        pytest.param(".gitignore", "train.py\n", id="what is to be left out"),
        pytest.param("dropout-lint.toml", 'ignore = ["KTM101"]\n', id="a configuration appears"),
        pytest.param("requirements.txt", "keras==2.15\n", id="what decides the Keras"),
    ],
)
def test_nothing_is_replayed_once_something_has_changed(dropout_lint, kept, write, name, content):
    if content is None:
        os.utime(name)
    else:
        write(name, content)

    told = dropout_lint(".")

    assert told == (*dropout_lint(".", "--no-cache")[:2], True)
    assert (told[:2] == kept) is (content is None)


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        ((".", "--no-cache"), {}),
        ((".", "-q"), {}),
        ((".", "--exit-zero"), {}),
        (("train.py",), {}),
        ((".",), {"FORCE_COLOR": "1"}),
        ((".",), {"PYTHONIOENCODING": "latin-1"}),
    ],
)
@pytest.mark.usefixtures("kept")
def test_another_run_is_another_run(dropout_lint, arguments, environment):
    code, text, loaded = dropout_lint(*arguments, **environment)

    assert (code, text) == dropout_lint(*arguments, "--no-cache", **environment)[:2]
    assert loaded


def test_runs_that_change_or_read_more_are_not_kept(dropout_lint, top):
    for arguments in (
        ("--fix",),
        ("--diff",),
        ("-",),
        ("--write-baseline",),
        ("-o", "out.txt"),
        ("missing", "."),
        ("-v",),
    ):
        dropout_lint(*arguments, ".")

    assert runs(top) == []


def change(**changes):
    def changed(path):
        path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))

    return changed


DAMAGE = {
    "empty": lambda path: path.write_bytes(b""),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-10]),
    "deep": lambda path: path.write_text("[" * 200_000),
    "a pipe": lambda path: (path.unlink(), os.mkfifo(path)),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
    "a gigabyte": lambda path: os.truncate(path, 1 << 30),
    "another key": change(key=[]),
    "another status": change(code=7),
    "a status that is none": change(code="x"),
    "a text that is none": change(text=1),
    "a text that controls terminals": change(text="\x1b]0;title\x07"),
    "nothing that was seen": change(seen=None),
    "something wrong that was seen": change(seen={"train.py": "x"}),
    "no path": change(seen={"\0": None}),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_record_is_no_record(kept, top, monkeypatch, capsys, damage):
    (path,) = runs(top)
    key = json.loads(path.read_text())["key"]
    # in this process: what was seen has not changed, and the record is the only thing that decides
    monkeypatch.setattr(replay, "key_of", lambda _: key)
    assert replay.replay(key, ["."]) == kept[0]
    capsys.readouterr()
    DAMAGE[damage](path)

    assert replay.replay(key, ["."]) is None
    assert capsys.readouterr().out == ""


def test_a_record_of_somebody_else_is_not_printed(kept, top, monkeypatch):
    (path,) = runs(top)
    key = json.loads(path.read_text())["key"]
    monkeypatch.setattr(os, "getuid", lambda: path.stat().st_uid + 1)

    assert replay.replay(key, ["."]) is None


def test_what_is_too_young_is_not_kept(top):
    seen = {"train.py": True}
    settled = replay.status("train.py")

    assert replay.record([], "", 0, seen, lambda _: None) is None
    assert json.loads(replay.record([], "", 0, seen, lambda _: settled))["seen"] == {"train.py": settled}
    assert replay.record([], "", 0, {"train.py": False}, lambda _: None) is None


def process(**streams):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, "."],
        stderr=subprocess.PIPE,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(package.__file__).parents[1])},
        **streams,
    )
    return done.returncode, done.stdout, done.stderr.decode()


@pytest.mark.slow
def test_a_process_loads_nothing_for_it_and_no_reader_is_needed(top):
    assert process(stdout=subprocess.PIPE)[2] == "True\n"
    key = json.loads(_key_of_a_process())
    (top / __version__ / replay.file_of(key)).write_text(
        json.dumps({"key": key, "text": "told\n", "code": 1, "seen": {}})
    )
    reader, writer = os.pipe()
    os.close(reader)

    assert process(stdout=subprocess.PIPE) == (1, b"told\n", "False\n")
    assert process(stdout=writer) == (1, None, "False\n")
    os.close(writer)


def _key_of_a_process():
    program = "import json, sys\nfrom dropout_lint.cache.replay import key_of\nprint(json.dumps(key_of(sys.argv[1:])))"
    done = subprocess.run(
        [sys.executable, "-c", program, "."],
        stdout=subprocess.PIPE,
        check=True,
        env={**os.environ, "PYTHONPATH": str(Path(package.__file__).parents[1])},
    )
    return done.stdout


LOOP = """\
import tensorflow as tf

def step(model, optimizer, x, y):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((model(x) - y) ** 2)
    gradients = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(gradients, model.trainable_variables))
"""
RUN = """\
import keras
from training.loop import step
from sizes import RATE

model = keras.Sequential([keras.layers.Dense(3), keras.layers.Dropout(RATE), keras.layers.Dense(1)])
for x, y in batches():
    step(model, keras.optimizers.Adam(), x, y)
"""


@pytest.fixture
def part(dropout_lint, top, write):
    """A run over a folder of which something is only found for those that import it."""
    write("training/loop.py", LOOP)
    write("run.py", RUN)
    write("sizes.py", "RATE = 0.5\n")
    code, text, _ = dropout_lint("training")
    assert "KTM105" in text
    assert len(runs(top)) == 1
    return code, text


def test_a_part_of_a_project_is_replayed_with_what_others_say_of_it(dropout_lint, part):
    assert dropout_lint("training") == (*part, False)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        pytest.param("run.py", RUN.replace("keras.layers.Dropout(RATE), ", ""), id="who imports it"),
        pytest.param("run.py", None, id="who imports it is gone"),
        pytest.param("sizes.py", "RATE = 0.0\n", id="what that imports"),
        pytest.param("a/other.py", RUN.replace("RATE)", "0.1)"), id="another one appears"),
        pytest.param("sizes/__init__.py", "RATE = 0.0\n", id="what that imports is another module"),
        pytest.param("requirements.txt", "keras==2.15\n", id="what decides the Keras"),
    ],
)
def test_a_part_is_read_anew_once_somebody_round_it_has_changed(dropout_lint, part, write, name, content):
    if content is None:
        Path(name).unlink()
    else:
        write(name, content)

    told = dropout_lint("training")

    assert told == (*dropout_lint("training", "--no-cache")[:2], True)
    assert dropout_lint("training") == (*told[:2], False)


def test_a_suppression_that_only_others_need_is_replayed(dropout_lint, top, write):
    write(
        "training/loop.py",
        LOOP.replace("model(x) - y) ** 2)", "model(x) - y) ** 2)  # dropout-lint: ignore[KTM105] so"),
    )
    write("run.py", RUN)
    write("sizes.py", "RATE = 0.5\n")
    first = dropout_lint("training")
    assert dropout_lint("training") == (*first[:2], False)

    write("run.py", "print(1)\n")
    told = dropout_lint("training")

    assert told == (*dropout_lint("training", "--no-cache")[:2], True)
    assert told[:2] != first[:2]
