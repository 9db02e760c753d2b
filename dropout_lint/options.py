"""The configuration keys: type, default and meaning of each, as data.

The strict reader, the command line and ``dropout-lint config`` are all driven by this table.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from dropout_lint.findings import Confidence, Severity
from dropout_lint.selection import check_selector, suggestion

Default = str | bool | tuple[str, ...] | dict[str, tuple[str, ...]] | dict[str, str] | None

PatternRules = tuple[tuple[str, tuple[str, ...]], ...]
Severities = tuple[tuple[str, Severity], ...]
"""By selector of rules."""

OUTPUT_FORMATS = (
    "full",
    "concise",
    "grouped",
    "json",
    "json-lines",
    "sarif",
    "github",
    "gitlab",
    "junit",
    "rdjson",
    "pylint",
)

DEFAULT_EXCLUDE = (
    ".bzr",
    ".direnv",
    ".dropout_lint_cache",
    ".eggs",
    ".git",
    ".hg",
    ".ipynb_checkpoints",
    ".mypy_cache",
    ".nox",
    ".pyenv",
    ".pytest_cache",
    ".ruff_cache",
    ".svn",
    ".tox",
    ".venv",
    ".vscode",
    "__pycache__",
    "__pypackages__",
    "buck-out",
    "build",
    "dist",
    "node_modules",
    "site-packages",
    "venv",
)


_KERAS_VERSION = re.compile(r"2(?:\.\d{1,2})?|3(?:\.(?:[3-9]|1[0-6]))?")


@dataclass(frozen=True, slots=True)
class Option:
    """One key. ``kind`` names the reader of its value (``_READERS``)."""

    key: str
    kind: str
    default: Default
    meaning: str
    choices: tuple[str, ...] = ()

    @property
    def field(self) -> str:
        """The name of the attribute in Settings."""
        return self.key.replace("-", "_")

    def text(self, value: object) -> str:
        """``value``, a default or what Settings holds, as it is written in a configuration file."""
        if value is None:
            return "not set"
        if self.kind in ("rules-by-pattern", "severities") and isinstance(value, tuple):
            value = dict(value)
        return toml(value)


OPTIONS: tuple[Option, ...] = (
    Option(
        "select",
        "rules",
        ("ALL",),
        "Rules to check: codes (KTM101), prefixes of codes (KTM1), names (training-true-in-inference) or ALL.",
    ),
    Option("ignore", "rules", (), "Rules to leave out. The more specific of select and ignore decides."),
    Option("extend-select", "rules", (), "Rules to check besides those of select."),
    Option(
        "per-file-ignores",
        "rules-by-pattern",
        {},
        "Rules to leave out in files that match a gitignore-style pattern, relative to the configuration file.",
    ),
    Option(
        "severity",
        "severities",
        {},
        "The severity of rules, where it is to be another one than theirs; what a rule tones down stays toned down.",
        ("note", "warning", "error"),
    ),
    Option(
        "min-severity",
        "choice",
        "note",
        "Findings below this severity are not shown.",
        ("note", "warning", "error"),
    ),
    Option(
        "min-confidence",
        "choice",
        "medium",
        "Findings below this confidence are not shown.",
        ("low", "medium", "high"),
    ),
    Option(
        "fail-on",
        "choice",
        "warning",
        "The exit status is 1 when a finding of this severity or a worse one remains.",
        ("note", "warning", "error"),
    ),
    Option("fixable", "rules", ("ALL",), "Rules whose fixes --fix applies."),
    Option("unfixable", "rules", (), "Rules whose fixes --fix leaves alone. The more specific of the two decides."),
    Option(
        "unsafe-fixes",
        "boolean",
        False,
        "Fixes that change what the program computes are applied by --fix, too.",
    ),
    Option("exclude", "patterns", DEFAULT_EXCLUDE, "Gitignore-style patterns of files and folders to leave out."),
    Option("extend-exclude", "patterns", (), "Patterns to leave out besides those of exclude."),
    Option("force-exclude", "boolean", False, "Apply exclude to files that are named on the command line, too."),
    Option("respect-gitignore", "boolean", True, "Leave out what .gitignore files and .git/info/exclude leave out."),
    Option(
        "src",
        "paths",
        (".", "src"),
        "Folders from which the project's own modules are imported, relative to the configuration file.",
    ),
    Option(
        "keras-version",
        "keras-version",
        None,
        'The Keras version to judge by, such as "2", "2.15", "3" or "3.15"; read from the project when not set.',
    ),
    Option(
        "inference-functions",
        "strings",
        (),
        "Names of further functions whose calls of a model are inference.",
    ),
    Option(
        "training-functions",
        "strings",
        (),
        "Names of further functions whose calls of a model are training.",
    ),
    Option(
        "stochastic-inference",
        "strings",
        (),
        "Names of functions in which training=True at inference is meant (Monte Carlo dropout).",
    ),
    Option(
        "baseline",
        "path",
        None,
        "A file of findings that are not reported until their line changes; --write-baseline makes it.",
    ),
    Option(
        "cache-dir",
        "path",
        None,
        "The folder that results are kept in; .dropout_lint_cache beside the configuration file when not set.",
    ),
    Option("output-format", "choice", "full", "How findings are printed.", OUTPUT_FORMATS),
    Option(
        "jobs",
        "number",
        None,
        "How many processes share the work; as many as there are cores and enough to do for when not set.",
    ),
)

OPTION_BY_KEY = {option.key: option for option in OPTIONS}


def read_value(option: Option, value: object, folder: Path) -> object:
    """``value``, of TOML's types, as the type that Settings holds; paths are relative to ``folder``.

    Raises:
        TypeError: It has the wrong type.
        ValueError: It has the right type, but is none that the option takes.
    """
    return _READERS[option.kind](option, value, folder)


def toml(value: object) -> str:
    """``value``, of a type that Settings holds, as TOML writes it."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{toml(key)} = {toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, tuple):
        return "[" + ", ".join(toml(item) for item in value) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Enum):
        value = value.value
    return json.dumps(str(value), ensure_ascii=False)


