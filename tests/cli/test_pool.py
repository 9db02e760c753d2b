"""Work shared by processes: the same report whatever their number, and whatever happens to one of them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import dropout_lint as package

SOURCES = Path(package.__file__).parents[1]

DEADLY = '''
"""Python's parser, with a weakness: it dies of the words of a comment, or falls asleep over them.

A file is looked at before it is parsed, and a comment makes whoever looks wait for what a process leaves behind.
"""

import ast, builtins, os, pathlib, re, signal, time

real, look = ast.parse, compile

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: pathlib.Path(f"forked{os.getpid()}").touch())

def compiled(source, *arguments, **keywords):
    wanted = re.search(rb"# is looked at until there is (\\S+)", source) if isinstance(source, bytes) else None
    if wanted:
        pathlib.Path("looking").touch()
        for _ in range(6000):
            if pathlib.Path(wanted[1].decode()).exists():
                break
            time.sleep(0.01)
        else:
            raise SystemExit("waited in vain")
    return look(source, *arguments, **keywords)

builtins.compile = compiled

def parse(source, *arguments, **keywords):
    if isinstance(source, str) and "# sleeps" in source:
        pathlib.Path(f"asleep{os.getpid()}").touch()
        time.sleep(600)
    for how, what in re.findall(r"# dies (by|of|once) (\\w+)", source) if isinstance(source, str) else ():
        if how == "of":
            os._exit(int(what))
        mark = pathlib.Path(what)
        if how == "once" and mark.exists():
            continue
        mark.touch()
        signal.raise_signal(getattr(signal, what, signal.SIGKILL))
    return real(source, *arguments, **keywords)

ast.parse = parse
'''

MODEL = """\
import keras

