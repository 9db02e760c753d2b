"""KTM4xx: layers and models that are written wrongly."""

from __future__ import annotations

import ast
import itertools
from typing import TYPE_CHECKING

from benchmarks.mutants.contents import DROPS, WITHOUT_WEIGHTS
from benchmarks.mutants.flags import in_call
from benchmarks.mutants.program import Mutant, Program, keyword
from benchmarks.mutants.trainable import trained
from dropout_lint.outline.names import last_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.mutants.contents import Contents
    from benchmarks.mutants.program import Edit

NOISE = {"drop", "norm"}


def _signatures(program: Program, contents: Contents) -> Iterator[tuple[ast.ClassDef, ast.FunctionDef, ast.arg]]:
    """The ``call`` with a flag, of classes in which the mode matters."""
    for node in program.nodes:
        owner = program.parents.get(node)
        if not isinstance(node, ast.FunctionDef) or node.name != "call" or not isinstance(owner, ast.ClassDef):
            continue
        flag = next((each for each in (*node.args.args, *node.args.kwonlyargs) if each.arg == "training"), None)
        if flag is not None and owner.bases and contents.modes(node) & NOISE and not program.on_purpose:
            yield owner, node, flag


def _uses(node: ast.AST, name: str = "training") -> list[ast.Name]:
    return [
        each
        for each in ast.walk(node)
        if isinstance(each, ast.Name) and each.id == name and isinstance(each.ctx, ast.Load)
    ]


def _default(function: ast.FunctionDef, flag: ast.arg) -> ast.expr | None:
    return dict(zip(reversed(function.args.args), reversed(function.args.defaults), strict=False)).get(flag)


def _fitted(program: Program, contents: Contents, owner: ast.ClassDef) -> bool:
    steps = any(isinstance(each, ast.FunctionDef) and each.name == "train_step" for each in owner.body)
    return not steps and any(contents.trained(call) for call in program.calls if last_name(call.func) == owner.name)


def signatures(program: Program, contents: Contents) -> Iterator[Mutant]:
    """KTM401, KTM402, KTM403, KTM408: the flag of ``call`` True by default, renamed, dropped, hidden; ``__call__``."""
    for owner, function, flag in _signatures(program, contents):
        uses, default, line = _uses(function), _default(function, flag), function.lineno
        if uses and isinstance(default, ast.Constant) and default.value in (None, False):
            yield Mutant("default True", ("KTM401",), line, (program.instead(default, "True"),))
        told = f"{owner.name}" in program.text and any(
            keyword(call, "training") for call in program.calls if owner.name in {
                last_name(value.func) for value in contents.values(call.func) if isinstance(value, ast.Call)
            }
        )  # fmt: skip
        if uses and default is not None and not told:
            for name in ("is_training", "train"):
                start, end = program.span(flag)
                renamed = ((start, end, name), *(program.instead(use, name) for use in uses))
                yield Mutant("parameter renamed", ("KTM402", "KTM403"), line, renamed)
        if contents.base(owner.name) != "Model" or program.keras2 or default is None:
            continue
        if _fitted(program, contents, owner):
            yield from _without_flag(program, function, flag, default)
            if not told:
                start = program.text.index("call", program.span(function)[0])
                edits = ((start, start + len("call"), "__call__"),)
                yield Mutant("call → __call__", ("KTM408", "KTM403"), line, edits)


def _without_flag(program: Program, function: ast.FunctionDef, flag: ast.arg, default: ast.expr) -> Iterator[Mutant]:
    comma, end = program.text.rindex(",", 0, program.span(flag)[0]), program.span(default)[1]
    uses = _uses(function)
    forwarded = [
        given
        for node in ast.walk(function)
        if isinstance(node, ast.Call)
        for given in [keyword(node, "training")]
        if given
    ]
    if len(forwarded) == len(uses):
        edits: list[Edit] = [program.without(given) for given in forwarded]
        codes = ("KTM403", "KTM110", "KTM408")
        yield Mutant("parameter dropped from a model", codes, function.lineno, (*edits, (comma, end, "")))
    if function.args.args[-1] is flag and uses:
        hidden = [program.instead(use, 'kwargs.get("training")') for use in uses]
        yield Mutant(
            "parameter hidden in **kwargs", ("KTM403",), function.lineno, (*hidden, (comma, end, ", **kwargs"))
        )


