"""The JSON of a report: the documented fields, and the published schema."""

from __future__ import annotations

import json
from importlib.resources import files

import pytest
from jsonschema import Draft202012Validator

from dropout_lint.discovery import Problem
from dropout_lint.output.json_report import json_report
from dropout_lint.report import Report

SCHEMA = json.loads(files("dropout_lint.output").joinpath("check.schema.json").read_text(encoding="utf-8"))


def test_every_field(finding):
    report = Report(
        findings=(finding("a.py", 3, 7),),
        errors=(Problem("missing.py", "no such file or folder"),),
        files=("a.py", "b.py"),
        suppressed=2,
        keras_version="3.15",
    )

    assert json.loads(json_report(report)) == {
        "version": "0.1.0",
        "keras_version": "3.15",
        "summary": {"files": 2, "findings": 1, "fixable": 1, "suppressed": 2},
        "findings": [
            {
                "code": "KTM101",
                "name": "training-true-in-inference",
                "severity": "error",
                "confidence": "high",
                "message": "`model` is evaluated with training=True: Dropout stays active",
                "path": "a.py",
                "cell": None,
                "start": {"line": 3, "column": 7},
                "end": {"line": 3, "column": 20},
                "help": "pass training=False",
                "chain": [
                    {"path": "evaluate.py", "cell": None, "line": 71, "message": "main()"},
                    {"path": "evaluate.py", "cell": None, "line": 38, "message": "validate()"},
                ],
                "fix": {
                    "title": "pass training=False",
                    "applicability": "unsafe",
                    "edits": [
                        {
                            "start": {"line": 3, "column": 7},
                            "end": {"line": 3, "column": 20},
                            "replacement": "training=False",
                        }
                    ],
                },
                "keras": ["3.3", "3.15"],
                "measured": None,
            }
        ],
        "fixed": [],
        "errors": [{"path": "missing.py", "message": "no such file or folder"}],
    }


@pytest.mark.parametrize("content", ["nothing", "everything", "bare"])
def test_the_report_is_what_the_schema_says(finding, content):
    findings = {
        "nothing": (),
        "everything": (finding(), finding("b.py", 2, 2)),
        "bare": (finding(fix=None, chain=(), keras=(), help=""),),
    }[content]
    Draft202012Validator.check_schema(SCHEMA)

    Draft202012Validator(SCHEMA).validate(json.loads(json_report(Report(findings=findings))))


def test_the_schema_names_every_field_and_no_other(finding):
    document = json.loads(json_report(Report(findings=(finding(),))))

    assert set(document) == set(SCHEMA["properties"]) == set(SCHEMA["required"])
    described = SCHEMA["$defs"]["finding"]
    assert set(document["findings"][0]) == set(described["properties"]) == set(described["required"])


def test_whatever_a_name_holds_the_text_is_ascii(finding):
    text = json_report(Report(findings=(finding("日\udcff.py", message="\x1b[31m →"),)))

    assert text.isascii()
    assert "\x1b" not in text
    assert json.loads(text)["findings"][0]["path"] == "日\udcff.py"