model = keras.Sequential([keras.layers.Dropout(0.5)])
model.fit(x, y)
"""
HELPER = "def validate(model, x_test, mode):\n    return model(x_test, training=mode)\n"
FLAGGED = f"{MODEL}print(model(x_test, training=True).argmax())\n"
LARGE = f"# large files are looked at first {'.' * 60}\n"


def notebook(*cells):
    listed = [
        {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": cell} for cell in cells
    ]
    return json.dumps({"cells": listed, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


@pytest.fixture
def deadly(tmp_path):
    """The environment of a Python whose parser can be killed; see `DEADLY`."""
    folder = tmp_path / "deadly"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(DEADLY)
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), str(SOURCES)])}


@pytest.fixture
def tree(tmp_path):
    """Where files are written: a project with a helper that the others import."""
    root = tmp_path / "project"
    (root / "lib").mkdir(parents=True)
    (root / ".git").mkdir()
    (root / "lib" / "__init__.py").write_text("")
    (root / "lib" / "evaluation.py").write_text(HELPER)
    return root


def check(*arguments, tree, env=None, program=("-m", "dropout_lint")):
    return subprocess.run(
        [sys.executable, *program, "--output-format=json", *arguments],
        capture_output=True,
        text=True,
        cwd=tree,
        check=False,
        env=env or {**os.environ, "PYTHONPATH": str(SOURCES)},
    )


def found(done):
    assert done.stderr == ""
    return [(each["path"], each["code"]) for each in json.loads(done.stdout)["findings"]]


def test_the_report_is_the_same_whatever_the_number_of_processes(tree, deadly):
    for number in range(8):
        folder = tree / f"part{number % 3}"
        folder.mkdir(exist_ok=True)
        (folder / f"flagged{number}.py").write_text(FLAGGED + "\n" * number)
        (folder / f"through{number}.py").write_text(
            f"from lib.evaluation import validate\n{MODEL}validate(model, x_test, mode=True)\n"
        )
    (tree / "broken.py").write_text("import keras\nmodel(x, training=True\n")
    (tree / "latin.py").write_bytes(b"import keras\nmodel(x, training='\xff')\n")
    (tree / "deep.py").write_text(f"import keras\nmodel({'(' * 300}{')' * 300}, training=True)\n")
    (tree / "book.ipynb").write_text(notebook(MODEL, "print(model(x_test, training=True).argmax())", "x = (\n"))
    (tree / "segfault.py").write_text(f"{FLAGGED}# dies by SIGSEGV\n")
    (tree / "leaves.py").write_text(f"{FLAGGED}# dies of 3\n")
    one, two, four = (check("--jobs", str(jobs), tree=tree, env=deadly) for jobs in (1, 2, 4))

    assert (one.returncode, one.stderr) == (1, "")
    assert (two.stdout, two.returncode) == (one.stdout, 1)
    assert (four.stdout, four.returncode) == (one.stdout, 1)
    assert [each for each in found(one) if not each[0].startswith("part")] == [
        ("book.ipynb", "KTM101"),
        ("book.ipynb", "KTM990"),
        ("broken.py", "KTM990"),
        ("deep.py", "KTM991"),
        ("latin.py", "KTM991"),
        ("leaves.py", "KTM991"),
        ("segfault.py", "KTM991"),
    ]
    assert len(found(one)) == 7 + 16


@pytest.mark.parametrize(
    ("words", "message", "help_"),
    [
        ("by SIGSEGV", "the process that analysed it was killed by SIGSEGV, twice", "exclude the file"),
        (
            "by SIGKILL",
            "the process that analysed it was killed by SIGKILL, twice",
            "if that was for lack of memory, give it more; else exclude the file",
        ),
        ("of 3", "the process that analysed it ended with status 3, twice", "exclude the file"),
        ("of 0", "the process that analysed it ended with status 0, twice", "exclude the file"),
    ],
)
def test_a_file_that_kills_is_reported_and_the_others_are_done(tree, deadly, words, message, help_):
    (tree / "a.py").write_text(FLAGGED)
    (tree / "b.py").write_text(f"{FLAGGED}# dies {words}\n")
    (tree / "c.py").write_text(FLAGGED)
    done = check("--jobs=1", tree=tree, env=deadly)

    assert found(done) == [("a.py", "KTM101"), ("b.py", "KTM991"), ("c.py", "KTM101")]
    lost = json.loads(done.stdout)["findings"][1]
    assert (lost["message"], lost["help"]) == (f"the file was not analysed: {message}", help_)


def test_a_process_that_dies_once_costs_nothing(tree, deadly):
    (tree / "a.py").write_text(f"{FLAGGED}# dies once mark\n")
    (tree / "b.py").write_text(FLAGGED)

    assert found(check("--jobs=2", tree=tree, env=deadly)) == [("a.py", "KTM101"), ("b.py", "KTM101")]
    assert (tree / "mark").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere processes are spawned")
@pytest.mark.parametrize(
    ("files", "jobs", "most"),
    [
        pytest.param(0, ["--jobs=2"], 0, id="nothing to analyse"),
        pytest.param(1, ["--jobs=2"], 1, id="one file"),
        pytest.param(3, [], 1, id="little work"),
        pytest.param(3, ["--jobs=1"], 1, id="one is asked for"),
        pytest.param(3, ["--jobs=2"], 2, id="two are asked for"),
        pytest.param(3, ["--jobs=8"], 3, id="more than there are files"),
    ],
)
def test_no_process_is_started_without_work(tree, deadly, files, jobs, most):
    for number in range(files):
        (tree / f"a{number}.py").write_text(FLAGGED)
    done = check(*jobs, tree=tree, env=deadly)

    assert found(done) == [(f"a{number}.py", "KTM101") for number in range(files)]
    # what one has done by the time that another could be started takes no other
    assert min(1, most) <= len(list(tree.glob("forked*"))) <= most


def test_work_begins_while_other_files_are_looked_at(tree, deadly):
    (tree / "a.py").write_text(f"{FLAGGED}{LARGE}# dies once mark\n")
    (tree / "z.py").write_text(f"{FLAGGED}# is looked at until there is mark\n")
    done = check("--jobs=2", tree=tree, env=deadly)

    assert found(done) == [("a.py", "KTM101"), ("z.py", "KTM101")]


def test_a_process_that_dies_while_other_files_are_looked_at_is_replaced(tree, deadly):
    (tree / "a.py").write_text(f"{FLAGGED}{LARGE}# dies by SIGSEGV\n")
    (tree / "b.py").write_text(f"{FLAGGED}{LARGE}")
    (tree / "y.py").write_text(f"{FLAGGED}# is looked at until there is SIGSEGV\n")
    (tree / "z.py").write_text(FLAGGED)
    done = check("--jobs=2", tree=tree, env=deadly)

    assert found(done) == [("a.py", "KTM991"), ("b.py", "KTM101"), ("y.py", "KTM101"), ("z.py", "KTM101")]


def test_what_is_found_while_other_files_are_looked_at_is_kept_with_what_it_rests_on(tree, deadly):
    through = f"from lib.evaluation import validate\n{MODEL}validate(model, x_test, mode=True)\n"
    (tree / "a.py").write_text(f"{through}{LARGE}# dies once mark\n")
    (tree / "b.py").write_text(f"{through}{LARGE}")
    (tree / "z.py").write_text(f"{through}# is looked at until there is mark\n")
    cold = check("--jobs=2", tree=tree, env=deadly)
    for mark in tree.glob("forked*"):
        mark.unlink()
    warm = check("--jobs=2", tree=tree, env=deadly)

    assert found(cold) == [("a.py", "KTM101"), ("b.py", "KTM101"), ("z.py", "KTM101")]
    assert (warm.stdout, list(tree.glob("forked*"))) == (cold.stdout, [])
    (tree / "lib" / "evaluation.py").write_text(HELPER.replace("=mode", "=False"))
    assert found(check("--jobs=2", tree=tree, env=deadly)) == []


def wait_for(condition):
    """Wait until something is so, which takes as long as it takes; a minute means that it never will be."""
    for _ in range(6000):
        if condition():
            return
        time.sleep(0.01)
    pytest.fail("waited in vain")


def members(group):
    """The processes of a group that are alive."""
    listed = subprocess.run(["ps", "-A", "-o", "pgid=,stat="], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if line.split()[0] == str(group) and "Z" not in line]


def start(*arguments, tree, env):
    """A run in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "dropout_lint", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tree,
        env=env,
        start_new_session=True,
    )


