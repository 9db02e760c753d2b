"""KTM106 to KTM111, KTM113, KTM209: flags that are not the mode, for what does not take them, or beside the point."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from benchmarks.mutants.flags import METHODS, drawn, ends_in_gradient, in_call, layer_calls, taped
from benchmarks.mutants.program import Mutant, Program, constant, keyword
from benchmarks.mutants.trainable import own_method
from dropout_lint.outline.names import last_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.mutants.contents import Contents


def wrong_flags(program: Program, contents: Contents) -> Iterator[Mutant]:
    """KTM106, KTM107, KTM109, KTM110, KTM209: flags that are not the mode."""
    for call, modes in layer_calls(program, contents):
        given, line = keyword(call, "training"), call.lineno
        if given is None or program.on_purpose:
            continue
        value, inside = given.value, in_call(program, call)
        if inside and isinstance(value, ast.Name):
            yield Mutant("training → not training", ("KTM106",), line, (program.instead(value, f"not {value.id}"),))
            yield Mutant("training → 'False'", ("KTM107",), line, (program.instead(value, '"False"'),))
            yield Mutant("training → self.trainable", ("KTM209",), line, (program.instead(value, "self.trainable"),))
            callee = program.source(call.func)
            if callee.startswith("self.") and callee.replace(".", "").isidentifier():
                edit = program.instead(value, f"{callee}.trainable")
                yield Mutant("training → layer.trainable", ("KTM209",), line, (edit,))
            if not program.keras2 and modes & {"drop", "norm"}:
                yield Mutant("training → None", ("KTM110",), line, (program.instead(value, "None"),))
        if (
            isinstance(value, ast.Constant)
            and value.value is False
            and not taped(program, call)
            and not contents.symbolic(call.args[0])
        ):
            yield Mutant("False → 'False'", ("KTM107", "KTM101"), line, (program.instead(value, '"False"'),))
            if isinstance(call.func, ast.Name) and ".trainable" not in program.text:
                edit = program.instead(value, f"{call.func.id}.trainable")
                yield Mutant("False → model.trainable", ("KTM209", "KTM101"), line, (edit,))
        boolean = isinstance(value, ast.Name) if inside else constant(value, True) or constant(value, False)
        if not program.keras2 and len(call.args) == 1 and boolean:
            edit = program.instead(given, program.source(value))
            yield Mutant("flag by position", ("KTM109", "KTM101"), line, (edit,))


def not_accepted(program: Program, contents: Contents) -> Iterator[Mutant]:
    """KTM108: the flag for methods and constructors."""
    for call in program.calls:
        method = isinstance(call.func, ast.Attribute) and call.func.attr in METHODS
        if method and contents.is_model(call.func.value) and not own_method(contents, call.func):  # type: ignore[attr-defined]
            edit = program.with_keyword(call, "training=True")
            if edit is not None:
                yield Mutant("method(training=)", ("KTM108",), call.lineno, (edit,))
        elif call.args and contents.modes(call.func) and contents.values(call) == [call] and contents.is_layer(call):
            edit = program.with_keyword(call, "training=True")
            if edit is not None and last_name(call.func) not in {"Model", *contents.classes}:
                yield Mutant("Layer(training=)", ("KTM108",), call.lineno, (edit,))


def stochastic(program: Program, contents: Contents) -> Iterator[Mutant]:
    """KTM111: batch normalisation put into a model that is drawn from on purpose."""
    if "training=True" not in program.text or "GradientTape" in program.text:
        return
    models = {
        value
        for call in program.calls
        if drawn(program, call) and not ends_in_gradient(program, call)
        for given in [keyword(call, "training")]
        if given is not None and constant(given.value, True)
        for value in contents.values(call.func)
    }
    for making in models:
        if not isinstance(making, ast.Call) or "norm" in contents.modes(making):
            continue
        for node in ast.walk(making):
            if (
                isinstance(node, ast.Call)
                and last_name(node.func) == "Dropout"
                and isinstance(program.parents[node], ast.List)
            ):
                prefix = program.source(node.func).removesuffix("Dropout")
                edit = program.instead(node, f"{prefix}BatchNormalization(), {program.source(node)}")
                if prefix:
                    yield Mutant("BatchNormalization in drawn model", ("KTM111", "KTM101"), node.lineno, (edit,))


def inert(program: Program, contents: Contents) -> Iterator[Mutant]:
    """KTM113: a flag of False in a graph, for batch normalisation that is trained, or is no longer frozen."""
    for node in program.nodes:
        if (
            not isinstance(node, ast.Assign)
            or not constant(node.value, False)
            or program.keras2
            or not program.alone(node)
        ):
            continue
        target = node.targets[0]
        if not isinstance(target, ast.Attribute) or target.attr != "trainable" or ".fit(" not in program.text:
            continue
        base = program.source(target.value)
        for call in program.calls:
            given = keyword(call, "training")
            if program.source(call.func) != base or given is None or not constant(given.value, False):
                continue
            if "norm" in contents.modes(call.func) and contents.symbolic(call.args[0]) and not in_call(program, call):
                yield Mutant("freezing forgotten", ("KTM113",), node.lineno, ((*program.lines(node), ""),))
    for call, modes in layer_calls(program, contents):
        if program.keras2 or "norm" not in modes or keyword(call, "training") or not contents.symbolic(call.args[0]):
            continue
        edit = program.with_keyword(call, "training=False")
        if (
            edit is not None
            and ".fit(" in program.text
            and ".trainable" not in program.text
            and not in_call(program, call)
        ):
            yield Mutant("in a graph: training=False", ("KTM113",), call.lineno, (edit,))


OPERATORS = (wrong_flags, not_accepted, stochastic, inert)