def plain(value: object) -> object:
    """``value``, a default, as JSON has it."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return list(value) if isinstance(value, tuple) else value


def toml_kind(value: object) -> str:
    """What TOML calls the type of ``value``, with its article."""
    names = {bool: "a boolean", int: "an integer", float: "a float", str: "a string", list: "an array", dict: "a table"}
    return names.get(type(value), f"a {type(value).__name__}")


def _strings(_: Option, value: object, __: Path) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)):
        raise TypeError(f"must be an array of strings, not {toml_kind(value)}")
    for item in value:
        if not isinstance(item, str):
            raise TypeError(f"must be an array of strings, but holds {toml_kind(item)}")
    return tuple(value)


def _patterns(option: Option, value: object, folder: Path) -> tuple[str, ...]:
    patterns = _strings(option, value, folder)
    for pattern in patterns:
        _check_pattern(pattern)
    return patterns


def _check_pattern(pattern: str) -> None:
    from dropout_lint.patterns import compiled

    compiled([pattern])


def _rules(option: Option, value: object, folder: Path) -> tuple[str, ...]:
    selectors = _strings(option, value, folder)
    for selector in selectors:
        check_selector(selector)
    return selectors


def _rules_by_pattern(option: Option, value: object, folder: Path) -> PatternRules:
    if not isinstance(value, Mapping):
        raise TypeError(f"must be a table of patterns, not {toml_kind(value)}")
    for pattern in value:
        _check_pattern(pattern)
    return tuple((pattern, _rules(option, selectors, folder)) for pattern, selectors in value.items())


def _severities(option: Option, value: object, _: Path) -> Severities:
    if not isinstance(value, Mapping):
        raise TypeError(f"must be a table of rules, not {toml_kind(value)}")
    for selector, severity in value.items():
        check_selector(selector)
        if severity not in option.choices:
            told = f'"{severity}"' if isinstance(severity, str) else toml_kind(severity)
            raise ValueError(f"{selector}: must be one of {', '.join(option.choices)}, not {told}")
    return tuple((selector, Severity(severity)) for selector, severity in value.items())


def _choice(option: Option, value: object, _: Path) -> Severity | Confidence | str:
    if not isinstance(value, str):
        raise TypeError(f"must be a string, not {toml_kind(value)}")
    if value not in option.choices:
        near = suggestion(value, option.choices)
        raise ValueError(f'must be one of {", ".join(option.choices)}, not "{value}"{near}')
    if option.key in ("min-severity", "fail-on"):
        return Severity(value)
    return Confidence(value) if option.key == "min-confidence" else value


def _boolean(_: Option, value: object, __: Path) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"must be true or false, not {toml_kind(value)}")
    return value


def _number(_: Option, value: object, __: Path) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"must be a number from 1 up, not {toml_kind(value)}")
    if value < 1:
        raise ValueError(f"must be a number from 1 up, not {value}")
    return value


def _paths(option: Option, value: object, folder: Path) -> tuple[Path, ...]:
    return tuple(Path(folder, path) for path in _strings(option, value, folder))


def _path(_: Option, value: object, folder: Path) -> Path:
    if not isinstance(value, str):
        raise TypeError(f"must be a string, not {toml_kind(value)}")
    return Path(folder, value)


def _keras_version(_: Option, value: object, __: Path) -> str:
    if not isinstance(value, str):
        # As a TOML float, 3.10 would be 3.1.
        raise TypeError(f'must be a string such as "3.15", not {toml_kind(value)}')
    version = ".".join(value.split(".")[:2])
    if not _KERAS_VERSION.fullmatch(version) or not re.fullmatch(r"\d+(\.\d+){0,2}", value):
        raise ValueError(f'must be "2", a version such as "2.15", "3", or "3.3" to "3.16", not "{value}"')
    return version


_READERS: dict[str, Callable[[Option, object, Path], object]] = {
    "boolean": _boolean,
    "choice": _choice,
    "keras-version": _keras_version,
    "number": _number,
    "paths": _paths,
    "path": _path,
    "patterns": _patterns,
    "rules": _rules,
    "rules-by-pattern": _rules_by_pattern,
    "severities": _severities,
    "strings": _strings,
}
