"""KTM206, KTM207, KTM210, KTM211: ``trainable`` misspelt, compared, a text, on what is no layer, in the wrong loop."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from benchmarks.mutants.contents import NORMS
from benchmarks.mutants.program import Mutant, Program, constant, keyword
from benchmarks.mutants.trainable import is_toggle, trained
from dropout_lint.outline.names import last_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.mutants.contents import Contents


def misspelt(program: Program, contents: Contents) -> Iterator[Mutant]:
    """KTM206, KTM207: another name, a comparison, a text, None."""
    for node in program.nodes:
        if not is_toggle(node) or not isinstance(node, ast.Assign) or not isinstance(node.targets[0], ast.Attribute):
            continue
        target, line = node.targets[0], node.lineno
        receiver, value = program.source(target.value), program.source(node.value)
        if not of_model(contents, target.value) or not program.alone(node):
            continue
        for name in ("trainble", "Trainable"):
            yield Mutant(
                "trainable misspelt", ("KTM206",), line, (program.instead(node, f"{receiver}.{name} = {value}"),)
            )
        compared = program.instead(node, f"{receiver}.trainable == ({value})")
        yield Mutant("trainable compared", ("KTM206",), line, (compared,))
        if constant(node.value, False):
            yield Mutant("trainable = 'False'", ("KTM207", "KTM201"), line, (program.instead(node.value, '"False"'),))
        elif constant(node.value, True):
            yield Mutant("trainable = None", ("KTM207", "KTM201"), line, (program.instead(node.value, "None"),))
    for call in program.calls:
        given = keyword(call, "trainable")
        if given is not None and isinstance(given.value, ast.Constant) and contents.is_layer(call):
            edit = program.instead(given.value, f'"{given.value.value}"')
            yield Mutant("Layer(trainable='…')", ("KTM207", "KTM201"), call.lineno, (edit,))
        elif last_name(call.func) == "Dense" and call.args and not any(program.enclosing(call, ast.ListComp)):
            edit_or_none = program.with_keyword(call, 'trainable="False"')
            if edit_or_none is not None:
                yield Mutant("Dense(trainable='False')", ("KTM207",), call.lineno, (edit_or_none,))


def of_model(contents: Contents, node: ast.AST) -> bool:
    """Whether something is a layer or a model, or one of the layers of a model."""
    return contents.is_layer(node) or any(
        isinstance(each, ast.Attribute) and each.attr == "layers" and not _of_own(contents, each.value)
        for bound in contents.values(node)
        for each in ast.walk(bound)
    )


def _of_own(contents: Contents, node: ast.AST) -> bool:
    """Whether something is an object of a class that is neither a layer nor a model."""
    makings = [value for value in contents.values(node) if isinstance(value, ast.Call)]
    return any(last_name(each.func) in contents.classes for each in makings) and not contents.is_layer(node)


def nested(program: Program, contents: Contents) -> Iterator[Mutant]:
    """KTM210: a loop over the layers of a model whose batch normalisation is all in a nested one."""
    makings = [call for call in program.calls if last_name(call.func) in NORMS]
    for node, compiling, _ in trained(program, contents):
        if "trainable" in program.text or not makings:
            continue
        yield from _moved_in(program, contents, node, compiling, makings)
        for making in contents.values(node):
            if not isinstance(making, ast.Call) or not making.args or not isinstance(making.args[0], ast.List):
                continue
            inner = {
                value
                for element in making.args[0].elts
                if isinstance(element, ast.Name)
                for value in contents.values(element)
                if isinstance(value, ast.Call) and contents.is_model(value)
            }
            if inner and all(any(each in inner for each in program.enclosing(call, ast.Call)) for call in makings):
                loop = (
                    f"for layer in {program.source(node)}.layers:\n"
                    f"    if isinstance(layer, {program.source(makings[0].func)}):\n        layer.trainable = False"
                )
                edits = (program.before(compiling, loop),)
                yield Mutant("loop misses a nested model", ("KTM210",), compiling.lineno, edits)


def _moved_in(
    program: Program, contents: Contents, node: ast.AST, compiling: ast.stmt, makings: list[ast.Call]
) -> Iterator[Mutant]:
    """All layers of a model moved into one that is nested in it, and a loop that was right before that."""
    made = contents.values(node)
    if (
        len(made) != 1
        or not isinstance(made[0], ast.Call)
        or last_name(made[0].func) != "Sequential"
        or not made[0].args
    ):
        return
    if program.source(node) in contents.classes or ".layers[" in program.text or "get_layer" in program.text:
        return
    listed = [call for call in makings if made[0] in program.enclosing(call, ast.Call)]
    if listed != makings:
        return
    inner = f"{program.source(made[0].func)}([{program.source(made[0])}])"
    loop = (
        f"for layer in {program.source(node)}.layers:\n"
        f"    if isinstance(layer, {program.source(makings[0].func)}):\n        layer.trainable = False"
    )
    edits = (program.instead(made[0], inner), program.before(compiling, loop))
    yield Mutant("layers moved into a nested model", ("KTM210",), compiling.lineno, edits)


def on_others(program: Program, contents: Contents) -> Iterator[Mutant]:
    """KTM211: the flag on a tensor, on a list, on an object round a model."""
    for node in program.nodes:
        if not isinstance(node, ast.Assign) or not isinstance(node.targets[0], ast.Name) or not program.alone(node):
            continue
        name, value = node.targets[0].id, node.value
        edits = (program.behind(node, f"{name}.trainable = False"),)
        if not isinstance(value, ast.Call):
            continue
        if last_name(value.func) != "Input" and contents.symbolic(value):
            yield Mutant("tensor.trainable", ("KTM211",), node.lineno, edits)
        owner = contents.classes.get(last_name(value.func))
        if owner is not None and not owner.bases and "trainable" not in program.text:
            holds = [each for each in ast.walk(owner) if isinstance(each, ast.Assign) and contents.is_model(each.value)]
            if holds:
                yield Mutant("object.trainable", ("KTM211",), node.lineno, edits)
    for node, compiling, _ in trained(program, contents):
        for attribute in ("layers", "weights"):
            edit = program.before(compiling, f"{program.source(node)}.{attribute}.trainable = False")
            yield Mutant(f"model.{attribute}.trainable", ("KTM211",), compiling.lineno, (edit,))


OPERATORS = (misspelt, nested, on_others)
