"""What users type, see and get as exit status."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from dropout_lint.cli import main
from dropout_lint.options import OPTIONS
from dropout_lint.output import json_report
from dropout_lint.version import __version__

pytestmark = pytest.mark.usefixtures("fake_analysis", "project")

UNKNOWN = 'unknown rule "training-true-inference"; did you mean "training-true-in-inference"?\n'
FOUND = "KTM101 `model` is evaluated with training=True: Dropout stays active"


@pytest.fixture
def run(capfd):
    """Runs a command line; returns exit status, stdout and stderr."""

    def run_command(*arguments):
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        captured = capfd.readouterr()
        return ended.value.code, captured.out, captured.err

    return run_command


def concise(run, *arguments):
    return run("--output-format", "concise", *arguments)


def test_check_is_the_default_command(run, write):
    write("src/a.py", "f(training=True)\n")
    expected = (1, f"src/a.py:1:3: {FOUND}\nFound 1 finding in 1 file: 1 error.\n", "")

    assert concise(run) == expected
    assert concise(run, "src") == expected
    assert run("src", "--output-format=concise") == expected
    assert run("check", "src/a.py", "--output-format=concise") == expected


def test_a_folder_named_like_a_command_is_disambiguated(run, write):
    write("rule/a.py", "f(training=True)\n")

    assert concise(run, "./rule")[0] == 1
    assert concise(run, "check", "rule")[0] == 2
    assert run("check", "rule", "-q", "--output-format=concise") == (1, f"rule/a.py:1:3: {FOUND}\n", "")


@pytest.mark.parametrize(
    ("source", "arguments", "status"),
    [
        ("x = 1\n", [], 0),
        ("f(training=True)\n", [], 1),
        ("f(training=NOTE)\n", [], 0),
        ("f(training=NOTE)\n", ["--fail-on", "note"], 1),
        ("f(training=True)\n", ["--config", "severity={KTM101='note'}"], 0),
        ("f(training=True)\n", ["--config", "severity={KTM101='note'}", "--min-severity=warning", "--fail-on=note"], 0),
        ("f(training=True)\n", ["--config", "severity={ALL='note', KTM101='warning', KTM1='note'}"], 1),
        ("f(training=True)\n", ["--config", "severity={training-true-in-inference='note', KTM1='error'}"], 0),
        # What the rule itself has toned down is not raised.
        ("f(training=NOTE)\n", ["--config", "severity={KTM101='error'}"], 0),
        ("# dropout-lint: ignore[KTM1O1]\n", [], 1),
        ("# dropout-lint: ignore[KTM1O1]\n", ["--config", "severity={KTM901='note'}"], 0),
        ("f(training=True)\n", ["--exit-zero"], 0),
        ("f(training=True)\n", ["--ignore", "KTM1"], 0),
        ("f(training=True)\n", ["--select", "KTM2,KTM101"], 1),
        ("f(training=True)\n", ["--select", "KTM2", "--extend-select", "training-true-in-inference"], 1),
        ("f(training=True)\n", ["--select", "KTM2"], 0),
        ("f(training=MAYBE)\n", [], 0),
        ("f(training=MAYBE)\n", ["--min-confidence", "low"], 1),
        ("f(training=NOTE)\n", ["--min-severity", "warning", "--fail-on", "note"], 0),
        ("f(training=True)\n", ["--exclude", "a.py"], 0),
        ("f(training=True)\n", ["--extend-exclude", "*.py"], 0),
        ("f(training=True)\n", ["--config", "ignore=['KTM101']"], 0),
        ("f(training=True)\n", ["--config", "fail-on=note", "--config", "min-confidence=high"], 1),
        ("f(training=True)\n", ["missing.py"], 2),
        ("training = (\n", [], 1),
        ("training = 'crash'\n", [], 1),
        ("training = 'crash'\n", ["--fail-on", "error"], 0),
    ],
)
def test_exit_status(run, write, source, arguments, status):
    write("a.py", source)

    assert run(*arguments)[0] == status


MISTAKES = [
    (["missing.py"], "error: missing.py: no such file or folder\n"),
    (["a.py", "no/such"], "error: no/such: no such file or folder\n"),
    (["notes.h5"], "error: notes.h5: saved models are only read as .keras archives\n"),
    (["--selct", "KTM1"], "--select"),
    (["--fail-on", "xml"], "Invalid value for '--fail-on': 'xml' is not one of 'note', 'warning', 'error'."),
    (["--select", "training-true-inference"], f"error: command line: select: {UNKNOWN}"),
    (["--keras-version", "4"], "error: command line: keras-version: must be "),
    (["--config", "missing.toml"], "error: --config missing.toml: no such file, and no KEY=VALUE\n"),
    (["--config", "selct=['KTM1']"], 'error: command line: unknown key "selct"; did you mean "select"?\n'),
    (["--config", "select=["], "error: --config select=[: is not valid TOML: "),
    (["--config", "bad.toml"], 'error: bad.toml: unknown key "x"'),
    (["--isolated", "--config", "bad.toml"], "--isolated and --config FILE exclude each other."),
    (["--config", "bad.toml", "--config", "other.toml"], "--config names more than one file"),
    (["--stdin-filename", "a.py"], '--stdin-filename needs "-" among the paths.'),
    (["--output-file", "no/such/file"], "error: no/such/file: cannot be written: No such file or directory\n"),
    (["rule"], "Name one rule, or give --all."),
    (["rule", "KTM101", "--all"], "Name one rule, or give --all."),
    (
        ["rule", "training-true-inference"],
        'error: unknown rule "training-true-inference"; did you mean "training-true-in-inference"?\n',
    ),
    (["config", "keras"], 'error: unknown key "keras"'),
    (["check", "config"], "error: config: no such file or folder; a command comes first: dropout-lint config\n"),
]


@pytest.mark.parametrize(("arguments", "message"), MISTAKES)
def test_a_mistake_gets_one_clear_message_and_status_2(run, write, arguments, message):
    write("a.py", "x = 1\n")
    write("notes.h5", "{}")
    write("bad.toml", "x = 1\n")
    write("other.toml", "")

    status, _, err = run(*arguments)

    assert status == 2
    assert message in err
    assert "Traceback" not in err
    assert err.count("rror: ") == 1


@pytest.mark.parametrize("name", ["-rf.py", "a b.py", "été 日本.py", "a%,:.py", "[x].py"])
def test_awkward_names_are_names(run, write, name):
    write(name, "f(training=True)\n")

    assert concise(run, "-q", "--", name)[:2] == (1, f"{name}:1:3: {FOUND}\n")
    assert concise(run, "-q", ".")[1] == f"{name}:1:3: {FOUND}\n"


def test_a_wrong_configuration_file_is_a_usage_error(run, write):
    write("pyproject.toml", "[tool.dropout-lint]\nselct = ['KTM1']\n")
    write("a.py", "f(training=True)\n")

    assert run() == (2, "", 'error: pyproject.toml: unknown key "selct"; did you mean "select"?\n')
    assert run("--isolated")[0] == 1


def test_other_files_are_finished_before_a_mistake_ends_the_run(run, write):
    write("a.py", "f(training=True)\n")
    status, out, err = concise(run, "missing.py", "a.py")

    assert (status, out.splitlines()[0]) == (2, f"a.py:1:3: {FOUND}")
    assert err == "error: missing.py: no such file or folder\n"


def test_nothing_to_check_is_said(run, project):
    assert run() == (0, "No findings in 0 files.\n", "warning: no Python files under the given paths\n")


def test_json_goes_to_stdout_and_complaints_to_stderr(run, write):
    write("a.py", "f(training=True)\n")
    status, out, err = run("--output-format", "json", "missing.py", "a.py", "--keras-version", "3.15")
    report = json.loads(out)

    schema = json.loads(Path(json_report.__file__).with_name("check.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator(schema).validate(report)
    assert (status, err) == (2, "error: missing.py: no such file or folder\n")
    assert (report["keras_version"], report["summary"]["findings"]) == ("3.15", 1)
    assert report["errors"] == [{"path": "missing.py", "message": "no such file or folder"}]


def test_output_is_identical_from_run_to_run(run, write):
    for name in ("b/c.py", "a.py", "b/a.py"):
        write(name, "f(training=True)\ng(training=True)\n")

    assert run("--output-format=json") == run("--output-format=json", "b", "a.py")


def test_a_report_can_go_to_a_file(run, write, project):
    write("a.py", "f(training=True)\n")

    assert concise(run, "--output-file", "out.txt") == (1, "", "")
    assert (project / "out.txt").read_bytes() == (f"a.py:1:3: {FOUND}\nFound 1 finding in 1 file: 1 error.\n".encode())


@pytest.mark.parametrize(
    ("filename", "expected"),
    [
        (None, f"-:1:3: {FOUND}\n"),
        ("src/new.py", f"src/new.py:1:3: {FOUND}\n"),
        ("gen/new.py", ""),
    ],
)
def test_standard_input(run, write, monkeypatch, filename, expected):
    write("dropout-lint.toml", 'exclude = ["gen"]\n')
    stdin = io.TextIOWrapper(io.BytesIO(b"f(training=True)\n"))
    monkeypatch.setattr(sys, "stdin", stdin)
    named = ["--stdin-filename", filename] if filename else []

    status, out, _ = concise(run, "-", "-q", *named)

    assert (status, out) == (1 if expected else 0, expected)


def test_show_files(run, write):
    write("b.py")
    write("a/c.py")
    write("build/d.py")

    assert run("--show-files") == (0, "a/c.py\nb.py\n", "")
    assert run("--show-files", "missing") == (2, "", "error: missing: no such file or folder\n")


def test_show_settings(run, write, project):
    write("dropout-lint.toml", 'select = ["KTM1"]\nper-file-ignores = {"a.py" = ["KTM2"]}\n')
    status, out, _ = run("--show-settings", "--keras-version", "3.15.1")

    lines = out.splitlines()
    assert status == 0
    assert lines[0] == f"# {project}/dropout-lint.toml"
    assert 'select = ["KTM1"]' in lines
    assert 'per-file-ignores = {"a.py" = ["KTM2"]}' in lines
    assert 'keras-version = "3.15"' in lines
    assert 'min-confidence = "medium"' in lines


def test_verbose_says_on_stderr_what_is_used(run, write, project):
    write("a.py", "x = 1\n")
    assert run("-v")[2] == "configuration: none, the defaults hold\nfiles: 1, analysed: 0\n"

    write("dropout-lint.toml", "")
    assert run("-v")[2] == f"configuration: {project}/dropout-lint.toml\nfiles: 1, analysed: 0\n"


@pytest.mark.parametrize(
    ("arguments", "environment", "colored"),
    [
        ([], {}, False),
        ([], {"FORCE_COLOR": "1"}, True),
        ([], {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        (["--color", "always"], {"NO_COLOR": "1"}, True),
        (["--color", "never"], {"FORCE_COLOR": "1"}, False),
    ],
)
def test_colour(run, write, monkeypatch, arguments, environment, colored):
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    write("a.py", "f(training=True)\n")

    assert ("\x1b[" in run(*arguments)[1]) is colored


def test_version_and_help(run):
    assert run("--version") == (0, f"dropout-lint {__version__}\n", "")
    status, out, _ = run("--help")
    assert (status, [word for word in ("check", "verify", "rule", "config") if f"\n  {word} " in out]) == (
        0,
        ["check", "verify", "rule", "config"],
    )
    assert "--min-confidence" in run("check", "-h")[1]


def test_rule_prints_documentation(run):
    status, out, _ = run("rule", "ktm101")
    assert status == 0
    assert out.startswith("KTM101 training-true-in-inference\n=====")
    assert "## What it does" in out
    assert run("rule", "training-true-in-inference")[1] == out


def test_all_rules_as_json(run):
    status, out, _ = run("rule", "--all", "--output-format", "json")
    rules = json.loads(out)

    assert status == 0
    assert [rule["code"] for rule in rules] == sorted(rule["code"] for rule in rules)
    assert {"KTM101", "KTM990", "KTM991"} <= {rule["code"] for rule in rules}
    for rule in rules:
        assert set(rule) == {"code", "name", "severity", "confidence", "fix", "since", "documentation"}
        assert "## What it does" in rule["documentation"]
    assert json.loads(run("rule", "KTM101", "--output-format", "json")[1]) == rules[0]


def test_config_prints_keys(run):
    status, out, err = run("config", "fail-on")

    assert (status, err) == (0, "")
    assert out.splitlines() == [
        "fail-on",
        "  The exit status is 1 when a finding of this severity or a worse one remains.",
        "  choices: note, warning, error",
        '  default: "warning"',
    ]
    assert run("config")[1].count("\n  default: ") == len(OPTIONS)


def test_a_defect_of_the_tool_is_status_2_with_a_traceback(run, monkeypatch):
    import dropout_lint.engine

    def fail(*_, **__):
        raise RuntimeError("broken")

    monkeypatch.setattr(dropout_lint.engine, "run", fail)
    status, _, err = run(".")

    assert status == 2
    assert "RuntimeError: broken" in err
    assert err.endswith("error: this is a defect of dropout-lint; the lines above say where\n")


def test_an_interrupt_is_no_finding(run, monkeypatch):
    import dropout_lint.engine

    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(dropout_lint.engine, "run", interrupt)

    status, _, err = run(".")

    assert (status, err.strip()) == (130, "interrupted")


@pytest.mark.skipif(sys.platform == "win32", reason="there nobody can remove the working directory")
def test_a_working_directory_that_somebody_has_removed_is_no_defect(run, tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()

    assert run(".") == (2, "", "error: the working directory does not exist any more: change to one that does\n")
