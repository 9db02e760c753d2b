"""From files to a report, whatever happens in one of them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import dropout_lint
from dropout_lint.engine import check_paths, check_source, run
from dropout_lint.findings import Severity
from dropout_lint.settings import Resolver

pytestmark = pytest.mark.usefixtures("fake_analysis")


def report_of(**overrides):
    return run([Path()], Resolver(overrides={key.replace("_", "-"): value for key, value in overrides.items()}))


def lines(report):
    return [f"{f.path}:{f.span.start.line}:{f.span.start.column} {f.code}" for f in report.findings]


def test_findings_are_sorted_and_each_comes_once(write):
    write("b.py", "f(training=True)\n")
    write("a/c.py", "x\nf(training=True), g(training=True)\nh(training=True)\n")

    assert lines(report_of()) == [
        "a/c.py:2:3 KTM101",
        "a/c.py:2:21 KTM101",
        "a/c.py:3:3 KTM101",
        "b.py:1:3 KTM101",
    ]


def test_files_that_hold_no_trigger_are_not_analysed_even_if_broken(write):
    write("a.py", "def (:\n")
    write("b.py", b"\xff\n")
    write("c.py", "f(training=False)\n")

    report = report_of()

    assert (lines(report), len(report.files), report.candidates) == ([], 3, 1)


@pytest.mark.parametrize(
    ("content", "code", "severity", "place", "message"),
    [
        pytest.param(
            "training = 1\ndef (:\n",
            "KTM990",
            Severity.ERROR,
            (2, 5),
            "the file is not valid Python: invalid syntax",
            id="syntax error",
        ),
        pytest.param(
            b"training = '\xff'\n",
            "KTM991",
            Severity.WARNING,
            (1, 1),
            "the file was not analysed: line 1 is not valid utf-8: invalid start byte",
            id="encoding",
        ),
        pytest.param(
            "training = 'crash'\n",
            "KTM991",
            Severity.WARNING,
            (1, 1),
            "the file was not analysed: dropout-lint failed with KeyError: 'nothing'",
            id="crash",
        ),
        pytest.param(
            "training = 'bottomless'\n",
            "KTM991",
            Severity.WARNING,
            (1, 1),
            "the file was not analysed: it is nested too deeply or too large (RecursionError)",
            id="recursion",
        ),
        pytest.param(
            "'crash-triage'\n",
            "KTM991",
            Severity.WARNING,
            (1, 1),
            "the file was not analysed: dropout-lint failed with RuntimeError: triage failed",
            id="crash in triage",
        ),
        pytest.param(
            "training = 'deep'\n",
            "KTM991",
            Severity.WARNING,
            (1, 1),
            "the file was not analysed: its budget of 10 steps is used up",
            id="budget",
        ),
        pytest.param(
            "training = " + "(" * 500 + ")" * 500,
            "KTM991",
            Severity.WARNING,
            (1, 1),
            "the file was not analysed: more than 200 nested brackets",
            id="nesting",
        ),
    ],
)
def test_what_fails_in_one_file_is_a_finding_and_the_others_go_on(write, content, code, severity, place, message):
    write("a.py", content)
    write("b.py", "f(training=True)\n")

    broken, fine = report_of().findings

    assert (broken.path, broken.code, broken.severity, broken.message) == ("a.py", code, severity, message)
    assert (broken.span.start.line, broken.span.start.column) == place
    assert (fine.path, fine.code) == ("b.py", "KTM101")


def test_a_crash_says_where_so_that_it_can_be_reported(write):
    write("a.py", "training = 'crash'\n")
    (finding,) = report_of().findings

    assert finding.notes[0].startswith("raised at conftest.py:")
    assert finding.notes[0].endswith(" in check()")
    assert finding.help == "this is a defect of dropout-lint: report it with the file"


def test_failures_are_shown_whatever_is_selected_unless_ignored(write):
    write("a.py", "training = 'crash'\n")

    assert lines(report_of(select=["KTM201"], min_severity="error")) == ["a.py:1:1 KTM991"]
    assert lines(report_of(ignore=["not-analysed"])) == []


@pytest.mark.parametrize(
    ("overrides", "columns"),
    [
        ({}, [3, 40]),
        ({"min_confidence": "low"}, [3, 21, 40]),
        ({"min_severity": "warning"}, [3]),
        ({"select": ["KTM2"]}, []),
        ({"ignore": ["training-true-in-inference"]}, []),
        ({"per_file_ignores": {"a.py": ["KTM1"]}}, []),
        ({"per_file_ignores": {"b.py": ["KTM1"]}}, [3, 40]),
    ],
)
def test_selection_and_thresholds(write, overrides, columns):
    write("a.py", "f(training=True), g(training=MAYBE), h(training=NOTE)\n")

    assert [finding.span.start.column for finding in report_of(**overrides).findings] == columns


def test_suppressed_findings_are_counted(write):
    write("a.py", "f(training=True)  # dropout-lint: ignore[KTM101] meant\nf(training=True)\n")

    report = report_of()

    assert (lines(report), report.suppressed) == (["a.py:2:3 KTM101"], 1)


def test_a_finding_anchored_in_another_module_obeys_the_comments_there(write):
    write("a.py", "'elsewhere'\nf(training=True)\n")
    write("elsewhere.py", "\nx = 1  # dropout-lint: ignore[KTM101]\n")

    assert report_of().suppressed == 1


def test_the_same_finding_from_two_entries_is_one_finding(write):
    write("a.py", "'elsewhere'\nf(training=True)\n")
    write("b.py", "'elsewhere'\nf(training=True)\n")
    write("elsewhere.py", "\nf(True)\n")

    report = report_of()

    assert lines(report) == ["elsewhere.py:2:3 KTM101"]
    assert dict(report.sources) == {"elsewhere.py": ("", "f(True)")}


def test_standard_input_stands_for_a_file_that_need_not_exist(write):
    write("pyproject.toml", '[tool.dropout-lint]\nexclude = ["gen"]\nper-file-ignores = {"tests/*" = ["ALL"]}\n')

    def stdin(name):
        return lines(run([], stdin=b"f(training=True)\n", stdin_path=Path(name) if name else None))

    assert stdin("src/new.py") == ["src/new.py:1:3 KTM101"]
    assert stdin(None) == ["-:1:3 KTM101"]
    assert stdin("gen/new.py") == []
    assert stdin("tests/new.py") == []
    assert [p.message for p in run([], stdin=b"", stdin_path=Path("a.h5")).errors] == [
        "saved models are only read as .keras archives"
    ]


def test_one_analysis_serves_all_files_of_a_configuration(write, fake_analysis):
    write("a.py", "training\n")
    write("b/c.py", "training\n")
    report_of()
    assert fake_analysis.made == 1

    write("b/dropout-lint.toml", "")
    report_of()
    assert fake_analysis.made == 3


def test_without_files_no_analysis_is_made(project, fake_analysis):
    assert (report_of().files, fake_analysis.made) == ((), 0)


def test_problems_with_paths_are_reported_and_the_others_are_checked(write):
    write("a.py", "f(training=True)\n")
    report = check_paths(["missing.py", "a.py"])

    assert lines(report) == ["a.py:1:3 KTM101"]
    assert [(problem.path, problem.message) for problem in report.errors] == [("missing.py", "no such file or folder")]


def test_paths_outside_the_working_directory_are_shown_whole(write, monkeypatch, project):
    path = write("a.py", "f(training=True)\n").absolute()
    (project / "b").mkdir()
    monkeypatch.chdir(project / "b")

    assert lines(check_paths(["../a.py"])) == [f"{path}:1:3 KTM101"]


@pytest.mark.usefixtures("project")
def test_sources_can_be_checked_from_memory():
    assert lines(check_source("f(training=True)\n")) == ["source.py:1:3 KTM101"]
    assert lines(check_source(b"# coding: latin-1\n'\xe9', f(training=True)\n", "x/y.py")) == ["x/y.py:2:8 KTM101"]


@pytest.mark.parametrize(
    ("word", "severity", "failing"),
    [
        ("True", Severity.WARNING, True),
        ("True", Severity.ERROR, True),
        ("NOTE", Severity.WARNING, False),
        ("NOTE", Severity.NOTE, True),
        ("False", Severity.NOTE, False),
    ],
)
def test_failing_is_a_matter_of_severity(write, word, severity, failing):
    write("a.py", f"f(training={word})\n")

    assert report_of().failing(severity) is failing


def test_the_public_interface_is_loaded_on_first_use():
    program = (
        "import sys, dropout_lint\n"
        "print([name for name in sys.modules if name.startswith('dropout_lint.')])\n"
        "print(dropout_lint.check_source, [getattr(dropout_lint, name) and name for name in dropout_lint.__all__])\n"
        "print(set(dropout_lint.__all__) <= set(dir(dropout_lint)))\n"
        "print(hasattr(dropout_lint, 'nothing'))\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(dropout_lint.__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment)
    loaded, functions, listed, unknown = done.stdout.splitlines()

    assert loaded == "['dropout_lint.version']"
    assert functions.startswith("<function check_source")
    assert (listed, unknown) == ("True", "False")
