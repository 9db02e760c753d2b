"""KTM1xx: the flag at calls of layers and models, turned round, dropped, and handed to what does not take it."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from benchmarks.mutants.program import Mutant, Program, constant, keyword, last_name
from benchmarks.mutants.trainable import own_method

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.mutants.contents import Contents

INFERENCE = ("KTM101", "KTM102", "KTM103", "KTM112", "KTM405", "KTM601")
GRAPH = ("KTM102", "KTM101", "KTM103")
IN_CALL = ("KTM103", "KTM101", "KTM405", "KTM601")
TAUGHT = ("KTM105", "KTM104", "KTM601")
NOT_TAUGHT = ("KTM104", "KTM105")
METHODS = {"predict", "evaluate", "fit", "train_on_batch", "test_on_batch", "predict_on_batch"}


def in_call(program: Program, node: ast.AST) -> bool:
    """Whether a node stands in the ``call`` of a class."""
    return any(
        each.name == "call" and getattr(program.parents[each], "bases", None)  # type: ignore[attr-defined]
        for each in program.enclosing(node, ast.FunctionDef)
    )


def taped(program: Program, node: ast.AST) -> bool:
    """Whether a node stands under a gradient tape."""
    return any("GradientTape" in program.source(each).partition("\n")[0] for each in program.enclosing(node, ast.With))


def asked(program: Program, node: ast.AST) -> bool:
    """Whether a place is under a condition on the mode, where a constant flag may be right."""
    return any(
        isinstance(name, ast.Name) and name.id == "training"
        for each in program.enclosing(node, ast.If, ast.IfExp)
        for name in ast.walk(each.test)  # type: ignore[attr-defined]
    )


def _tape(program: Program, call: ast.Call) -> ast.With:
    tape = next(
        each for each in program.enclosing(call, ast.With) if "GradientTape" in program.source(each).partition("\n")[0]
    )
    assert isinstance(tape, ast.With)
    return tape


def optimised(program: Program, call: ast.Call) -> bool:
    """Whether the weights of what is called are asked for under the tape round a call, or behind it up to the next."""
    tape = _tape(program, call)
    step: list[ast.stmt] = [tape]
    for statement in program.following(tape):
        if "GradientTape" in program.source(statement):
            break
        step.append(statement)
    return any(
        isinstance(each, ast.Attribute)
        and each.attr in {"trainable_variables", "trainable_weights", "weights"}
        and program.source(each.value) == program.source(call.func)
        for statement in step
        for each in ast.walk(statement)
    )


def _second_pass(program: Program, call: ast.Call) -> bool:
    """Whether the same model is called more than once under the tape: one of the passes may be meant otherwise."""
    callee = program.source(call.func)
    calls = [
        each
        for each in ast.walk(_tape(program, call))
        if isinstance(each, ast.Call) and program.source(each.func) == callee
    ]
    return len(calls) > 1 or any(program.enclosing(call, ast.GeneratorExp, ast.ListComp))


def _ends_in_gradient(program: Program, call: ast.Call) -> bool:
    """Whether training happens in the same function: then what a flag means there is not known from the outside."""
    scope = program.function(call)
    return taped(program, call) or (scope is not None and "GradientTape" in program.source(scope))


def _drawn(program: Program, call: ast.Call) -> bool:
    """Whether a call is repeated: several draws may be meant."""
    return next(program.enclosing(call, ast.ListComp, ast.GeneratorExp, ast.For, ast.While), None) is not None


def _layer_calls(program: Program, contents: Contents) -> Iterator[tuple[ast.Call, frozenset[str]]]:
    for call in program.calls:
        if call.args and contents.is_layer(call.func):
            modes = contents.modes(call.func)
            frozen = modes == {"norm"} and re.search(r"trainable ?= ?False", program.text)
            if modes and not frozen and not asked(program, call):
                yield call, modes


def flags_of_inference(program: Program, contents: Contents) -> Iterator[Mutant]:
    """KTM101, KTM102, KTM103: True where the output is an answer, in a graph, in ``call``."""
    if program.on_purpose:
        return
    for call, modes in _layer_calls(program, contents):
        given = keyword(call, "training")
        inside, line = in_call(program, call), call.lineno
        if given is not None and not (constant(given.value, False) or (inside and isinstance(given.value, ast.Name))):
            continue
        discarded = isinstance(program.parents[call], ast.Expr)
        if discarded or (given is None and modes == {"augment"}):
            continue
        edit = program.instead(given.value, "True") if given else program.with_keyword(call, "training=True")
        if edit is None:
            continue
        told = "told" if given else "not told"
        if inside:
            yield Mutant(f"in call, {told}: training=True", IN_CALL, line, (edit,))
        elif contents.symbolic(call.args[0]):
            yield Mutant(f"in a graph, {told}: training=True", GRAPH, line, (edit,))
        elif contents.trained(call.func) and not _ends_in_gradient(program, call) and not _drawn(program, call):
            yield Mutant(f"outside, {told}: training=True", INFERENCE, line, (edit,))


def predictions(program: Program, contents: Contents) -> Iterator[Mutant]:
    """KTM101, KTM601: ``predict`` replaced by a call in training mode, or by one that leaves augmentation on."""
    for call in program.calls:
        function = call.func
        if not isinstance(function, ast.Attribute) or function.attr != "predict" or len(call.args) != 1:
            continue
        modes = contents.modes(function.value)
        if not contents.trained(function.value) or not modes or in_call(program, call):
            continue
        if isinstance(program.parents[call], ast.Expr) or _drawn(program, call) or own_method(contents, function):
            continue
        receiver, argument = program.source(function.value), program.source(call.args[0])
        if not program.on_purpose:
            edits = (program.instead(call, f"{receiver}({argument}, training=True).numpy()"),)
            yield Mutant("predict → model(x, training=True)", ("KTM101", "KTM601"), call.lineno, edits)
        if "augment" in modes:
            edits = (program.instead(call, f"{receiver}({argument}).numpy()"),)
            yield Mutant("predict → model(x), augmenting", ("KTM601", "KTM101"), call.lineno, edits)


def augmentation(program: Program, contents: Contents) -> Iterator[Mutant]:
    """KTM601: augmentation layers that are not told that this is inference; a validation set that is augmented."""
    for call, modes in _layer_calls(program, contents):
        given = keyword(call, "training")
        if modes == {"augment"} and given is not None and constant(given.value, False) and not in_call(program, call):
            for kind, edit in (
                ("augmentation, flag dropped", program.without(given)),
                ("augmentation, flag True", program.instead(given.value, "True")),
            ):
                yield Mutant(kind, ("KTM601", "KTM101", "KTM112"), call.lineno, (edit,))
    for node in program.nodes:
        if not isinstance(node, ast.Assign) or not isinstance(node.targets[0], ast.Name):
            continue
        name = node.targets[0].id
        mapped = next(
            (
                each
                for each in program.calls
                if last_name(each.func) == "map" and "training=True" in program.source(each)
            ),
            None,
        )
        if mapped is not None and name.startswith(("val", "test")) and program.statement(node):
            edit = program.behind(node, f"{name} = {name}.map({program.source(mapped.args[0])})")
            yield Mutant("validation set augmented", ("KTM601", "KTM101"), node.lineno, (edit,))


def flags_of_training(program: Program, contents: Contents) -> Iterator[Mutant]:
    """KTM104, KTM105, KTM112: what a step optimises in inference mode, what it does not optimise in training mode."""
    for call, modes in _layer_calls(program, contents):
        given, line = keyword(call, "training"), call.lineno
        own = in_call(program, call) and isinstance(call.func, ast.Attribute)
        if (
            own
            and given is not None
            and isinstance(given.value, ast.Name)
            and modes & {"drop", "norm"}
            and not program.on_purpose
        ):
            edit = program.instead(given.value, "False")
            yield Mutant("in call: training=False", ("KTM104", "KTM405"), line, (edit,))
        if not taped(program, call):
            continue
        if optimised(program, call):
            if _second_pass(program, call):
                continue
            if given is not None and constant(given.value, True) and modes & {"drop", "norm"}:
                yield Mutant("optimised: training=False", NOT_TAUGHT, line, (program.instead(given.value, "False"),))
                yield Mutant("optimised: flag dropped", TAUGHT, line, (program.without(given),))
        elif not program.on_purpose and f"{program.source(call.func)}.train" not in program.text:
            edit = program.instead(given.value, "True") if given else program.with_keyword(call, "training=True")
            if edit is not None and modes != {"augment"} and not (given and not constant(given.value, False)):
                yield Mutant("teacher: training=True", ("KTM112", "KTM101", "KTM601"), line, (edit,))


def own_steps(program: Program, contents: Contents) -> Iterator[Mutant]:
    """KTM104, KTM105: ``self(x, training=True)`` in a ``train_step``."""
    for call in program.calls:
        given, owner = keyword(call, "training"), program.owner(call)
        if program.source(call.func) != "self" or given is None or owner is None or not constant(given.value, True):
            continue
        if contents.modes(owner) & {"drop", "norm"} and taped(program, call) and not _second_pass(program, call):
            yield Mutant("self: training=False", NOT_TAUGHT, call.lineno, (program.instead(given.value, "False"),))
            yield Mutant("self: flag dropped", TAUGHT, call.lineno, (program.without(given),))


def wrong_flags(program: Program, contents: Contents) -> Iterator[Mutant]:
    """KTM106, KTM107, KTM109, KTM110, KTM209: flags that are not the mode."""
    for call, modes in _layer_calls(program, contents):
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
    drawn = {
        value
        for call in program.calls
        if _drawn(program, call) and not _ends_in_gradient(program, call)
        for given in [keyword(call, "training")]
        if given is not None and constant(given.value, True)
        for value in contents.values(call.func)
    }
    for making in drawn:
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
    """KTM113: a flag of False in a graph, for batch normalisation that is trained."""
    for call, modes in _layer_calls(program, contents):
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


OPERATORS = (
    flags_of_inference,
    predictions,
    augmentation,
    flags_of_training,
    own_steps,
    wrong_flags,
    not_accepted,
    stochastic,
    inert,
)
