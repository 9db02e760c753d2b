"""The configuration keys as a JSON schema, for editors and validators of TOML.

``configuration.schema.json`` beside this file is what `schema` returns, for those who take it from the package.
"""

from __future__ import annotations

from dropout_lint.options import OPTIONS, Option, plain
from dropout_lint.selection import known_rules

Json = dict[str, object]


def schema() -> Json:
    """The schema of ``[tool.dropout-lint]`` in pyproject.toml, and of dropout-lint.toml."""
    extend = {"type": "string", "description": "Another configuration file, whose keys hold where this one has none."}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "dropout-lint",
        "description": "[tool.dropout-lint] in pyproject.toml, or dropout-lint.toml.",
        "type": "object",
        "additionalProperties": False,
        "properties": {"extend": extend, **{option.key: _property(option) for option in OPTIONS}},
        "definitions": {"selector": _selector()},
    }


def _property(option: Option) -> Json:
    described: Json = {"description": option.meaning, **_TYPES[option.kind]}
    if option.kind == "severities":
        described["additionalProperties"] = {"enum": list(option.choices)}
    elif option.choices:
        described["enum"] = list(option.choices)
    if option.default is not None:
        described["default"] = plain(option.default)
    return described


def _selector() -> Json:
    rules = known_rules()
    prefixes = sorted({code[:length] for code in rules for length in range(3, len(code))})
    return {
        "description": "ALL, the code or name of a rule, or what codes begin with.",
        "enum": ["ALL", *prefixes, *rules, *rules.values()],
    }


_STRINGS: Json = {"type": "array", "items": {"type": "string"}}
_RULES: Json = {"type": "array", "items": {"$ref": "#/definitions/selector"}}
_TYPES: dict[str, Json] = {
    "boolean": {"type": "boolean"},
    "choice": {},
    "keras-version": {"type": "string", "pattern": r"^(2(\.\d{1,2}(\.\d+)?)?|3(\.([3-9]|1[0-6])(\.\d+)?)?)$"},
    "number": {"type": "integer", "minimum": 1},
    "path": {"type": "string"},
    "paths": _STRINGS,
    "patterns": _STRINGS,
    "rules": _RULES,
    "rules-by-pattern": {"type": "object", "additionalProperties": _RULES},
    "severities": {"type": "object", "propertyNames": {"$ref": "#/definitions/selector"}},
    "strings": _STRINGS,
}
"""By kind of option."""
