"""KTM5xx, KTM602: rates, what is kept instead of dropped, dropout behind the answer, augmentation that is served."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from benchmarks.mutants.contents import WITH_DROPOUT
from benchmarks.mutants.program import Mutant, Program, keyword
from benchmarks.mutants.trainable import method_calls, trained
from dropout_lint.outline.names import last_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.mutants.contents import Contents


def _rates(program: Program) -> Iterator[tuple[ast.Call, ast.AST, ast.Constant]]:
    """The rates that are written out: of layers, of recurrent layers, of ``tf.nn.dropout``."""
    for call in program.calls:
        name = last_name(call.func)
        candidates: list[tuple[ast.AST, ast.AST]] = []
        if name in {"Dropout", "SpatialDropout1D", "SpatialDropout2D", "GaussianDropout", "AlphaDropout"} and call.args:
            candidates.append((call.args[0], call.args[0]))
        elif name == "dropout" and program.source(call.func) == "tf.nn.dropout" and len(call.args) > 1:
            candidates.append((call.args[1], call.args[1]))
        elif name in WITH_DROPOUT or program.source(call.func) in {"Dropout", "tf.nn.dropout"}:
            candidates.extend((given, given.value) for given in call.keywords if given.arg in {"rate", "dropout"})
        for place, value in candidates:
            if isinstance(value, ast.Constant) and isinstance(value.value, float) and 0 < value.value < 1:
                yield call, place, value


def out_of_range(program: Program, _: Contents) -> Iterator[Mutant]:
    """KTM501: per cent, above one, below zero, all of it, a text."""
    for call, _, value in _rates(program):
        for kind, text in (
            ("per cent", f"{float(value.value) * 100:g}"),  # type: ignore[arg-type]
            ("above 1", "1.5"),
            ("below 0", "-0.1"),
            ("1.0", "1.0"),
            ("a text", f'"{value.value!s}"'),
        ):
            recurrent = last_name(call.func) in WITH_DROPOUT
            if not (recurrent and kind == "a text"):
                yield Mutant(f"rate: {kind}", ("KTM501",), call.lineno, (program.instead(value, text),))


def kept(program: Program, _: Contents) -> Iterator[Mutant]:
    """KTM502, KTM503: the share that is kept, by name of the value and by name of the argument."""
    for call, place, value in _rates(program):
        keep = f"{1 - float(value.value):g}"  # type: ignore[arg-type]
        statement = program.statement(call)
        if statement is not None and "keep" not in program.text and value.value != 0.5:
            edits = (program.before(statement, f"keep_prob = {keep}"), program.instead(value, "keep_prob"))
            yield Mutant("keep_prob as rate", ("KTM502",), call.lineno, edits)
        if (
            not isinstance(place, ast.keyword)
            and last_name(call.func) in {"Dropout", "dropout"}
            and "compat.v1" not in program.text
        ):
            edit = program.instead(place, f"keep_prob={keep}")
            yield Mutant("keep_prob=", ("KTM503",), call.lineno, (edit,))


def defaults(program: Program, _: Contents) -> Iterator[Mutant]:
    """KTM501, KTM502: rates that arrive through the parameter of a constructor or builder."""
    for node in program.nodes:
        if not isinstance(node, ast.FunctionDef) or "keep" in program.text:
            continue
        for parameter, default in zip(reversed(node.args.args), reversed(node.args.defaults), strict=False):
            uses = [each for each in ast.walk(node) if isinstance(each, ast.Name) and each.id == parameter.arg]
            handed = any(
                isinstance(program.parents[use], ast.Call) and last_name(program.parents[use].func) == "Dropout"  # type: ignore[attr-defined]
                for use in uses
            )
            if not handed or not isinstance(default, ast.Constant) or not isinstance(default.value, float):
                continue
            calls = [call for call in program.calls if keyword(call, parameter.arg)]
            if 0 < default.value < 1 and not calls and node.args.args[-1] is parameter:
                yield Mutant("default: per cent", ("KTM501",), node.lineno, (program.instead(default, "50"),))
                start, end = program.span(parameter)
                edits = (
                    (start, end, "keep_prob"),
                    program.instead(default, f"{1 - default.value:g}"),
                    *(program.instead(use, "keep_prob") for use in uses),
                )
                yield Mutant("default: keep_prob", ("KTM502",), node.lineno, edits)


def on_output(program: Program, contents: Contents) -> Iterator[Mutant]:
    """KTM504: dropout behind the last activation of a model that is compiled."""
    for node, _, _ in trained(program, contents):
        for making in contents.values(node):
            if not isinstance(making, ast.Call) or not making.args:
                continue
            if isinstance(making.args[0], ast.List) and making.args[0].elts:
                last = making.args[0].elts[-1]
                yield from _behind(program, last, None)
            elif (
                len(making.args) == 2
                and isinstance(making.args[1], ast.Call)
                and isinstance(making.args[1].func, ast.Call)
            ):
                yield from _behind(program, making.args[1].func, making.args[1])


def _behind(program: Program, last: ast.AST, applied: ast.Call | None) -> Iterator[Mutant]:
    if not isinstance(last, ast.Call) or last_name(last.func) != "Dense" or not last.args:
        return
    prefix, activation = program.source(last.func).removesuffix("Dense"), keyword(last, "activation")
    if not prefix:
        return
    edits = [] if activation else [program.with_keyword(last, 'activation="sigmoid"')]
    if activation and program.source(activation.value).strip("\"'") not in {"softmax", "sigmoid"}:
        edits = [program.instead(activation.value, '"sigmoid"')]
    if any(edit is None for edit in edits):
        return
    made = [edit for edit in edits if edit is not None]
    if applied is None:
        end = program.span(last)[1]
        made.append((end, end, f", {prefix}Dropout(0.5)"))
    else:
        start, end = program.span(applied)
        made.extend(((start, start, f"{prefix}Dropout(0.5)("), (end, end, ")")))
    yield Mutant("dropout on the output", ("KTM504",), last.lineno, tuple(made))


def served(program: Program, contents: Contents) -> Iterator[Mutant]:
    """KTM602: a model that augments, exported."""
    if program.keras2:
        return
    for statement, function in method_calls(program, contents, "predict", "evaluate", "fit", "save", "export"):
        if program.function(statement) is not None or program.owner(statement) is not None:
            continue
        model = program.source(function.value)
        if "augment" in contents.modes(function.value) and ".Sequential" in program.text:
            edit = program.behind(statement, f'{model}.export("served")')
            yield Mutant("augmenting model exported", ("KTM602",), statement.lineno, (edit,))


OPERATORS = (out_of_range, kept, defaults, on_output, served)
