"""The parent's side, with programs that need no Keras: they start at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from dropout_lint.cli import verify as command
from dropout_lint.verify.campaign import verify_program
from dropout_lint.verify.experiment import Options, measuring_job, plan
from dropout_lint.verify.programs import named_entry, named_module
from dropout_lint.verify.runner import CannotRun, find_interpreter, run_child
from dropout_lint.verify.scratch import LARGEST_FILE, copy_folder


@pytest.fixture
def program(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(text, name="program.py"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def run(script, *arguments, timeout=60.0, experiments=(), in_place=False, memory=None):
    job = measuring_job(script, arguments, experiments, Options())
    return run_child(sys.executable, job, timeout=timeout, in_place=in_place, memory=memory)


def test_the_program_runs_as_main_with_its_arguments_and_its_own_folder_first(program):
    program("VALUE = 7\n", "modes.py")
    script = program(
        "import sys, modes, state_of_mine\nprint(__name__, sys.argv[1:], __file__, modes.VALUE, state_of_mine.X)\n"
    )
    program("X = 8\n", "state_of_mine.py")

    assert run(script, "--epochs", "3").stdout == f"__main__ ['--epochs', '3'] {script} 7 8\n"


def test_it_writes_into_a_copy_of_the_working_directory(program, tmp_path):
    (tmp_path / "data.txt").write_text("1")
    script = program(
        "from pathlib import Path\np = Path('data.txt')\np.write_text(p.read_text() + '2')\nprint(p.read_text())\n"
    )

    assert run(script).stdout == "12\n"
    assert (tmp_path / "data.txt").read_text() == "1"
    assert not (tmp_path / "__pycache__").exists()


def test_in_place_it_writes_where_it_stands(program, tmp_path):
    script = program("open('out.txt', 'w').write('x')\n")

    run(script, in_place=True)

    assert (tmp_path / "out.txt").exists()


def test_large_files_and_environments_are_linked(tmp_path):
    source = tmp_path / "source"
    (source / ".git").mkdir(parents=True)
    (source / "env").mkdir()
    (source / "env" / "pyvenv.cfg").touch()
    (source / "small.txt").write_text("s")
    (source / "large.bin").write_bytes(bytes(LARGEST_FILE + 1))

    copy_folder(source, tmp_path / "copy")

    linked = {entry.name: entry.is_symlink() for entry in (tmp_path / "copy").iterdir()}
    assert linked == {".git": True, "env": True, "small.txt": False, "large.bin": True}


def test_the_exit_status_of_the_program_is_kept(program):
    assert run(program("import sys; sys.exit(3)\n")).end["exit"] == 3
    assert run(program("import sys; sys.exit()\n")).end["exit"] == 0
    failed = run(program("import sys; sys.exit('no data')\n"))
    assert (failed.end["exit"], failed.stderr) == (1, "no data\n")


def test_a_failing_program_is_told_by_its_own_frames(program, finding):
    script = program("import json\n\n\ndef load():\n    json.loads('{')\n\n\nload()\nmodel(1, training=True)\n")
    experiments = plan([finding(script, "model(1, training=True)")])

    report = verify_program(script, (), experiments, sys.executable, Options())

    result = report.results[0]
    assert result.verdict == "failed"
    assert result.exception["type"] == "JSONDecodeError"
    assert [(frame["line"], frame["text"]) for frame in result.exception["frames"]] == [
        (8, "load()"),
        (5, "json.loads('{')"),
    ]


def test_a_line_that_is_not_executed_is_not_reached(program, finding):
    script = program("if len([]):\n    model(1, training=True)\nprint('done')\n")

    report = verify_program(
        script, (), plan([finding(script, "model(1, training=True)")]), sys.executable, Options(replays=0)
    )

    assert (report.results[0].verdict, report.stdout) == ("not-reached", "done\n")
    assert report.results[0].reason == "the program ended without executing the line"


def test_the_time_limit_ends_the_program_and_everything_it_started(program, tmp_path):
    marker = tmp_path / "alive"
    program(f"import time\ntime.sleep(4)\nopen({str(marker)!r}, 'w').close()\n", "straggler.py")
    script = program(
        "import subprocess, sys, time\n"
        "subprocess.Popen([sys.executable, 'straggler.py'])\n"
        "print('waiting')\n"
        "time.sleep(60)\n"
    )
    start = time.monotonic()

    ended = run(script, timeout=2.0)

    assert ended.timed_out
    assert ended.stdout == "waiting\n"
    assert time.monotonic() - start < 20
    time.sleep(3)
    assert not marker.exists()


def test_what_left_the_process_group_is_ended_too(program, tmp_path):
    marker = tmp_path / "pid"
    program(f"import os, time\nopen({str(marker)!r}, 'w').write(str(os.getpid()))\ntime.sleep(60)\n", "daemon.py")
    script = program(
        "import os, subprocess, sys, time\n"
        "subprocess.Popen([sys.executable, 'daemon.py'], start_new_session=True)\n"
        f"while not (os.path.exists({str(marker)!r}) and open({str(marker)!r}).read()): time.sleep(0.05)\n"
    )

    run(script, in_place=True)

    assert not _alive(int(marker.read_text()))


def test_the_memory_limit_ends_the_program(program, finding):
    script = program("import time\nlen([])\nheap = bytearray(600 << 20)\ntime.sleep(60)\n")

    ended = run(script, memory=0.3)

    assert ended.out_of_memory
    assert ended.seconds < 20


@pytest.mark.parametrize(
    ("death", "ended"),
    [
        ("os._exit(3)", ""),
        ("os.kill(os.getpid(), 9)", "the interpreter died (signal 9)"),
        ("ctypes.string_at(0)", "the interpreter died (signal 11)"),
        ("os.abort()", "the interpreter died (signal 6)"),
    ],
)
def test_what_was_found_survives_the_death_of_the_program(program, finding, death, ended):
    script = program(f"import ctypes, os\ntry:\n    len(5)\nexcept TypeError:\n    pass\n{death}\nmax(1)\n")
    experiments = plan(
        [
            finding(script, "len(5)", "raises", "TypeError", "KTM302"),
            finding(script, "max(1)", "raises", "TypeError", "KTM302"),
        ]
    )

    report = verify_program(script, (), experiments, sys.executable, Options(replays=0))

    assert [result.verdict for result in report.results] == ["confirmed-raises", "failed"]
    assert report.ended == ended


def test_a_module_is_run_as_python_m_does(program, tmp_path):
    (tmp_path / "pack").mkdir()
    program("from .part import VALUE\nimport sys\nprint(__name__, __package__, VALUE, sys.argv[1:])\n", "pack/main.py")
    program("", "pack/__init__.py")
    program("from pack import main\n", "pack/__main__.py")
    program("VALUE = 4\n", "pack/part.py")

    assert run(named_module("pack.main"), "a").stdout == "__main__ pack 4 ['a']\n"
    assert named_module("pack").path == tmp_path / "pack" / "__main__.py"


def test_a_function_of_a_module_is_called(program, finding):
    script = program("def main():\n    print('called')\n    len(5)\n", "tool.py")
    experiments = plan([finding(script, "len(5)", "raises", "TypeError", "KTM302")])

    report = verify_program(named_entry("tool:main"), (), experiments, sys.executable, Options())

    assert report.stdout == "called\n"
    assert report.results[0].verdict == "confirmed-raises"


def test_an_interrupt_leaves_nothing_running(program, tmp_path):
    marker = tmp_path / "pid"
    script = program(f"import os, time\nopen({str(marker)!r}, 'w').write(str(os.getpid()))\ntime.sleep(60)\n")
    threading.Thread(target=_interrupt_when, args=(marker,), daemon=True).start()

    with pytest.raises(KeyboardInterrupt):
        run(script)

    assert not _alive(int(marker.read_text()))


def test_the_child_ends_when_its_parent_is_killed(program, tmp_path):
    marker = tmp_path / "pid"
    script = program(f"import os, time\nopen({str(marker)!r}, 'w').write(str(os.getpid()))\ntime.sleep(60)\n")
    starter = program(
        "import sys\n"
        "from pathlib import Path\n"
        "from dropout_lint.verify.experiment import Options, measuring_job\n"
        "from dropout_lint.verify.runner import run_child\n"
        "job = measuring_job(Path(sys.argv[1]), (), (), Options())\n"
        "run_child(sys.executable, job, timeout=60, in_place=True)\n",
        "starter.py",
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    parent = subprocess.Popen([sys.executable, str(starter), str(script)], env=environment)
    child = _when_written(marker)

    parent.kill()
    parent.wait()

    for _ in range(100):
        if not _alive(child):
            return
        time.sleep(0.1)
    pytest.fail("the child outlived its parent")


def _interrupt_when(marker):
    _when_written(marker)
    os.kill(os.getpid(), signal.SIGINT)


def _when_written(marker):
    for _ in range(300):
        if marker.exists() and marker.read_text():
            return int(marker.read_text())
        time.sleep(0.1)
    raise TimeoutError(marker)


def _alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A killed process without a parent to wait for it is a zombie, not alive.
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or status.read_text().rsplit(")", 1)[1].split()[0] != "Z"


def test_an_interpreter_without_keras_is_refused(tmp_path):
    fake = tmp_path / "python"
    fake.write_text("#!/bin/sh\nexit 3\n")
    fake.chmod(0o755)

    with pytest.raises(CannotRun, match="has no Keras"):
        find_interpreter(str(fake), tmp_path / "script.py")
    with pytest.raises(CannotRun, match="cannot be run"):
        find_interpreter(str(tmp_path / "nowhere"), tmp_path / "script.py")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.py"], "missing.py: no such file"),
        (["."], "is a folder without __main__.py"),
        (["data.csv"], "only Python programs"),
        (["saved.keras"], "is a saved model; measure it with --model saved.keras"),
        ([], "nothing to run: name a script"),
        (["broken.py", "-m", "broken"], "name either paths, or one of"),
        (["-m", "nowhere.to.be"], "no such module in"),
        (["--entry", "broken"], "--entry takes package.module:function"),
        (["--model", "gone.keras"], "gone.keras: no such file"),
        (["--model", "broken:build", "--data", "data.csv"], "--data takes an .npz file"),
        (["broken.py", "--data", "data.npz"], "--data is what --model is called on"),
        (["broken.py"], "broken.py:2: the file is not valid Python"),
    ],
)
def test_mistakes_get_one_message(program, arguments, message):
    program("1,2\n", "data.csv")
    program("", "saved.keras")
    program("import keras\nmodel(x, training=True) def\n", "broken.py")

    outcome = CliRunner().invoke(command.verify, arguments, standalone_mode=False)

    assert message in str(outcome.exception)


def test_a_program_without_findings_is_not_run(program):
    program("raise SystemExit('was run')\n")

    outcome = CliRunner().invoke(command.verify, ["program.py"], standalone_mode=False)

    assert outcome.return_value == 0
    assert "no findings" in outcome.output


def test_what_measuring_needs_is_asked_for_before_anything_runs(program, monkeypatch):
    script = program("open('ran', 'w')\n")
    monkeypatch.setattr(command, "find_spec", lambda name: None if name == "scipy" else object())
    result = CliRunner().invoke(command.verify, [str(script)], standalone_mode=True)
    assert result.exit_code == 2
    assert "scipy missing in" in result.output
    assert "dropout-lint[verify]" in result.output
    assert not script.with_name("ran").exists()


@pytest.mark.parametrize(
    ("text", "expected", "verdict"),
    [
        ("len(5)\n", "TypeError", "confirmed-raises"),
        ("try:\n    len(5)\nexcept TypeError:\n    pass\n", None, "confirmed-raises"),
        ("if len(5): pass\n", "TypeError or ValueError", "confirmed-raises"),
        ("len = str\nlen(5)\n", "TypeError", "no-material-difference"),
        ("len(5)\n", "ValueError", "inconclusive"),
        ("def len(x):\n    raise ValueError(x)\nlen(5)\n", None, "inconclusive"),
        ("if 0:\n    len(5)\n", "TypeError", "not-reached"),
        ("1 / 0\nlen(5)\n", "TypeError", "failed"),
    ],
)
def test_a_statement_that_raises(program, finding, text, expected, verdict):
    script = program(text)
    experiments = plan([finding(script, "len(5)", "raises", expected, "KTM302")])

    result = verify_program(script, (), experiments, sys.executable, Options(replays=0)).results[0]

    assert result.verdict == verdict
    assert (result.exception is not None) == (verdict in ("confirmed-raises", "failed") or verdict == "inconclusive")


@pytest.mark.parametrize(
    ("text", "verdicts", "reason"),
    [
        # Left out, the first lets the second be reached.
        (
            "len(5)\nprint(1)\nmax(7)\n",
            ["confirmed-raises", "confirmed-raises"],
            "in a run past program.py:1 (KTM302), where the program stops",
        ),
        (
            "a = len(5)\nb = a\nmax(7)\n",
            ["confirmed-raises", "not-reached"],
            "the program stops at program.py:1 (KTM302), and past it at program.py:2 (NameError)",
        ),
        (
            "len(5)\nif 0:\n    max(7)\n",
            ["confirmed-raises", "not-reached"],
            "the program stops at program.py:1 (KTM302); past it the line is not executed",
        ),
        (
            "len(5)\n1 / 0\nmax(7)\n",
            ["confirmed-raises", "not-reached"],
            "the program stops at program.py:1 (KTM302), and past it at program.py:2 (ZeroDivisionError)",
        ),
        ("1 / 0\nlen(5)\nmax(7)\n", ["failed", "failed"], ""),
    ],
)
def test_a_program_that_stops_at_a_finding_is_run_again_past_it(program, finding, text, verdicts, reason):
    program(text)
    script = Path("program.py")
    flagged = [finding(script, call, "raises", "TypeError", "KTM302") for call in ("len(5)", "max(7)")]

    report = verify_program(script, (), plan(flagged), sys.executable, Options(replays=0))

    assert [result.verdict for result in report.results] == verdicts
    assert report.results[1].reason == reason


def test_a_finding_that_stops_the_program_is_passed_with_its_fix(program, finding):
    script = program("size = len(5)\nprint(size)\nmax(7)\n")
    flagged = [
        finding(script, "len(5)", "raises", "TypeError", "KTM302", fix=("len(5)", "len([5])")),
        finding(script, "max(7)", "raises", "TypeError", "KTM302"),
    ]

    report = verify_program(script, (), plan(flagged), sys.executable, Options(replays=0))

    assert [result.verdict for result in report.results] == ["confirmed-raises", "confirmed-raises"]


def test_a_finding_without_a_probe_is_replayed_with_its_fix(program, finding):
    script = program("rate = 0.5\nprint('loss:', rate)\nunused = 1\n")
    changing = replace(finding(script, "rate = 0.5", code="KTM502", fix=("0.5", "0.1")), probe=None)
    idle = replace(finding(script, "unused = 1", code="KTM502", fix=("unused = 1", "unused = 2")), probe=None)
    plain = replace(finding(script, "unused = 1", code="KTM504"), probe=None)

    report = verify_program(script, (), plan([changing, idle, plain]), sys.executable, Options())

    assert [result.verdict for result in report.results] == ["confirmed", "no-material-difference", "inconclusive"]
    assert "executed once" in report.results[2].reason


def test_a_statement_is_proved_idle_by_leaving_it_out(program, finding):
    script = program("flag = []\nflag.append(1)\nprint('accuracy:', 0.5)\n")

    report = verify_program(
        script,
        (),
        plan([finding(script, "flag.append(1)", "statement", "skip", "KTM409")]),
        sys.executable,
        Options(),
    )

    assert report.results[0].verdict == "confirmed-no-effect"
