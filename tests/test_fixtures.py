"""The programs of fixtures/<rule>: lines marked `# expect: KTM101` are found, no others, and fixes give the twins.

`# note: KTM113` marks a line that gets a note.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from dropout_lint.engine import run
from dropout_lint.findings import Severity
from dropout_lint.fixes import apply_edits
from dropout_lint.rules import REGISTRY, find_rule
from dropout_lint.settings import Resolver

FIXTURES = Path(__file__).parents[1] / "fixtures"
FOLDERS = sorted({path.parent.name for path in FIXTURES.glob("*/flagged_*")})
PROGRAMS = sorted(
    path.relative_to(FIXTURES).as_posix()
    for folder in FOLDERS
    for path in (FIXTURES / folder).rglob("*.py")
    if "__pycache__" not in path.parts
)
TWINS = [name for name in PROGRAMS if name.endswith(".fixed.py")]
FLAGGED = [name for name in PROGRAMS if "/flagged_" in name and name not in TWINS]
SILENT = [name for name in PROGRAMS if name not in FLAGGED]

EXPECTATION = re.compile(r"\s*# (expect|note): (KTM\d{3}(?:, KTM\d{3})*)$")
MEASURED = re.compile(r"# (prints|raises): (.*)")


def expected(name, kind="expect"):
    lines = (FIXTURES / name).read_text(encoding="utf-8").splitlines()
    marks = ((number, EXPECTATION.search(line)) for number, line in enumerate(lines, 1))
    return [(number, code) for number, mark in marks if mark and mark[1] == kind for code in mark[2].split(", ")]


def without_marks(text):
    lines = (line for line in text.splitlines() if not MEASURED.fullmatch(line))
    return "".join(EXPECTATION.sub("", line) + "\n" for line in lines)


def measured(name):
    """What a program prints or raises when it runs, as its comments say."""
    text = (FIXTURES / name).read_text(encoding="utf-8")
    return [match.groups() for line in text.splitlines() if (match := MEASURED.fullmatch(line))]


@pytest.fixture(scope="module")
def checked(tmp_path_factory):
    """All programs without their marks, checked in one run: the root of the copies and the findings by program."""
    # The marks are comments on the flagged lines: a fix must not have to cope with them, and no rule may read them.
    root = tmp_path_factory.mktemp("fixtures").resolve()
    for name in PROGRAMS:
        copy = root / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(without_marks((FIXTURES / name).read_text(encoding="utf-8")), encoding="utf-8")
    report = run([root], Resolver(isolated=True, overrides={"keras-version": "3.15"}))
    assert report.errors == ()
    findings = {name: [] for name in PROGRAMS}
    for finding in report.findings:
        findings[Path(finding.path).resolve().relative_to(root).as_posix()].append(finding)
    return root, findings


def found(findings):
    return [(finding.span.start.line, finding.code) for finding in findings if finding.severity is not Severity.NOTE]


def noted(name, findings):
    """The notes of the rule that the folder is named after."""
    rule = find_rule(name.partition("/")[0])
    return [
        (finding.span.start.line, finding.code)
        for finding in findings
        if finding.severity is Severity.NOTE and finding.code == rule.code
    ]


@pytest.mark.parametrize("name", FLAGGED)
def test_marked_lines_and_no_others_are_found(checked, name):
    _, findings = checked
    assert found(findings[name]) == expected(name)
    assert noted(name, findings[name]) == expected(name, "note")


@pytest.mark.parametrize("name", SILENT)
def test_clean_and_fixed_programs_stay_silent(checked, name):
    _, findings = checked
    assert found(findings[name]) == []
    assert noted(name, findings[name]) == []


@pytest.mark.parametrize("twin", TWINS)
def test_fixes_give_the_twin(checked, twin):
    root, findings = checked
    name = twin.replace(".fixed.py", ".py")
    fixes = [finding.fix for finding in findings[name] if finding.severity is not Severity.NOTE]
    assert fixes
    assert all(fixes), "a program with a twin needs a fix for each of its findings"
    edits = [edit for fix in fixes for edit in fix.edits]
    assert apply_edits((root / name).read_text(encoding="utf-8"), edits) == (root / twin).read_text(encoding="utf-8")


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_is_about_the_rule_it_is_named_after(folder):
    rule = find_rule(folder)
    assert rule is not None
    marked = [name for name in FLAGGED if name.startswith(f"{folder}/")]
    assert {code for name in marked for _, code in (*expected(name), *expected(name, "note"))} == {rule.code}


@pytest.mark.parametrize("rule", REGISTRY, ids=lambda rule: rule.code)
def test_every_rule_has_programs_to_find_and_to_leave_alone(rule):
    kinds = {path.name.split("_")[0] for path in (FIXTURES / rule.name).iterdir()}
    assert {"flagged", "clean"} <= kinds


@pytest.mark.cases
@pytest.mark.parametrize("name", [name for name in PROGRAMS if measured(name)])
def test_programs_do_what_their_comments_say(name, tmp_path):
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    environment.pop("KERAS_BACKEND", None)
    done = subprocess.run(
        [sys.executable, FIXTURES / name], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    raised = [text for kind, text in measured(name) if kind == "raises"]
    assert done.returncode == (1 if raised else 0), done.stderr[-2000:]
    printed = done.stdout.splitlines()
    assert [text for kind, text in measured(name) if kind == "prints" and text not in printed] == [], done.stdout[
        -2000:
    ]
    assert [text for text in raised if text not in done.stderr] == [], done.stderr[-2000:]


def test_marks_stand_in_programs_to_be_found_only():
    assert [name for name in SILENT if expected(name)] == []