def _told(program: Program, contents: Contents) -> Iterator[tuple[ast.Call, ast.keyword, frozenset[str]]]:
    """The calls of a layer of ``self`` with the flag of the ``call`` round them."""
    for call in program.calls:
        given = keyword(call, "training")
        if given is None or not isinstance(given.value, ast.Name) or not in_call(program, call) or len(call.args) != 1:
            continue
        modes = contents.modes(call.func)
        if modes & NOISE and contents.is_layer(call.func) and program.source(call.func).startswith("self."):
            yield call, given, modes


def by_hand(program: Program, contents: Contents) -> Iterator[Mutant]:
    """KTM404: dropout, noise and statistics as functions."""
    if program.on_purpose:
        return
    tf = program.imported("tf")
    for call, _, modes in _told(program, contents):
        x, line = program.source(call.args[0]), call.lineno
        if modes == {"drop"} and all(DROPS.match(last_name(each)) for each in _classes(contents, call.func)):
            for kind, text in (
                ("dropout as a function", f"tf.nn.dropout({x}, 0.5)"),
                ("noise by hand", f"{x} + tf.random.normal((1,), stddev=0.1)"),
            ):
                yield Mutant(kind, ("KTM404", "KTM403"), line, (*tf, program.instead(call, text)))
        elif modes == {"norm"} and x.isidentifier():
            text = f"{x} - tf.nn.moments({x}, axes=[0])[0]"
            yield Mutant("statistics by hand", ("KTM404", "KTM403"), line, (*tf, program.instead(call, text)))
    for call in program.calls:
        if last_name(call.func) != "Dropout" or not call.args or not isinstance(call.args[0], ast.Constant):
            continue
        if not call.args[0].value:
            continue
        applied, rate = program.parents[call], program.source(call.args[0])
        prefix = program.source(call.func).removesuffix("Dropout")
        if isinstance(applied, ast.List) and prefix:
            text = f"{prefix}Lambda(lambda t: tf.nn.dropout(t, {rate}))"
            yield Mutant("dropout in a Lambda", ("KTM404",), call.lineno, (*tf, program.instead(call, text)))
        elif isinstance(applied, ast.Call) and applied.func is call and contents.symbolic(applied.args[0]):
            edit = program.instead(applied, f"tf.nn.dropout({program.source(applied.args[0])}, {rate})")
            yield Mutant("dropout as a function in a graph", ("KTM404",), call.lineno, (*tf, edit))


def _classes(contents: Contents, node: ast.AST) -> list[ast.AST]:
    return [value.func for value in contents.values(node) if isinstance(value, ast.Call)]


def leaks(program: Program, contents: Contents) -> Iterator[Mutant]:
    """KTM405: a flag for one sublayer, and none for the next whose behaviour depends on the mode."""
    if program.keras2:
        return
    for _, function, _ in _signatures(program, contents):
        calls = [
            node
            for node in ast.walk(function)
            if isinstance(node, ast.Call) and node.args and contents.is_layer(node.func)
        ]
        calls.sort(key=program.span)
        calls.sort(key=lambda call: program.span(call)[1])
        for first, second in itertools.pairwise(calls):
            given = keyword(second, "training")
            if given is None or not contents.modes(second.func) & NOISE or any(program.enclosing(second, ast.If)):
                continue
            told = keyword(first, "training")
            flag = program.instead(told.value, "False") if told else program.with_keyword(first, "training=False")
            if flag is not None and not any(program.enclosing(first, ast.If)):
                edits = (flag, program.without(given))
                yield Mutant("flag leaks to a sibling", ("KTM405", "KTM104"), second.lineno, edits)


def made_in_call(program: Program, contents: Contents) -> Iterator[Mutant]:
    """KTM406: the layer of ``__init__`` made where it is called."""
    for call in program.calls:
        if not in_call(program, call) or not call.args or not program.source(call.func).startswith("self."):
            continue
        makings = contents.values(call.func)
        if len(makings) != 1 or not isinstance(makings[0], ast.Call) or not contents.is_layer(call.func):
            continue
        name = last_name(makings[0].func)
        plain = all(
            isinstance(each, ast.Constant) for each in (*makings[0].args, *(each.value for each in makings[0].keywords))
        )
        stateless = WITHOUT_WEIGHTS.match(name) or (program.keras2 and DROPS.match(name))
        if contents.is_model(call.func):
            continue
        if plain and not stateless and name not in contents.classes and isinstance(call.func, ast.Attribute):
            kind = "dropout made in call" if DROPS.match(name) else "layer made in call"
            yield Mutant(kind, ("KTM406",), call.lineno, (program.instead(call.func, program.source(makings[0])),))


