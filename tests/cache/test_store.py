"""What a cache holds, where it lies, and that nothing that happens to it matters."""

from __future__ import annotations

import json
import os
import resource
import sys
from pathlib import Path

import pytest

from dropout_lint.analysis import Analysis
from dropout_lint.cache import folder
from dropout_lint.cache.facts import TICK
from dropout_lint.cache.store import Store
from dropout_lint.engine import run
from dropout_lint.settings import Resolver
from dropout_lint.version import __version__

ALL = ["flags.py", "plain.py", "train.py"]
FOUND = ["train.py:9:39 KTM101"]


def lines(report):
    return [f"{f.path}:{f.span.start.line}:{f.span.start.column} {f.code}" for f in report.findings]


def files_of(top):
    return sorted((top / __version__).glob("*.json"))


def test_a_second_run_analyses_nothing(check):
    first, analysed, _ = check()
    second, again, _ = check()

    assert (lines(first), analysed, again) == (FOUND, ALL, [])
    assert second == first


@pytest.mark.parametrize(
    ("name", "content", "analysed"),
    [
        pytest.param("train.py", None, [], id="touched"),
        pytest.param("plain.py", "import re\n", ["plain.py"], id="edited"),
        pytest.param("flags.py", "FLAG = None\n", ["flags.py", "train.py"], id="a dependency is edited"),
        pytest.param("flags/__init__.py", "", ["__init__.py", "train.py"], id="a package shadows a module"),
        pytest.param("keras.py", "", ["keras.py", "train.py"], id="a module called like a library"),
        pytest.param("missing.py", "", ["missing.py", "train.py"], id="a module appears"),
        pytest.param("missing/__init__.py", "", ["__init__.py", "train.py"], id="a package appears"),
        pytest.param("requirements.txt", "keras==3.15", ["train.py"], id="what decides the Keras appears"),
        pytest.param("notes.txt", "", [], id="something else appears"),
        pytest.param("new.py", "", ["new.py"], id="a file nobody imports appears"),
    ],
)
def test_what_rests_on_what_has_changed_is_analysed_anew(check, write, name, content, analysed):
    check()
    if content is None:
        os.utime(name)
    else:
        write(name, content)

    report, again, _ = check()

    assert again == analysed
    assert report == run([Path()])


@pytest.mark.parametrize(
    ("overrides", "analysed"),
    [
        ({"select": ["KTM2"]}, []),
        ({"min-severity": "error"}, []),
        ({"severity": {"KTM101": "note"}}, []),
        ({"per-file-ignores": {"train.py": ["ALL"]}}, []),
        ({"exclude": ["plain.py"]}, []),
        ({"keras-version": "2.15"}, ALL),
        ({"inference-functions": ["evaluate"]}, ALL),
        ({"src": ["lib"]}, ALL),
    ],
)
def test_only_settings_that_count_for_the_analysis_make_it_anew(check, overrides, analysed):
    check()

    report, again, _ = check(resolver=Resolver(overrides=overrides))

    assert again == analysed
    assert report == run([Path()], Resolver(overrides=overrides))


def test_part_of_a_project_keeps_what_is_known_of_the_rest(check, top, write):
    check()
    write("plain.py", "import re\n")
    run([Path("plain.py")], store=Store(top))
    write("other.py", "")

    assert check()[1] == ["other.py"]


LOOP = """\
import tensorflow as tf

def step(model, optimizer, loss, x, y):
    with tf.GradientTape() as tape:
        value = loss(y, model(x))
    optimizer.apply_gradients(zip(tape.gradient(value, model.trainable_variables), model.trainable_variables))
"""
MAIN = """\
import keras
from lib.loop import step
from options import RATE

model = keras.Sequential([keras.layers.Dense(3), keras.layers.Dropout(RATE), keras.layers.Dense(1)])
optimizer, loss = keras.optimizers.Adam(), keras.losses.MeanSquaredError()
for x, y in batches():
    step(model, optimizer, loss, x, y)
"""
DROP = "import keras\n\nx = keras.layers.Dropout(0.5)(1, training=True)\n"
FOUND_BY_MAIN = ["lib/loop.py:5:25 KTM105"]


