"""Options of a command line: what a program runs with when nobody passes any."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dropout_lint.semantics.run import derived
from dropout_lint.semantics.values import UNKNOWN, Const, Instance, Value

if TYPE_CHECKING:
    import libcst as cst

    from dropout_lint.semantics.calls import Arguments
    from dropout_lint.semantics.events import Frame
    from dropout_lint.semantics.run import Run


def call(run: Run, frame: Frame, parser: Instance, name: str, arguments: Arguments, node: cst.CSTNode) -> Value:
    """A method of ``argparse.ArgumentParser``."""
    if name == "add_argument":
        option = _option(arguments)
        if option is not None:
            run.store.write(parser.attributes, f"--{option}", _value(arguments))
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


def _value(arguments: Arguments) -> Value:
    """The default where it is True: what the flag is unless somebody says otherwise. Other defaults are a guess."""
    default = arguments.keywords.get("default")
    action = arguments.keywords.get("action")
    if default is not None and isinstance(default.value, Const) and default.value.value is True:
        return default.value
    if (
        default is None
        and action is not None
        and isinstance(action.value, Const)
        and action.value.value == "store_false"
    ):
        return Const(True, action.value.origin)
    return UNKNOWN
