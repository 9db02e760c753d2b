"""KTM201 to KTM205, KTM208: ``trainable`` set in vain, too late, or against itself."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from benchmarks.mutants.contents import AUGMENTS, DROPS
from benchmarks.mutants.program import Mutant, Program, constant
from dropout_lint.outline.names import last_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.mutants.contents import Contents

LATE = ("KTM203", "KTM208")


def method_calls(program: Program, contents: Contents, *names: str) -> Iterator[tuple[ast.stmt, ast.Attribute]]:
    """The statements, alone on their lines, in which a model's method of these names is called."""
    for call in program.calls:
        function = call.func
        if isinstance(function, ast.Attribute) and function.attr in names and contents.is_model(function.value):
            statement = program.statement(call)
            if statement is not None:
                yield statement, function


def own_method(contents: Contents, function: ast.AST) -> bool:
    """Whether some class of the program has a method of that name."""
    return any(
        isinstance(each, ast.FunctionDef) and each.name == last_name(function)
        for owner in contents.classes.values()
        for each in owner.body
    )


def trained(program: Program, contents: Contents) -> Iterator[tuple[ast.AST, ast.stmt, ast.stmt]]:
    """The models that are compiled and fitted in one block: the model, and the two statements."""
    for compiling, function in method_calls(program, contents, "compile"):
        receiver = program.source(function.value)
        for statement in program.following(compiling):
            if f"{receiver}.fit(" in program.source(statement) and program.alone(statement):
                yield function.value, compiling, statement
                break


def weightless(program: Program, contents: Contents) -> Iterator[Mutant]:
    """KTM201: the flag on a dropout or augmentation layer, set behind its making or in its constructor."""
    for node in program.nodes:
        if not isinstance(node, ast.Call) or not node.args:
            continue
        name = last_name(node.func)
        if not (DROPS.match(name) or AUGMENTS.match(name)) or name in contents.classes or not contents.is_layer(node):
            continue
        edit = program.with_keyword(node, "trainable=False")
        if edit is not None:
            yield Mutant("Dropout(trainable=False)", ("KTM201",), node.lineno, (edit,))
        statement = program.parents[node]
        if isinstance(statement, ast.Assign) and program.alone(statement) and len(statement.targets) == 1:
            target = program.source(statement.targets[0])
            for value in ("False", "True"):
                edit = program.behind(statement, f"{target}.trainable = {value}")
                yield Mutant(f"dropout.trainable = {value}", ("KTM201",), node.lineno, (edit,))


def switched(program: Program, contents: Contents) -> Iterator[Mutant]:
    """KTM202: the flag toggled round inference."""
    trainings = [function.lineno for _, function in method_calls(program, contents, "fit", "train_on_batch")]
    for statement, function in method_calls(program, contents, "predict", "evaluate"):
        if not contents.modes(function.value) or "GradientTape" in program.text:
            continue
        if own_method(contents, function) or any(program.enclosing(statement, ast.For, ast.While, ast.FunctionDef)):
            continue
        model = program.source(function.value)
        if isinstance(statement, ast.Return) or max(trainings, default=0) > statement.lineno:
            continue
        yield Mutant(
            "trainable = True before inference",
            ("KTM202",),
            statement.lineno,
            (program.before(statement, f"{model}.trainable = True"),),
        )
        yield Mutant(
            "trainable toggled round inference",
            ("KTM202",),
            statement.lineno,
            (
                program.before(statement, f"{model}.trainable = False"),
                program.behind(statement, f"{model}.trainable = True"),
            ),
        )


def late(program: Program, contents: Contents) -> Iterator[Mutant]:
    """KTM203: set between two fits, or (Keras 2) between compile and fit, and not compiled again."""
    for node, compiling, fitting in trained(program, contents):
        model, again = program.source(node), program.source(fitting)
        if "run_eagerly" in program.text or "Dense" not in program.text:
            continue
        loop = f"for layer in {model}.layers:\n    layer.trainable = False"
        for kind, text in (("model frozen", f"{model}.trainable = False"), ("layers frozen", loop)):
            edits = (program.behind(fitting, text, again),)
            yield Mutant(f"{kind} between two fits", LATE, fitting.lineno, edits)
        if program.keras2:
            edits = (program.behind(compiling, f"{model}.trainable = False"),)
            yield Mutant("model frozen behind compile", LATE, compiling.lineno, edits)
    for node in program.nodes:
        if is_toggle(node) and program.keras2 == ("tf_keras" in program.text):
            assert isinstance(node, ast.Assign)
            yield from _moved(program, node)


def is_toggle(node: ast.AST) -> bool:
    """Whether a statement sets the flag of something."""
    return (
        isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Attribute)
        and node.targets[0].attr == "trainable"
    )