@pytest.fixture
def part(top, write, analysed):
    """Checks a folder of which a program outside of it says what its functions are called with."""
    write("lib/loop.py", LOOP)
    write("lib/drop.py", DROP)
    write("main.py", MAIN)
    write("options.py", "RATE = 0.5\n")

    def checked():
        report = run([Path("lib")], store=Store(top))
        anew = sorted(analysed)
        assert report == run([Path("lib")])
        analysed.clear()
        return [line for line in lines(report) if "loop" in line], anew

    return checked


@pytest.mark.parametrize(
    ("name", "content", "found", "anew"),
    [
        pytest.param("lib/new.py", "x = 1\n", True, "", id="what nothing depends on appears"),
        pytest.param("lib/drop.py", DROP + "\n", True, "drop.py", id="what nothing depends on"),
        pytest.param("lib/loop.py", LOOP + "\n", True, "loop.py main.py", id="what the program imports"),
        pytest.param("lib/loop.py", "def step(*_): pass\n", False, "", id="what it imports is worth no look"),
        pytest.param("main.py", MAIN + "\n", True, "main.py", id="the program"),
        pytest.param("main.py", MAIN.replace("RATE)", "0)"), False, "main.py", id="what the program says"),
        pytest.param("main.py", "import lib.loop\n", False, "", id="it says nothing any more"),
        pytest.param("main.py", "def (:\n" + MAIN, False, "main.py", id="it is broken"),
        pytest.param("options.py", "RATE = 0\n", False, "main.py", id="what the program rests on"),
        pytest.param("train.py", "import keras\n", True, "", id="a program that imports nothing of it"),
        pytest.param("other.py", MAIN, True, "other.py", id="another program that does"),
        pytest.param("requirements.txt", "keras==2.15\n", True, "drop.py loop.py main.py", id="what decides the Keras"),
    ],
)
def test_of_what_imports_a_part_only_what_has_changed_is_analysed_anew(part, write, name, content, found, anew):
    assert part() == (FOUND_BY_MAIN, ["drop.py", "loop.py", "main.py"])
    assert part() == (FOUND_BY_MAIN, [])

    write(name, content)

    assert part() == (FOUND_BY_MAIN if found else [], anew.split())
    assert part()[1] == []


TAPE = "import tensorflow as tf\nwith tf.GradientTape() as tape:\n    pass\n"


@pytest.mark.parametrize("target", ["lib", "."])
@pytest.mark.parametrize(("before", "after"), [("x = 1\n", TAPE), (TAPE, "x = 1\n")])
def test_a_program_by_other_rules_is_analysed_anew(write, top, target, before, after):
    """Which rules may speak of it depends on what it imports, of which the analysis itself reads nothing."""
    write("lib/loop.py", LOOP)
    write("nearer.py", "from lib.loop import step\n")
    write("near.py", "from nearer import step\n")
    write("main.py", MAIN.replace("lib.loop", "near") + "import aside\nprint(model(1, training=True))\n")
    found = []
    for content in (before, before, after, after):
        write("aside.py", content)
        report = run([Path(target)], store=Store(top))
        assert report == run([Path(target)])
        found.append([line for line in lines(report) if "loop" in line])

    # checked as a whole, the loop is found by itself in either case
    assert target == "." or found == [
        FOUND_BY_MAIN if content == TAPE else [] for content in (before,) * 2 + (after,) * 2
    ]


def test_what_another_run_has_found_out_meanwhile_is_not_said_of_what_was_found_before(part, top, write, monkeypatch):
    for name in ("main.py", "lib/loop.py"):
        run([Path(name)], store=Store(top), importers=False)
    real = Analysis.importers

    def importers(self, path):
        with monkeypatch.context() as inner:
            inner.setattr(Analysis, "importers", real)
            write("options.py", "RATE = 0\n")
            run([Path("main.py")], store=Store(top))
        return real(self, path)

    with monkeypatch.context() as changed:
        changed.setattr(Analysis, "importers", importers)
        run([Path("lib")], store=Store(top))

    assert part()[0] == []


