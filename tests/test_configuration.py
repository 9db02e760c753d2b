"""The JSON schema of the configuration says what the strict reader says."""

from __future__ import annotations

import json
import sys
from importlib.resources import files

import pytest
from jsonschema import Draft7Validator

from dropout_lint.cli import main
from dropout_lint.configuration import schema
from dropout_lint.options import OPTIONS
from dropout_lint.settings import SettingsError, load

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

VALIDATOR = Draft7Validator(schema())

# TOML, and whether it is a configuration.
TABLE = [
    ("", True),
    ('select = ["ALL"]', True),
    ('select = ["KTM1", "KTM10", "KTM101", "training-true-in-inference"]', True),
    ('select = ["KTM199"]', False),
    ('select = ["E501"]', False),
    ('select = "KTM1"', False),
    ("ignore = [1]", False),
    ('per-file-ignores = {"tests/*" = ["ALL"]}', True),
    ('per-file-ignores = {"tests/*" = ["nonsense"]}', False),
    ('per-file-ignores = ["tests/*"]', False),
    ('severity = {"KTM113" = "error", "training-true-in-inference" = "note", "ALL" = "warning"}', True),
    ('severity = {"KTM113" = "warn"}', False),
    ('severity = {"KTX" = "error"}', False),
    ('severity = "error"', False),
    ('severity = {"KTM113" = 1}', False),
    ('min-severity = "warning"', True),
    ('min-severity = "warn"', False),
    ('min-confidence = "low"', True),
    ('fail-on = "error"', True),
    ('output-format = "sarif"', True),
    ('output-format = "xml"', False),
    ("unsafe-fixes = true", True),
    ('unsafe-fixes = "yes"', False),
    ('exclude = ["a", "b/*.py"]', True),
    ("respect-gitignore = false", True),
    ('src = ["lib"]', True),
    ("src = true", False),
    ('baseline = "known.json"', True),
    ("jobs = 4", True),
    ("jobs = 0", False),
    ("jobs = true", False),
    ('jobs = "4"', False),
    ("baseline = true", False),
    *((f'keras-version = "{version}"', True) for version in ("2", "2.15", "2.15.1", "3", "3.3", "3.15.1", "3.16")),
    *((f'keras-version = "{version}"', False) for version in ("1", "3.2", "3.17", "4", "", "3.x", "v3", "3.15.1.2")),
    ("keras-version = 3.15", False),
    ('stochastic-inference = ["sample"]', True),
    ("stochastic-inference = [1]", False),
    ('selct = ["KTM1"]', False),
    ("extend = 1", False),
]


@pytest.mark.parametrize(("text", "valid"), TABLE)
def test_schema_and_reader_agree(project, text, valid):
    (project / "dropout-lint.toml").write_text(text, encoding="utf-8")
    try:
        load()
        accepted = True
    except SettingsError:
        accepted = False

    assert (accepted, VALIDATOR.is_valid(tomllib.loads(text))) == (valid, valid)


def test_the_schema_is_a_schema_and_describes_every_key():
    Draft7Validator.check_schema(schema())
    properties = schema()["properties"]

    assert list(properties) == ["extend", *(option.key for option in OPTIONS)]
    assert all(entry["description"] for entry in properties.values())
    defaults = {key: entry["default"] for key, entry in properties.items() if "default" in entry}
    VALIDATOR.validate(defaults)


def test_the_shipped_schema_is_the_present_one():
    shipped = files("dropout_lint").joinpath("configuration.schema.json").read_text(encoding="utf-8")

    assert shipped == json.dumps(schema(), indent=2) + "\n", "write it anew: dropout-lint config --schema"


def test_the_command_prints_it(capfd):
    with pytest.raises(SystemExit) as ended:
        main(["config", "--schema"])

    assert ended.value.code == 0
    assert json.loads(capfd.readouterr().out) == schema()
