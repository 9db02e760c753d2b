"""Text from outside the program: environment variables, command line options, input, configuration files.

Such a value is opaque, but it is known to be a string, and every string but the empty one is true. What is computed
from it (a comparison, ``int(…)``) no longer is; ``text.lower()`` still is. ``type=bool`` of argparse makes a bool of
the same defect.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dropout_lint.semantics.values import UNKNOWN, Const, External, Instance, Opaque, Value

if TYPE_CHECKING:
    import libcst as cst

    from dropout_lint.semantics.arguments import Arguments
    from dropout_lint.semantics.events import Frame
    from dropout_lint.semantics.run import Run
    from dropout_lint.semantics.scopes import Scope

STRING_METHODS = frozenset({"lower", "upper", "strip", "lstrip", "rstrip", "casefold", "title", "capitalize"})
"""Methods that turn a string into a string."""
_MAPPINGS = frozenset({"os.environ", "sys.argv"})
_SECTIONS = frozenset({"configparser.ConfigParser", "configparser.RawConfigParser", "configparser.SafeConfigParser"})
_WORDS = {
    "0": "1",
    "1": "1",
    "false": "true",
    "true": "true",
    "False": "True",
    "True": "True",
    "no": "yes",
    "yes": "yes",
}
"""The text that means yes, beside each of its kind."""


@dataclass(frozen=True, slots=True)
class Text:
    """What is known of a text: where it comes from, and the string that stands for it by default."""

    source: str
    """``os.environ``, ``sys.argv``, ``input()``, ``argparse``, ``argparse-bool``, ``absl``, ``configparser``."""
    name: str
    default: str | None

    @property
    def described(self) -> str:
        """What it is, for a reader: `the text of the option --training`."""
        name = self.name
        return {
            "argparse-bool": f"the option --{name}, a bool of a text,",
            "argparse": f"the text of the option --{name}" if name else "the text of an option",
            "absl": f"the text of the flag --{name}" if name else "the text of a flag",
            "os.environ": f"the text of the environment variable {name}"
            if name
            else "the text of an environment variable",
            "sys.argv": "a text of the command line",
            "configparser": f"the text of the entry {name}" if name else "the text of a configuration file",
        }.get(self.source, "a text that somebody types")

    @property
    def remedy(self) -> str:
        """How to make a boolean of it."""
        return {
            "argparse-bool": 'declare the option with action="store_true"',
            "argparse": 'declare the option with action="store_true"',
            "absl": "define it with DEFINE_bool",
            "configparser": "read it with getboolean()",
        }.get(self.source, f'compare it with the text that means yes: == "{self.yes}"')

    @property
    def says_yes_or_no(self) -> bool:
        """Whether the default, if there is one, is a text that means yes or no."""
        return self.default is None or self.default in _WORDS

    @property
    def yes(self) -> str:
        """The text that means yes, of the kind of the default."""
        return _WORDS.get(self.default or "", "1")


def text(source: str, name: Value | str | None = None, default: Value | None = None) -> Opaque:
    """A string out of ``source``."""
    label = name if isinstance(name, str) else name.value if isinstance(name, Const) else None
    standard = default.value if isinstance(default, Const) and isinstance(default.value, str) else None
    return Opaque(key=("text", source, label if isinstance(label, str) else "", standard))


def text_of(value: Value) -> Text | None:
    """What is known of ``value`` if it is such a text."""
    if isinstance(value, Opaque) and value.key is not None and value.key[0] == "text" and len(value.key) == 4:
        return Text(*value.key[1:])
    return None


def item_of(container: Value, key: Value) -> Value | None:
    """``os.environ[key]``, ``sys.argv[1]``, ``config[section][key]``; None for other containers."""
    if isinstance(container, External) and container.name in _MAPPINGS:
        return text(container.name, key)
    if isinstance(container, Instance) and container.cls in _SECTIONS:
        return Opaque(key=("section", "configparser"))
    if isinstance(container, Opaque) and container.key == ("section", "configparser"):
        return text("configparser", key)
    return None


def _environment(run: Run, frame: Frame, arguments: Arguments, node: cst.CSTNode, scope: Scope | None) -> Value:
    name, default = arguments.get("key", 0), arguments.get("default", 1)
    return text("os.environ", name.value if name is not None else None, default.value if default is not None else None)


def _input(run: Run, frame: Frame, arguments: Arguments, node: cst.CSTNode, scope: Scope | None) -> Value:
    return text("input()")


def of_configuration(receiver: Value, name: str, arguments: Arguments) -> Value | None:
    """``config.get(section, key)`` and ``section.get(key)`` of configparser; None for anything else."""
    if name != "get":
        return None
    if isinstance(receiver, Instance) and receiver.cls in _SECTIONS:
        key = arguments.get("option", 1)
        return text("configparser", key.value if key is not None else None, _fallback(arguments))
    if isinstance(receiver, Opaque) and receiver.key == ("section", "configparser"):
        key = arguments.get("option", 0)
        return text("configparser", key.value if key is not None else None, _fallback(arguments))
    return None


def _fallback(arguments: Arguments) -> Value | None:
    given = arguments.keywords.get("fallback")
    return given.value if given is not None else None


def _parsed(run: Run, frame: Frame, arguments: Arguments, node: cst.CSTNode, scope: Scope | None) -> Value:
    """``json.loads`` of a string that is written out."""
    import json

    given = arguments.get("s", 0)
    written = given.value.value if given is not None and isinstance(given.value, Const) else None
    if not isinstance(written, str) or len(written) > 4000:
        return UNKNOWN
    try:
        return _built(run, json.loads(written), 0)
    except (ValueError, RecursionError):
        return UNKNOWN


def _built(run: Run, value: Any, depth: int) -> Value:
    if depth > 6:
        return UNKNOWN
    if isinstance(value, dict):
        return run.mapping({key: _built(run, each, depth + 1) for key, each in value.items()})
    if isinstance(value, list):
        return run.items("list", tuple(_built(run, each, depth + 1) for each in value))
    return Const(value)


def _set_by_default(run: Run, frame: Frame, arguments: Arguments, node: cst.CSTNode, scope: Scope | None) -> Value:
    """``os.environ.setdefault(name, value)``: it is set from here on, and what comes back is a text."""
    if len(arguments.positional) == 2:
        run.set_variable(arguments.positional[0].value, arguments.positional[1].value)
    return _environment(run, frame, arguments, node, scope)


HANDLERS = {
    "os.getenv": _environment,
    "os.environ.get": _environment,
    "os.environ.pop": _environment,
    "os.environ.setdefault": _set_by_default,
    "builtins.input": _input,
    "json.loads": _parsed,
}