def test_a_program_is_analysed_once_for_all_that_ask_the_same_of_it(part, top, write, analysed):
    part()
    write("lib/other.py", LOOP.replace("tf.GradientTape()", "tf.GradientTape(persistent=True)"))
    write("main.py", MAIN + "from lib.other import step\n")
    run([Path("lib/loop.py")], store=Store(top))
    analysed.clear()
    run([Path("lib/other.py")], store=Store(top))

    assert analysed == ["other.py"]


def test_a_program_that_cannot_be_read_keeps_nothing_from_being_replayed(part, top, write):
    write("broken.py", b"from lib.loop import step\n# caf\xe9  dropout-lint: ignore\n")
    store = Store(top)
    run([Path("lib")], store=store)

    assert store.complete


def test_a_program_that_is_gone_says_nothing(part):
    part()
    Path("main.py").unlink()

    assert part() == ([], [])


def test_what_a_program_said_when_it_was_checked_itself_counts(part, top, analysed):
    run([Path()], store=Store(top))
    analysed.clear()

    assert part() == (FOUND_BY_MAIN, [])


def test_standard_input_and_unsaved_buffers_are_not_kept(check, top, write):
    write("use.py", "import flags\nimport keras\n\nkeras.layers.Dropout(0.5).trainable = flags.FLAG\n")
    expected = run([Path()])
    buffer = {"stdin": b"FLAG = 'something'\n", "stdin_path": Path("flags.py")}
    overlay = {"contents": {Path("flags.py").absolute(): b"FLAG = 'something'\n"}}

    for given in (buffer, overlay):
        store = Store(top)
        run([Path()], store=store, **given)
        assert not store.complete
        assert check()[0] == expected
    for given in (buffer, overlay):
        assert run([Path()], store=Store(top), **given) == run([Path()], **given)


def test_one_run_after_another_is_told_of_other_contents(check, top):
    """As --fix does, which tries what it would write."""
    check()
    store, overlay = Store(top), {"contents": {Path("flags.py").absolute(): b"FLAG = False\n"}}

    assert [lines(run([Path()], store=store, **given)) for given in ({}, overlay, {})] == [FOUND, [], FOUND]


def test_the_folder_keeps_itself_out_of_repositories_and_backups(check, top):
    check()

    assert (top / ".gitignore").read_text().splitlines()[-1] == "*"
    assert (top / "CACHEDIR.TAG").read_text().startswith("Signature: 8a477f597d28d172789f06886806bc55")


def test_a_folder_that_was_there_is_left_as_it_is(check, top):
    top.mkdir()
    (top / "precious").touch()
    check()
    removed = folder.clean(top)

    assert removed == 1
    assert [path.name for path in top.iterdir()] == ["precious"]


def test_what_was_written_is_removed_again(check, top):
    check()
    check(resolver=Resolver(overrides={"keras-version": "2"}))

    assert folder.clean(top) == 2
    assert not top.exists()
    assert folder.clean(top) == 0


def test_the_oldest_files_go(check, top, monkeypatch):
    monkeypatch.setattr(folder, "MOST_FILES", 2)
    for version in ("2", "3", "3.15"):
        check(resolver=Resolver(overrides={"keras-version": version}))

    assert len(files_of(top)) == 2
    assert check(resolver=Resolver(overrides={"keras-version": "3.15"}))[1] == []


def test_another_version_of_the_tool_starts_anew(check, monkeypatch):
    check()
    monkeypatch.setattr("dropout_lint.cache.store.fingerprint", lambda: "another one")

    assert check()[1] == ALL


