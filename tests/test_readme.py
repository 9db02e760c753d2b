"""README says what is so: its table of rules and its outputs are the tool's own."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft7Validator

from dropout_lint.cli import COMMANDS, group
from dropout_lint.configuration import schema
from dropout_lint.options import OUTPUT_FORMATS
from dropout_lint.rules import REGISTRY

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

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


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def commands():
    """Every command line of ours that README shows, less the output under it."""
    shown = "\n".join((*blocks("sh"), *blocks("yaml"), *re.findall(r"`(dropout-lint [^`]*)`", README)))
    shown += "\n" + "\n".join(line for text in blocks("console") for line in text.splitlines() if line.startswith("$ "))
    found = re.findall(r"(?:^|[ /])dropout-lint (?!\|)([^#\n]*)", shown, re.MULTILINE)
    return sorted({command.split("&&")[0].strip() for command in found})


@pytest.mark.parametrize("command", commands())
def test_commands_in_readme_exist_with_their_options(command):
    words = shlex.split(command.partition(" -- ")[0])
    name = words[0] if words and words[0] in COMMANDS else "check"
    known = {option for parameter in group.get_command(None, name).params for option in parameter.opts}
    known |= {option for parameter in group.get_command(None, name).params for option in parameter.secondary_opts}

    assert [word for word in words if word.startswith("--") and word.split("=")[0] not in known] == []
    formats = [words[at + 1] for at, word in enumerate(words) if word == "--output-format"]
    assert set(formats) <= set(OUTPUT_FORMATS)


def test_configuration_in_readme_is_one():
    (text,) = blocks("toml")

    Draft7Validator(schema()).validate(tomllib.loads(text)["tool"]["dropout-lint"])


def test_hooks_in_readme_exist():
    offered = {hook["id"] for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))}
    (shown,) = (hooks for text in blocks("yaml") for hooks in yaml.safe_load(text).get("repos", ()))

    assert {hook["id"] for hook in shown["hooks"]} <= offered


def test_pipelines_in_readme_upload_what_they_write():
    by_kind = {next(iter(document)): document for document in map(yaml.safe_load, blocks("yaml"))}
    steps = by_kind["name"]["jobs"]["lint"]["steps"]
    (uploaded,) = (step["with"]["sarif_file"] for step in steps if "sarif" in step.get("uses", ""))
    gitlab = by_kind["dropout-lint"]["dropout-lint"]

    assert any(f"--output-format sarif --output-file {uploaded} --exit-zero" in step.get("run", "") for step in steps)
    report = gitlab["artifacts"]["reports"]["codequality"]
    assert f"dropout-lint --output-format gitlab --output-file {report}" in gitlab["script"]