@pytest.mark.skipif(sys.platform == "win32", reason="process groups and signals are those of POSIX")
@pytest.mark.parametrize("whole_group", [True, False], ids=["in a terminal", "the parent alone"])
@pytest.mark.parametrize(
    ("number", "status", "told"),
    [
        (signal.SIGINT, 130, "\ninterrupted\n"),
        (signal.SIGTERM, -signal.SIGTERM, ""),
        (signal.SIGKILL, -signal.SIGKILL, ""),
    ],
)
@pytest.mark.parametrize("looking", [False, True], ids=["at work", "while it looks at files"])
def test_whatever_ends_the_run_leaves_no_process(tree, deadly, number, status, told, whole_group, looking):
    for name in ("a.py", "b.py", "c.py"):
        (tree / name).write_text(f"{FLAGGED}{LARGE}# sleeps\n")
    if looking:
        (tree / "z.py").write_text(f"{FLAGGED}# is looked at until there is cockaigne\n")
    process = start("--jobs=2", tree=tree, env=deadly)
    wait_for(lambda: len(list(tree.glob("asleep*"))) + len(list(tree.glob("looking"))) == 2)
    if whole_group:
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
    out, error = process.communicate()

    assert (process.returncode, out, error) == (status, "", told)
    wait_for(lambda: members(process.pid) == [])


def test_a_run_that_is_killed_while_it_fixes_leaves_whole_files(tree):
    before = {tree / f"a{number}.py": f"{FLAGGED}# {number}\n" for number in range(3)}
    for path, text in before.items():
        path.write_text(text)
        path.chmod(0o640)
    env = {**os.environ, "PYTHONPATH": str(SOURCES)}
    process = start("--fix", "--unsafe-fixes", "--jobs=2", tree=tree, env=env)
    first = min(before)
    wait_for(lambda: first.read_text() != before[first])
    process.kill()
    process.communicate()

    for path, text in before.items():
        assert path.read_text() in (text, text.replace("training=True", "training=False"))
        assert path.stat().st_mode & 0o777 == 0o640
    assert check("--fix", "--unsafe-fixes", tree=tree).returncode == 0
    assert {path.read_text() for path in before} == {
        text.replace("training=True", "training=False") for text in before.values()
    }


THREADED = """\
import sys, threading

if __name__ == "__main__":
    threading.Thread(target=threading.Event().wait, daemon=True).start()
    from dropout_lint.cli import main

    main(sys.argv[1:])
"""


@pytest.mark.skipif(sys.version_info < (3, 11), reason="there Python cannot be kept from importing what is checked")
def test_a_process_with_threads_spawns_others_which_import_nothing_of_the_project(tree, tmp_path, deadly):
    (tmp_path / "threaded.py").write_text(THREADED)
    (tree / "pickle.py").write_text("raise SystemExit('nobody may import this')\n")
    (tree / "a.py").write_text(FLAGGED)
    (tree / "b.py").write_text(f"{FLAGGED}# dies of 3\n")
    (tree / "c.py").write_text(f"from lib.evaluation import validate\n{MODEL}validate(model, x_test, mode=True)\n")
    done = check("--jobs=2", tree=tree, env=deadly, program=(str(tmp_path / "threaded.py"),))

    assert found(done) == [("a.py", "KTM101"), ("b.py", "KTM991"), ("c.py", "KTM101")]