def test_a_status_is_not_trusted_before_time_has_passed(check, monkeypatch):
    """Same size, same time, other content: as if both were written within one tick of the clock."""
    status = Path("flags.py").stat()
    monkeypatch.setattr("dropout_lint.cache.facts.status", lambda _: [0, 0, 0, 0])
    check()
    Path("flags.py").write_text("FLAG = None\n")
    os.utime("flags.py", ns=(status.st_atime_ns, status.st_mtime_ns))

    assert check()[1] == ["flags.py", "train.py"]
    assert TICK >= 2_000_000_000


def test_what_another_run_has_written_meanwhile_stays(check, top, write):
    check()
    write("one.py", Path("train.py").read_text())
    write("two.py", Path("train.py").read_text())

    def meanwhile(done, _):
        if not done:
            run([Path("two.py")], store=Store(top))

    run([Path("one.py")], store=Store(top), progress=meanwhile)

    assert check()[1] == []


def test_a_part_that_is_checked_after_a_change_makes_nothing_else_valid(check, top, write, monkeypatch):
    monkeypatch.setattr("dropout_lint.cache.facts.TICK", -(10**18))
    check()
    write("missing.py", "")
    write("flags.py", "FLAG = False\n")
    for _ in range(2):
        run([Path("plain.py")], store=Store(top))

    assert check()[0] == run([Path()])


def test_of_modules_that_are_only_imported_little_counts(check, write, analysed):
    """Importing a module may choose the Keras, if it names one of two variables; whatever else is in it does not."""
    write("missing.py", "x = 1\n")
    check()
    write("missing.py", "x = 2\n")
    # whether train.py is worth an analysis is found out anew, what is found in it is not
    analysed.clear()
    assert check()[1] == ["missing.py", "train.py"]
    assert analysed == []
    assert check()[1] == []

    write("missing.py", "import os\nos.environ['KERAS_BACKEND'] = 'torch'\n")
    report, _, _ = check()
    assert analysed == ["train.py"]
    assert report == run([Path()])


def test_each_of_the_files_that_import_the_same_rests_on_what_that_leads_to(check, write):
    for name in ("one.py", "two.py", "part/three.py"):
        write(name, "import os\nfrom helper import x\n")
    check()

    write("helper.py", "")
    assert check()[1] == ["helper.py", "one.py", "three.py", "two.py"]
    write("part/helper.py", "")
    assert check()[1] == ["helper.py", "three.py"]


# What is wrong with it ----------------------------------------------------------------------------------------


def packed(head):
    return next(value[3] for value in head["entries"].values() if len(value) > 3)


def edit(change):
    """Changes the first line of a cache file, as somebody would who knows how it is made."""

    def edited(path):
        first, second = path.read_text().split("\n")
        head = json.loads(first)
        change(head)
        path.write_text(json.dumps(head) + "\n" + second)

    return edited


def put(*place, value):
    """Replaces what stands at a place in the finding that is kept."""

    def change(head):
        target = packed(head)
        for each in place[:-1]:
            target = target[each]
        target[place[-1]] = value

    return edit(change)


def entries(value):
    return edit(lambda head: head.update(entries=dict.fromkeys(head["entries"], value)))