def discarded(program: Program, contents: Contents) -> Iterator[Mutant]:
    """KTM407: the result of a layer thrown away, in a graph, in ``call``, in a ``Sequential``."""
    for node in program.nodes:
        if not isinstance(node, ast.stmt) or not program.alone(node):
            continue
        value = node.value if isinstance(node, (ast.Assign, ast.Expr)) else None
        if not isinstance(value, ast.Call) or not value.args:
            continue
        if isinstance(node, ast.Expr):
            added = value.args[0]
            if last_name(value.func) == "add" and isinstance(added, ast.Call) and contents.modes(added.func) & {"drop"}:
                yield Mutant(
                    "made, not added", ("KTM407",), node.lineno, (program.instead(value, program.source(added)),)
                )
            continue
        target, layer = program.source(node.targets[0]), value.func  # type: ignore[attr-defined]
        if target != program.source(value.args[0]) or not contents.is_layer(layer) or contents.modes(layer) != {"drop"}:
            continue
        if not all(DROPS.match(contents.base(last_name(each))) for each in _classes(contents, layer)):
            continue
        yield Mutant("result discarded", ("KTM407",), node.lineno, (program.instead(node, program.source(value)),))
        yield Mutant(
            "result under another name",
            ("KTM407",),
            node.lineno,
            (program.instead(node, f"dropped = {program.source(value)}"),),
        )
        if isinstance(layer, ast.Call):
            yield Mutant("made, not applied", ("KTM407",), node.lineno, (program.instead(node, program.source(layer)),))


def bypassed(program: Program, contents: Contents) -> Iterator[Mutant]:
    """KTM408: ``layer.call(x)``, which does not hear the mode."""
    for call, given, _ in _told(program, contents):
        if contents.is_model(call.func):  # what is inside a functional model is still called by Keras, and hears it
            continue
        edits = (program.instead(call.func, f"{program.source(call.func)}.call"), program.without(given))
        yield Mutant("layer.call(x)", ("KTM408",), call.lineno, edits)


def retraced(program: Program, contents: Contents) -> Iterator[Mutant]:
    """KTM409: a rate changed between two fits that nothing compiles."""
    for node, _, fitting in trained(program, contents):
        model, again = program.source(node), program.source(fitting)
        if "run_eagerly" in program.text:
            continue
        for kind, dropout in _dropouts(program, contents, node, model):
            edits = (program.behind(fitting, f"{dropout}.rate = 0.0", again),)
            yield Mutant(f"rate changed: {kind}", ("KTM409",), fitting.lineno, edits)


def _dropouts(program: Program, contents: Contents, node: ast.AST, model: str) -> Iterator[tuple[str, str]]:
    for making in contents.values(node):
        owner = contents.classes.get(last_name(making.func)) if isinstance(making, ast.Call) else None
        for each in ast.walk(owner) if owner is not None else ():
            if (
                isinstance(each, ast.Assign)
                and isinstance(each.value, ast.Call)
                and last_name(each.value.func) == "Dropout"
            ):
                target = program.source(each.targets[0])
                if target.startswith("self.") and f"{target}(" in program.text:
                    yield "attribute", f"{model}{target.removeprefix('self')}"
        if isinstance(making, ast.Call) and making.args and isinstance(making.args[0], ast.List):
            inputs = any(isinstance(each, ast.Call) and last_name(each.func) == "Input" for each in making.args[0].elts)
            for position, each in enumerate(making.args[0].elts):
                if isinstance(each, ast.Call) and last_name(each.func) == "Dropout":
                    yield "by index", f"{model}.layers[{position - inputs}]"
                elif (
                    isinstance(each, ast.Name)
                    and "Dropout" not in contents.classes
                    and [last_name(name) for name in _classes(contents, each)] == ["Dropout"]
                ):
                    yield "by name", each.id


OPERATORS = (signatures, by_hand, leaks, made_in_call, discarded, bypassed, retraced)
