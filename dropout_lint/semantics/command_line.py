"""Options of a command line (argparse, absl): what a program runs with when nobody passes any."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dropout_lint.semantics.tagging import derived
from dropout_lint.semantics.texts import text
from dropout_lint.semantics.values import UNKNOWN, Const, External, Instance, Value

if TYPE_CHECKING:
    import libcst as cst

    from dropout_lint.semantics.arguments import Arguments
    from dropout_lint.semantics.events import Frame
    from dropout_lint.semantics.run import Run
    from dropout_lint.semantics.scopes import Scope

_FLAG_MODULES = ("absl.flags", "tensorflow.compat.v1.app.flags", "tensorflow.compat.v1.flags", "tensorflow.app.flags")
_FLAG_KINDS = ("bool", "boolean", "enum", "float", "integer", "string")
FLAG_VALUES = frozenset(f"{module}.FLAGS" for module in _FLAG_MODULES)
"""Objects whose attributes are the flags that a program has defined."""


def call(run: Run, frame: Frame, parser: Instance, name: str, arguments: Arguments, node: cst.CSTNode) -> Value:
    """A method of ``argparse.ArgumentParser``."""
    if name == "add_argument":
        option = _option(arguments)
        if option is not None:
            run.store.write(parser.attributes, f"--{option}", _value(option, arguments))
        return UNKNOWN
    if name in {"parse_args", "parse_known_args"}:
        options = run.allocate("argparse.Namespace", frame, node)
        for key, value in list(parser.attributes.items()):
            if key.startswith("--"):
                run.store.write(options.attributes, key[2:], value)
        return options if name == "parse_args" else run.items("tuple", (options, UNKNOWN))
    if name in {"add_argument_group", "add_mutually_exclusive_group"}:
        return parser
    return derived(*arguments.values)


def _option(arguments: Arguments) -> str | None:
    target = arguments.keywords.get("dest")
    if target is not None and isinstance(target.value, Const):
        return str(target.value.value)
    names = [
        each.value.value
        for each in arguments.positional
        if isinstance(each.value, Const) and isinstance(each.value.value, str)
    ]
    long = [name for name in names if name.startswith("--")] or names
    return long[0].lstrip("-").replace("-", "_") if long else None


def _value(option: str, arguments: Arguments) -> Value:
    """The default where it is True: what the flag is unless somebody says otherwise. Other defaults are a guess.

    Of an option that is a text, or any text made a bool, that much is known.
    """
    default = arguments.keywords.get("default")
    action = arguments.keywords.get("action")
    if default is not None and isinstance(_if_true(default.value), Const):
        return default.value
    if action is not None and not (isinstance(action.value, Const) and action.value.value == "store"):
        return UNKNOWN
    count = arguments.keywords.get("nargs")
    if count is not None and not (isinstance(count.value, Const) and count.value.value == "?"):
        return UNKNOWN
    kind = arguments.keywords["type"].value if "type" in arguments.keywords else External("builtins.str")
    made = _TEXTS.get(kind.name) if isinstance(kind, External) else None
    return text(made, option, default.value if default is not None else None) if made is not None else UNKNOWN


_TEXTS = {"builtins.str": "argparse", "builtins.bool": "argparse-bool"}


def _define_flag(run: Run, frame: Frame, arguments: Arguments, node: cst.CSTNode, scope: Scope | None) -> Value:
    """``flags.DEFINE_boolean("training", True, "…")``; what it returns holds the flag as ``value``."""
    default = arguments.get("default", 1)
    return _flag(run, frame, arguments, node, _if_true(default.value) if default is not None else UNKNOWN)


def _define_text(run: Run, frame: Frame, arguments: Arguments, node: cst.CSTNode, scope: Scope | None) -> Value:
    """``flags.DEFINE_string("training", "False", "…")``."""
    name, default = arguments.get("name", 0), arguments.get("default", 1)
    value = text("absl", name.value if name is not None else None, default.value if default is not None else None)
    return _flag(run, frame, arguments, node, value)


def _flag(run: Run, frame: Frame, arguments: Arguments, node: cst.CSTNode, value: Value) -> Value:
    name = arguments.get("name", 0)
    holder = run.allocate("absl.flags.FlagHolder", frame, node)
    run.store.write(holder.attributes, "value", value)
    if name is not None and isinstance(name.value, Const):
        run.flags[str(name.value.value)] = value
    return holder


def _if_true(default: Value) -> Value:
    return default if isinstance(default, Const) and default.value is True else UNKNOWN


HANDLERS = {
    f"{module}.DEFINE_{kind}": _define_text if kind in {"enum", "string"} else _define_flag
    for module in _FLAG_MODULES
    for kind in _FLAG_KINDS
}
