"""What a configuration may say, and what is said about one that is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from dropout_lint.findings import Confidence, Severity
from dropout_lint.options import OPTIONS
from dropout_lint.settings import Settings, SettingsError, load, parse_assignment


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".git").mkdir()
    return tmp_path


def write(path, text):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text, encoding="utf-8")


def message(call, *arguments, **keywords):
    with pytest.raises(SettingsError) as raised:
        call(*arguments, **keywords)
    return str(raised.value)


def test_without_a_file_the_defaults_hold_at_the_root_of_the_project(project):
    write("src/deep/x.py", "")

    settings = load(project / "src" / "deep")

    assert settings == Settings(root=project, src=(project, project / "src"))


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.key)
def test_the_table_of_options_states_the_defaults(option, project):
    value = getattr(load(), option.field)

    if option.key == "src":
        assert value == tuple(project / path for path in option.default)
    else:
        assert option.text(value) == option.text(option.default)


def test_every_key_is_read(project):
    write(
        "pyproject.toml",
        """
        [tool.dropout-lint]
        select = ["KTM1", "trainable-on-weightless-layer"]
        ignore = ["KTM103"]
        extend-select = ["KTM202"]
        per-file-ignores = {"tests/*" = ["ALL"], "*.pyi" = ["KTM101", "KTM102"]}
        severity = {"KTM1" = "note", "KTM101" = "error"}
        min-severity = "warning"
        min-confidence = "high"
        fail-on = "error"
        exclude = ["a"]
        extend-exclude = ["b"]
        force-exclude = true
        respect-gitignore = false
        src = ["lib", "."]
        keras-version = "3.15"
        inference-functions = ["score"]
        training-functions = ["learn"]
        stochastic-inference = ["mc_predict"]
        output-format = "concise"
        """,
    )

    assert load() == Settings(
        root=project,
        file=project / "pyproject.toml",
        select=("KTM1", "trainable-on-weightless-layer"),
        ignore=("KTM103",),
        extend_select=("KTM202",),
        per_file_ignores=(("tests/*", ("ALL",)), ("*.pyi", ("KTM101", "KTM102"))),
        severity=(("KTM1", Severity.NOTE), ("KTM101", Severity.ERROR)),
        min_severity=Severity.WARNING,
        min_confidence=Confidence.HIGH,
        fail_on=Severity.ERROR,
        exclude=("a",),
        extend_exclude=("b",),
        force_exclude=True,
        respect_gitignore=False,
        src=(project / "lib", project),
        keras_version="3.15",
        inference_functions=("score",),
        training_functions=("learn",),
        stochastic_inference=("mc_predict",),
        output_format="concise",
    )


@pytest.mark.parametrize(
    ("files", "nearest"),
    [
        pytest.param({"pyproject.toml": "[tool.dropout-lint]\n"}, "pyproject.toml", id="pyproject"),
        pytest.param({"dropout-lint.toml": ""}, "dropout-lint.toml", id="own file"),
        pytest.param(
            {"dropout-lint.toml": "", "pyproject.toml": "[tool.dropout-lint]\n"},
            "dropout-lint.toml",
            id="own file first",
        ),
        pytest.param(
            {"pyproject.toml": "[tool.dropout-lint]\n", "a/pyproject.toml": "[project]\nname = 'x'\n"},
            "pyproject.toml",
            id="a pyproject without the table is passed over",
        ),
        pytest.param(
            {"dropout-lint.toml": "", "a/b/pyproject.toml": "[tool.dropout-lint]\n"},
            "a/b/pyproject.toml",
            id="the nearest",
        ),
        pytest.param({"pyproject.toml": "[tool.other]\n"}, None, id="none"),
    ],
)
def test_the_nearest_file_wins(files, nearest, project):
    for name, text in files.items():
        write(name, text)
    (project / "a/b").mkdir(parents=True, exist_ok=True)

    assert load(project / "a/b").file == (project / nearest if nearest else None)


def test_a_file_extends_another(project):
    write("base/shared.toml", 'select = ["KTM1"]\nextend-select = ["KTM201"]\nsrc = ["lib"]\nmin-severity = "error"\n')
    write("dropout-lint.toml", 'extend = "base/shared.toml"\nextend-select = ["KTM202"]\nmin-severity = "warning"\n')

    settings = load()

    assert settings.select == ("KTM1",)
    assert settings.extend_select == ("KTM201", "KTM202")
    assert settings.src == (project / "base/lib",)
    assert settings.min_severity is Severity.WARNING


def test_the_command_line_has_the_last_word():
    write("dropout-lint.toml", 'select = ["KTM2"]\nignore = ["KTM201"]\nmin-severity = "error"\n')

    added = load(overrides={"ignore": ["KTM202"], "min-severity": "note"})
    afresh = load(overrides={"select": ["KTM201"]})

    assert (added.select, added.ignore, added.min_severity) == (("KTM2",), ("KTM201", "KTM202"), Severity.NOTE)
    assert (afresh.select, afresh.ignore) == (("KTM201",), ())


def test_isolated_reads_no_file():
    write("dropout-lint.toml", "nonsense")

    assert load(isolated=True).file is None


def test_a_file_given_by_hand_is_used_everywhere_relative_to_the_working_directory(project):
    write("etc/strict.toml", 'select = ["KTM2"]\n')
    write("a/dropout-lint.toml", 'select = ["KTM1"]\n')

    settings = load(project / "a", config=Path("etc/strict.toml"))

    assert (settings.select, settings.root) == (("KTM2",), project)


WRONG = [
    ('selct = ["KTM1"]', 'unknown key "selct"; did you mean "select"?'),
    ("Keras_Version = '3'", 'unknown key "Keras_Version"; did you mean "keras-version"?'),
    ("zzz = 1", 'unknown key "zzz"'),
    ('select = "KTM1"', "select: must be an array of strings, not a string"),
    ("select = [1]", "select: must be an array of strings, but holds an integer"),
    ('select = ["KTM199"]', 'select: unknown rule "KTM199"; did you mean "KTM'),
    ('ignore = ["training-true-in-inferrence"]', 'did you mean "training-true-in-inference"?'),
    ('ignore = ["E501"]', 'ignore: unknown rule "E501"'),
    ('per-file-ignores = ["x"]', "per-file-ignores: must be a table of patterns, not an array"),
    ('per-file-ignores = {"*.py" = "KTM101"}', "per-file-ignores: must be an array of strings, not a string"),
    ('per-file-ignores = {"*.py" = ["KTX"]}', 'per-file-ignores: unknown rule "KTX"'),
    ('per-file-ignores = {"!" = ["KTM1"]}', "per-file-ignores: Invalid git pattern: '!'"),
    ('exclude = ["!"]', "exclude: Invalid git pattern: '!'"),
    ('min-severity = "warn"', 'min-severity: must be one of note, warning, error, not "warn"; did you mean "warning"?'),
    ('severity = "note"', "severity: must be a table of rules, not a string"),
    ('severity = {"KTM199" = "note"}', 'severity: unknown rule "KTM199"'),
    ('severity = {"KTM101" = "fatal"}', 'severity: KTM101: must be one of note, warning, error, not "fatal"'),
    ('severity = {"KTM101" = 1}', "severity: KTM101: must be one of note, warning, error, not an integer"),
    ("min-severity = 1", "min-severity: must be a string, not an integer"),
    ('min-confidence = "sure"', 'min-confidence: must be one of low, medium, high, not "sure"'),
    ('force-exclude = "yes"', "force-exclude: must be true or false, not a string"),
    ("src = true", "src: must be an array of strings, not a boolean"),
    ("keras-version = 3.10", 'keras-version: must be a string such as "3.15", not a float'),
    ('fail-on = "warn"', 'fail-on: must be one of note, warning, error, not "warn"; did you mean "warning"?'),
    ("extend = 1", "extend must be a string, not an integer"),
    ('extend = "missing.toml"', "missing.toml: cannot be read: No such file or directory"),
    ("select = [", "is not valid TOML: "),
]


@pytest.mark.parametrize(("line", "expected"), WRONG)
@pytest.mark.parametrize("name", ["pyproject.toml", "dropout-lint.toml"])
def test_a_mistake_gets_one_message_that_names_the_file(name, line, expected):
    write(f"conf/{name}", f"[tool.dropout-lint]\n{line}\n" if name == "pyproject.toml" else f"{line}\n")

    text = message(load, Path("conf"))

    assert text.startswith("conf/")
    assert expected in text
    assert "\n" not in text


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"dropout-lint.toml": b"\xff"}, "dropout-lint.toml: is not valid UTF-8"),
        ({"pyproject.toml": b"[tool]\ndropout-lint = 1"}, "pyproject.toml: tool.dropout-lint must be a table"),
        ({"dropout-lint.toml": b'extend = "dropout-lint.toml"'}, "extend leads back to dropout-lint.toml"),
        (
            {"dropout-lint.toml": b'extend = "pyproject.toml"', "pyproject.toml": b"[project]"},
            "pyproject.toml: has no [tool.dropout-lint] table",
        ),
    ],
)
def test_a_file_that_cannot_be_used_is_named(files, expected):
    for name, data in files.items():
        Path(name).write_bytes(data)

    assert expected in message(load)


@pytest.mark.parametrize(
    ("given", "version"),
    [
        ("2", "2"),
        ("2.15", "2.15"),
        ("2.15.1", "2.15"),
        ("3", "3"),
        ("3.3", "3.3"),
        ("3.15.1", "3.15"),
        ("3.16", "3.16"),
    ],
)
def test_keras_versions(given, version):
    assert load(overrides={"keras-version": given}).keras_version == version


@pytest.mark.parametrize(
    "given", ["1", "1.2", "3.2", "3.0", "3.17", "4", "", "3.x", "three", "3.15.1.dev0", "3.", "v3"]
)
def test_unsupported_keras_versions_are_refused(given):
    text = message(load, overrides={"keras-version": given})

    assert text.startswith("command line: keras-version: must be")
    assert text.endswith(f'not "{given}"')


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('select=["KTM1"]', {"select": ["KTM1"]}),
        ("force-exclude = true", {"force-exclude": True}),
        ("min-severity=error", {"min-severity": "error"}),
        ('keras-version="3.15"', {"keras-version": "3.15"}),
        ("keras-version=3.15", {"keras-version": 3.15}),
    ],
)
def test_assignments_on_the_command_line_are_toml_or_a_bare_word(text, expected):
    assert parse_assignment(text) == expected


def test_an_assignment_that_is_neither_is_refused():
    assert message(parse_assignment, "select=[KTM1").startswith("--config select=[KTM1: is not valid TOML")
