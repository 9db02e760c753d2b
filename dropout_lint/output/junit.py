"""Format ``junit``: a test report in which every file is a suite and every finding a failed test.

Elements and attributes are those of the Jenkins schema (https://github.com/jenkinsci/xunit-plugin, junit-10.xsd). A
file without findings is one passed test, so that a clean run is not an empty one.
"""

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from dropout_lint.output.place import place_of

if TYPE_CHECKING:
    from dropout_lint.discovery import Problem
    from dropout_lint.findings import Finding
    from dropout_lint.report import Report

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot express (https://www.w3.org/TR/xml/#charsets)."""


def junit(report: Report) -> str:
    """The report as XML, in ASCII with character references, so that any stream can carry it."""
    by_file = {path: list(found) for path, found in groupby(report.findings, key=lambda finding: finding.path)}
    names = sorted({*report.files, *by_file})
    root = ET.Element("testsuites", {"name": "dropout-lint"})
    for name in names:
        _suite(root, name, by_file.get(name, []))
    for problem in report.errors:
        _problem(root, problem)
    root.set("tests", str(sum(len(suite) for suite in root)))
    root.set("failures", str(len(report.findings)))
    root.set("errors", str(len(report.errors)))
    ET.indent(root)
    body: bytes = ET.tostring(root, encoding="us-ascii")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{body.decode("ascii")}'


def _suite(root: ET.Element, name: str, found: list[Finding]) -> None:
    counts = {"tests": str(max(len(found), 1)), "failures": str(len(found)), "errors": "0"}
    suite = ET.SubElement(root, "testsuite", {"name": _text(name), **counts})
    for finding in found:
        place = place_of(finding)
        title = f"{finding.code} {finding.name} ({place})"
        case = ET.SubElement(suite, "testcase", {"name": _text(title), "classname": _text(finding.path)})
        details = (f"{finding.path}:{place}: {finding.message}", finding.help)
        failure = ET.SubElement(case, "failure", {"type": finding.severity.value, "message": _text(finding.message)})
        failure.text = _text("\n".join(line for line in details if line))
    if not found:
        ET.SubElement(suite, "testcase", {"name": "dropout-lint", "classname": _text(name)})


def _problem(root: ET.Element, problem: Problem) -> None:
    counts = {"tests": "1", "failures": "0", "errors": "1"}
    suite = ET.SubElement(root, "testsuite", {"name": _text(problem.path), **counts})
    case = ET.SubElement(suite, "testcase", {"name": "dropout-lint", "classname": _text(problem.path)})
    ET.SubElement(case, "error", {"type": "error", "message": _text(problem.message)})


def _text(text: str) -> str:
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