DAMAGE = {
    "empty": lambda path: path.write_bytes(b""),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-100]),
    "cut early": lambda path: path.write_bytes(path.read_bytes()[:100]),
    "binary": lambda path: path.write_bytes(os.urandom(1000)),
    "no UTF-8": lambda path: path.write_bytes(path.read_bytes().replace(b"KTM101", b"KTM\xff01")),
    "another JSON": lambda path: path.write_text("[]\n{}"),
    "deep": lambda path: path.write_text("[" * 200_000),
    "deep objects": lambda path: path.write_text('{"a":' * 200_000),
    "a large number": lambda path: path.write_text(f'{{"format": {"9" * 10_000}}}\n'),
    "infinite": lambda path: path.write_text('{"format": Infinity}\n'),
    "a gigabyte": lambda path: os.truncate(path, 1 << 30),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
    "a pipe": lambda path: (path.unlink(), os.mkfifo(path)),
    "a link to a device": lambda path: (path.unlink(), path.symlink_to("/dev/zero")),
    "unreadable": lambda path: path.chmod(0),
    "no details": lambda path: path.write_text(path.read_text().split("\n")[0] + "\n"),
    "another format": edit(lambda head: head.update(format=0)),
    "no files": edit(lambda head: head.pop("files")),
    "files of a wrong type": edit(lambda head: head.update(files={"a": 1})),
    "a status of words": edit(lambda head: head["files"][0].__setitem__(1, ["a"] * 4)),
    "folders of a wrong type": edit(lambda head: head.update(folders=[[1, 2, 3, 4, 5]])),
    "unknown marks": edit(lambda head: head["folders"][0].__setitem__(2, {"a": "x"})),
    "entries of a wrong type": entries(3),
    "an entry without flags": entries([]),
    "rules of a wrong type": entries([1, 0, 0]),
    "an entry with wrong flags": entries(["KTM101", [], {}]),
    "a finding of a wrong type": entries(["KTM101", 0, 0, "finding"]),
    "a finding that is too short": entries(["KTM101", 0, 0, ["KTM101"]]),
    "an unknown rule": put(0, value="KTM999"),
    "another name": put(1, value="something-else"),
    "an unknown severity": put(2, value="fatal"),
    "a message that controls terminals": put(4, value="\x1b]0;title\x07"),
    "a file elsewhere": put(5, value="/etc/passwd"),
    "a file above": put(5, value="../other.py"),
    "no place": put(6, value=[0, 1, 1, 1]),
    "a place that is a boolean": put(6, value=[True, True, True, True]),
    "a place outside the file": put(6, value=[10_000, 1, 10_000, 2]),
    "a place outside the line": put(6, value=[1, 1, 1, 5_000]),
    "an end before the start": put(6, value=[2, 1, 1, 1]),
    "notes of a wrong type": put(9, value={"a": 1}),
    "a chain of numbers": put(10, value=[[1, 2, 3]]),
    "a fix of a wrong type": put(11, value=["title"]),
    "a fix that edits outside": put(11, 2, value=[[[10_000, 1, 10_000, 2], "x"]]),
    "an unknown applicability": put(11, 1, value="always"),
    "a probe of a wrong type": put(12, value=7),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_cache_is_a_cold_run(check, top, damage):
    expected = check()[0]
    (path,) = files_of(top)
    DAMAGE[damage](path)

    report, _, _ = check()

    assert report == expected


@pytest.mark.parametrize(
    "value", [None, 1, [], "x", {}, [[1, 2], [3]], {"askers": 1}, {"askers": [], "uses": {"a": [9]}}]
)
def test_damaged_details_are_a_cold_run(check, top, write, value):
    from dropout_lint.trail import digest

    check()
    (path,) = files_of(top)
    second = json.dumps(value)
    head = json.loads(path.read_text().split("\n")[0])
    head["second"] = digest(second.encode())
    path.write_text(json.dumps(head) + "\n" + second)
    write("flags.py", "FLAG = False\n")

    assert check()[0] == run([Path()])


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="somebody who may write everywhere")
def test_a_folder_that_cannot_be_written_is_no_problem(check, top):
    top.mkdir(mode=0o500)

    report, _, store = check()

    assert (lines(report), store.problem) == (FOUND, "Permission denied")


def test_a_full_disk_is_no_problem(check, top):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, limits[1]))
    try:
        report, _, store = check()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    assert (lines(report), store.problem) == (FOUND, "File too large")
    assert files_of(top) == []
    assert [path for path in top.rglob("*") if path.suffix == ".tmp"] == []
    assert check()[1] == ALL


@pytest.mark.parametrize("inner", ["", __version__])
def test_a_link_is_not_followed(check, top, inner, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    (top / inner).parent.mkdir(exist_ok=True)
    (top / inner).symlink_to(other)

    report, _, store = check()

    assert lines(report) == FOUND
    assert store.problem is not None
    assert [path for path in other.rglob("*") if path.is_file()] == []