def _moved(program: Program, node: ast.Assign) -> Iterator[Mutant]:
    """The toggle of the program, behind compile and a first fit; the fit once more."""
    block: ast.AST = node
    while not hasattr(program.parents[block], "body") or isinstance(program.parents[block], (ast.If, ast.For)):
        block = program.parents[block]
    assert isinstance(block, ast.stmt)
    after = program.following(block)
    fit = next((each for each in after if ".fit(" in program.source(each)), None)
    compiled = [each for each in after if ".compile(" in program.source(each)]
    if fit is None or not compiled or compiled[0].lineno > fit.lineno or "run_eagerly" in program.text:
        return
    start, end = program.lines(block)
    first, behind = program.lines(fit)
    edits = ((start, end, ""), (behind, behind, program.text[start:end] + program.text[first:behind]))
    yield Mutant("toggle moved behind fit", ("KTM203", "KTM204", "KTM205", "KTM208"), node.lineno, edits)


def contradictory(program: Program, contents: Contents) -> Iterator[Mutant]:
    """KTM204: layers opened in a frozen model; what was chosen layer by layer undone by the model."""
    for node, compiling, _ in trained(program, contents):
        model = program.source(node)
        opened = program.before(compiling, f"{model}.trainable = False", f"{model}.layers[-1].trainable = True")
        yield Mutant("layer opened in a frozen model", ("KTM204", "KTM201"), compiling.lineno, (opened,))
    for node in program.nodes:
        if not isinstance(node, ast.For) or not isinstance(node.body[0], ast.Assign) or len(node.body) > 1:
            continue
        toggle, name = node.body[0], last_name(node.target)
        of = next((each for each in ast.walk(node.iter) if last_name(each) == "layers"), None)
        if (
            not is_toggle(toggle)
            or not isinstance(of, ast.Attribute)
            or program.source(toggle.targets[0]) != f"{name}.trainable"
        ):
            continue
        model = program.source(of.value)
        if constant(toggle.value, False) and program.keras2:
            edit = program.behind(node, f"{model}.trainable = True")
            yield Mutant("loop undone by the model", ("KTM204",), node.lineno, (edit,))
        elif constant(toggle.value, True) and f"{model}.trainable = False" not in program.text:
            edit = program.behind(node, f"{model}.trainable = False")
            yield Mutant("loop undone by the model", ("KTM204",), node.lineno, (edit,))


def opened(program: Program, contents: Contents) -> Iterator[Mutant]:
    """KTM205: frozen layer by layer, trained, then "opened" by a flag that is True already."""
    for node, compiling, fitting in trained(program, contents):
        if program.keras2 or "jax" in program.text or ".trainable" in program.text or _last_weightless(contents, node):
            continue
        model = program.source(node)
        freeze = f"for layer in {model}.layers[-1:]:\n    layer.trainable = False"
        again = (f"{model}.trainable = True", program.source(compiling), program.source(fitting))
        edits = (program.before(compiling, freeze), program.behind(fitting, *again))
        yield Mutant("opened by the model alone", ("KTM205",), fitting.lineno, edits)


def _last_weightless(contents: Contents, model: ast.AST) -> bool:
    makings = [each for each in contents.values(model) if isinstance(each, ast.Call)]
    ends = [
        making.args[0].elts[-1]
        for making in makings
        if making.args and isinstance(making.args[0], ast.List) and making.args[0].elts
    ]
    return not ends or any(isinstance(end, ast.Call) and last_name(end.func) != "Dense" for end in ends)


def gans(program: Program, contents: Contents) -> Iterator[Mutant]:
    """KTM208: a discriminator that is no longer opened for its own step; the recipe of Keras 2 on Keras 3."""
    trains = {program.source(function.value) for _, function in method_calls(program, contents, "train_on_batch")}
    if len(trains) < 2:
        return
    if program.keras2:
        yield Mutant("GAN brought to Keras 3", ("KTM208",), 1, keras3(program))
        return
    for node in program.nodes:
        if not isinstance(node, ast.stmt) or not any(program.enclosing(node, ast.For)) or not program.alone(node):
            continue
        opens = (is_toggle(node) and constant(node.value, True)) or (  # type: ignore[attr-defined]
            isinstance(node, ast.Expr) and "trainable" in program.source(node) and "True" in program.source(node)
        )
        if opens:
            yield Mutant("discriminator not opened", ("KTM208", "KTM203"), node.lineno, ((*program.lines(node), ""),))


def keras3(program: Program) -> tuple[tuple[int, int, str], ...]:
    """The same program for Keras 3."""
    found, start = [], program.text.find("tf_keras")
    while start >= 0:
        found.append((start, start + len("tf_keras"), "keras"))
        start = program.text.find("tf_keras", start + 1)
    return tuple(found)


OPERATORS = (weightless, switched, late, contradictory, opened, gans)
