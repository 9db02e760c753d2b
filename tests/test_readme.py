"""README says what is so: its table of rules and its outputs are the tool's own."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from dropout_lint.rules import REGISTRY

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def section(name):
    """What stands between ``<!-- name -->`` and ``<!-- end -->``."""
    return re.search(rf"<!-- {re.escape(name)} -->\n(.*?)<!-- end -->", README, re.DOTALL)[1].strip()


def table():
    rows = ["| Code | Name | Finds | Severity | Fix |", "|---|---|---|---|---|"]
    for rule in REGISTRY:
        fix = rule.applicability.value if rule.applicability is not None else "–"
        rows.append(f"| {rule.code} | `{rule.name}` | {rule.summary} | {rule.severity.value} | {fix} |")
    return "\n".join(rows)


def test_the_table_of_rules_is_made_from_their_documentation():
    expected = table()
    assert section("rules") == expected


def test_the_example_prints_what_readme_shows():
    shown = section("output: dropout-lint fixtures/two_modules").removeprefix("```console\n").removesuffix("\n```")
    command = [sys.executable, "-m", "dropout_lint", "fixtures/two_modules"]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout
    assert shown == f"$ dropout-lint fixtures/two_modules\n{printed}".rstrip()


@pytest.mark.parametrize("rule", REGISTRY, ids=lambda rule: rule.code)
def test_every_rule_is_documented_under_the_same_headings(rule):
    headings = re.findall(r"^## (.*)$", rule.doc, re.MULTILINE)
    assert headings == [
        "What it does",
        "Why is this bad",
        "Example",
        "Use instead",
        "Fix safety",
        "References",
        "Evidence",
    ]
