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

    from dropout_lint.semantics.calls import Arguments
    from dropout_lint.semantics.events import Frame
    from dropout_lint.semantics.run import Run
    from dropout_lint.semantics.scopes import Scope

STRING_METHODS = frozenset({"lower", "upper", "strip", "lstrip", "rstrip", "casefold", "title", "capitalize"})
"""Methods that turn a string into a string."""
_MAPPINGS = frozenset({"os.environ", "sys.argv"})
_SECTIONS = frozenset({"configparser.ConfigParser", "configparser.RawConfigParser", "configparser.SafeConfigParser"})


@dataclass(frozen=True, slots=True)
class Text:
    """What is known of a text: where it comes from, and the string that stands for it by default."""

    source: str
    """``os.environ``, ``sys.argv``, ``input()``, ``argparse``, ``argparse-bool``, ``absl``, ``configparser``."""
    name: str
    default: str | None


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
