"""KTM3xx: the global phase, methods and attributes of PyTorch, and what Keras 3 removed."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from benchmarks.mutants.contents import DROPS
from benchmarks.mutants.flags import in_call
from benchmarks.mutants.freezing import of_model
from benchmarks.mutants.program import Mutant, Program, keyword
from benchmarks.mutants.trainable import method_calls
from dropout_lint.outline.names import last_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.mutants.contents import Contents
    from benchmarks.mutants.program import Edit

KERAS3_ONLY = re.compile(
    r"keras\.(ops|random|export|utils\.set_random_seed\(\)|backend\.backend)|\.apply\(|stateless|jax|torch"
)


def _on_keras2(program: Program) -> tuple[Edit, ...] | None:
    """What makes a program one for Keras 2; None where Keras 2 has not all that it uses."""
    if program.keras2:
        return ()
    if KERAS3_ONLY.search(program.text) or "import tensorflow.keras" in program.text:
        return None
    edits: list[Edit] = []
    for node in program.nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name == "keras":
                    edits.append(program.instead(alias, f"tf_keras as {alias.asname or 'keras'}"))
                elif alias.name.startswith("keras."):
                    return None
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "keras":
            start = program.span(node)[0] + len("from ")
            edits.append((start, start, "tf_"))
    return tuple(edits) or None


def phase_forced(program: Program, contents: Contents) -> Iterator[Mutant]:
    """KTM301: on Keras 2, phase 1 before a bare call, a scope that is not entered, phase 0 before ``fit``."""
    port = _on_keras2(program)
    if port is None or "learning_phase" in program.text or program.on_purpose:
        return
    imports = program.imported("keras")
    for call in program.calls:
        statement = program.statement(call)
        if statement is None or not call.args or keyword(call, "training") or not contents.is_model(call.func):
            continue
        bare = program.function(call) is None and not contents.symbolic(call.args[0])
        if bare and contents.modes(call.func) & {"drop", "norm"} and not isinstance(statement, ast.Expr):
            edit = program.before(statement, "keras.backend.set_learning_phase(1)")
            yield Mutant("phase 1 before a bare call", ("KTM301",), call.lineno, (*port, *imports, edit))
    for statement, function in method_calls(program, contents, "predict", "evaluate", "fit"):
        if not contents.modes(function.value) & {"drop", "norm"}:
            continue
        if function.attr == "fit":
            edit = program.before(statement, "keras.backend.set_learning_phase(0)")
            yield Mutant("phase 0 before fit", ("KTM301",), statement.lineno, (*port, *imports, edit))
        else:
            edit = program.before(statement, "keras.backend.learning_phase_scope(1)")
            yield Mutant("scope never entered", ("KTM301",), statement.lineno, (*port, *imports, edit))


def phase_removed(program: Program, contents: Contents) -> Iterator[Mutant]:
    """KTM302: the phase on Keras 3."""
    if program.keras2 or "learning_phase" in program.text or "hasattr(model" in program.text:
        return
    for statement, _ in method_calls(program, contents, "predict", "evaluate", "fit"):
        line = statement.lineno
        edits = (*program.imported("keras"), program.before(statement, "keras.backend.set_learning_phase(0)"))
        yield Mutant("set_learning_phase", ("KTM302",), line, edits)
        edits = (*program.imported("tf"), program.before(statement, "tf.keras.backend.set_learning_phase(0)"))
        yield Mutant("tf.keras set_learning_phase", ("KTM302",), line, edits)
    for call in program.calls:
        given = keyword(call, "training")
        if given is not None and in_call(program, call) and isinstance(given.value, ast.Name):
            edit = program.instead(given.value, "keras.backend.learning_phase()")
            yield Mutant("training=learning_phase()", ("KTM302",), call.lineno, (*program.imported("keras"), edit))


def torch_methods(program: Program, contents: Contents) -> Iterator[Mutant]:
    """KTM303: methods of PyTorch's modules."""
    if program.torch or "hasattr(model" in program.text:
        return
    for statement, function in method_calls(program, contents, "predict", "evaluate", "fit"):
        model = program.source(function.value)
        for method in ("train()",) if function.attr == "fit" else ("eval()", "requires_grad_(False)"):
            edit = program.before(statement, f"{model}.{method}")
            if not isinstance(function.value, ast.Call):
                yield Mutant(f"model.{method}", ("KTM303",), statement.lineno, (edit,))


def attributes(program: Program, contents: Contents) -> Iterator[Mutant]:
    """KTM304: attributes that Keras does not read."""
    if program.torch:
        return
    for statement, function in method_calls(program, contents, "predict", "evaluate"):
        if isinstance(function.value, ast.Call):
            continue
        edit = program.before(statement, f"{program.source(function.value)}.training = False")
        yield Mutant("model.training = False", ("KTM304",), statement.lineno, (edit,))
    for node in program.nodes:
        if not isinstance(node, ast.Assign) or len(node.targets) != 1 or not program.alone(node):
            continue
        target, line = node.targets[0], node.lineno
        if (
            isinstance(node.value, ast.Call)
            and DROPS.match(last_name(node.value.func))
            and last_name(node.value.func) not in contents.classes
            and contents.is_layer(node.value)
        ):
            edit = program.behind(node, f"{program.source(target)}.p = 0.2")
            yield Mutant("dropout.p = 0.2", ("KTM304",), line, (edit,))
        if isinstance(target, ast.Attribute) and target.attr == "trainable":
            receiver = program.source(target.value)
            if of_model(contents, target.value):
                value = program.source(node.value)
                edits = (program.instead(node, f"{receiver}.requires_grad = {value}"),)
                yield Mutant("trainable → requires_grad", ("KTM304",), line, edits)
                edits = (program.instead(node, f"{receiver}.frozen = not {value}"),)
                yield Mutant("trainable → frozen", ("KTM304", "KTM206"), line, edits)


def removed(program: Program, contents: Contents) -> Iterator[Mutant]:
    """KTM305: arguments and methods that Keras 3 does not have."""
    if program.keras2:
        return
    methods = {
        "fit": ("fit_generator",),
        "evaluate": ("evaluate_generator",),
        "predict": ("predict_generator", "predict_classes"),
    }
    for call in program.calls:
        function = call.func
        if (
            not isinstance(function, ast.Attribute)
            or function.attr not in methods
            or not contents.is_model(function.value)
        ):
            continue
        if f"def {function.attr}" in program.text or "hasattr" in program.text or any(program.enclosing(call, ast.Try)):
            continue
        for text in ("workers=2", "use_multiprocessing=True"):
            edit = program.with_keyword(call, text)
            if edit is not None:
                yield Mutant(f"{text} for a method", ("KTM305",), call.lineno, (edit,))
        for name in methods[function.attr]:
            edits = (program.instead(function, f"{program.source(function.value)}.{name}"),)
            yield Mutant(f"{function.attr} → {name}", ("KTM305",), call.lineno, edits)


OPERATORS = (phase_forced, phase_removed, torch_methods, attributes, removed)
