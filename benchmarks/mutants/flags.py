"""KTM101 to KTM105, KTM112, KTM601: the flag at calls of layers and models, turned round and dropped."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from benchmarks.mutants.program import Mutant, Program, constant, keyword
from benchmarks.mutants.trainable import own_method
from dropout_lint.outline.names import last_name

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


def ends_in_gradient(program: Program, call: ast.Call) -> bool:
    """Whether training happens in the same function: then what a flag means there is not known from the outside."""
    scope = program.function(call)
    return taped(program, call) or (scope is not None and "GradientTape" in program.source(scope))


def drawn(program: Program, call: ast.Call) -> bool:
    """Whether a call is repeated: several draws may be meant."""
    return next(program.enclosing(call, ast.ListComp, ast.GeneratorExp, ast.For, ast.While), None) is not None


def layer_calls(program: Program, contents: Contents) -> Iterator[tuple[ast.Call, frozenset[str]]]:
    """The calls of layers and models to which the mode matters, and how."""
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
    for call, modes in layer_calls(program, contents):
        given = keyword(call, "training")
        inside, line = in_call(program, call), call.lineno
        if given is not None and not (constant(given.value, False) or (inside and isinstance(given.value, ast.Name))):
            continue
        if isinstance(program.parents[call], ast.Expr) or last_name(program.parents[call]) == "shape":
            continue  # it only builds the weights, or shows their shapes
        if given is None and modes == {"augment"}:
            continue
        edit = program.instead(given.value, "True") if given else program.with_keyword(call, "training=True")
        if edit is None:
            continue
        told = "told" if given else "not told"
        if inside:
            yield Mutant(f"in call, {told}: training=True", IN_CALL, line, (edit,))
        elif contents.symbolic(call.args[0]):
            yield Mutant(f"in a graph, {told}: training=True", GRAPH, line, (edit,))
        elif contents.learns(call.func) and not ends_in_gradient(program, call) and not drawn(program, call):
            yield Mutant(f"outside, {told}: training=True", INFERENCE, line, (edit,))


def predictions(program: Program, contents: Contents) -> Iterator[Mutant]:
    """KTM101, KTM601: ``predict`` replaced by a call in training mode, or by one that leaves augmentation on."""
    for call in program.calls:
        function = call.func
        if not isinstance(function, ast.Attribute) or function.attr != "predict" or len(call.args) != 1:
            continue
        modes = contents.modes(function.value)
        if not contents.learns(function.value) or not modes or in_call(program, call):
            continue
        if isinstance(program.parents[call], ast.Expr) or drawn(program, call) or own_method(contents, function):
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
    for call, modes in layer_calls(program, contents):
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
    for call, modes in layer_calls(program, contents):
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
            function = program.function(call)
            step = program.source(function) if function is not None else program.text
            others = "trainable_variables" in step or "trainable_weights" in step
            if edit is not None and others and modes != {"augment"} and (not given or constant(given.value, False)):
                yield Mutant("teacher: training=True", ("KTM112", "KTM101", "KTM601"), line, (edit,))


def teachers(program: Program, contents: Contents) -> Iterator[Mutant]:
    """KTM112: what is called beside the tape, and whose answer enters the loss under it."""
    if program.on_purpose:
        return
    for call, modes in layer_calls(program, contents):
        given, statement = keyword(call, "training"), program.statement(call)
        if (
            taped(program, call)
            or in_call(program, call)
            or not isinstance(statement, ast.Assign)
            or modes == {"augment"}
        ):
            continue
        name, callee = statement.targets[0], program.source(call.func)
        tapes = [each for each in program.following(statement) if "GradientTape" in program.source(each)]
        told = given is not None and not constant(given.value, False)
        if not isinstance(name, ast.Name) or not tapes or told or f"{callee}.train" in program.text:
            continue
        entering = any(isinstance(each, ast.Name) and each.id == name.id for each in ast.walk(tapes[0]))
        edit = program.instead(given.value, "True") if given else program.with_keyword(call, "training=True")
        if entering and edit is not None:
            yield Mutant("teacher beside the tape: True", ("KTM112", "KTM101", "KTM601"), call.lineno, (edit,))


def own_steps(program: Program, contents: Contents) -> Iterator[Mutant]:
    """KTM104, KTM105: ``self(x, training=True)`` in a ``train_step``."""
    for call in program.calls:
        given, owner = keyword(call, "training"), program.owner(call)
        if program.source(call.func) != "self" or given is None or owner is None or not constant(given.value, True):
            continue
        if contents.modes(owner) & {"drop", "norm"} and taped(program, call) and not _second_pass(program, call):
            yield Mutant("self: training=False", NOT_TAUGHT, call.lineno, (program.instead(given.value, "False"),))
            yield Mutant("self: flag dropped", TAUGHT, call.lineno, (program.without(given),))


OPERATORS = (
    flags_of_inference,
    predictions,
    augmentation,
    flags_of_training,
    teachers,
    own_steps,
)
