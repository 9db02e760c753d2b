"""From an entry file to its mode events.

First the module runs as a script would. Then what nobody has called is interpreted once with unknown parameters:
functions, methods of the objects that were made, methods of classes that were not. Keras's own entry points
(``train_step``, ``test_step``, ``call``, callback hooks) are called in the role Keras calls them in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from dropout_lint.locating import import_name
from dropout_lint.semantics import calls, objects
from dropout_lint.semantics.arguments import Arguments
from dropout_lint.semantics.events import Frame, Interpretation, ModelUse
from dropout_lint.semantics.imports import load
from dropout_lint.semantics.models import MODEL_NAMES, is_keras_class
from dropout_lint.semantics.modules import Module, Project
from dropout_lint.semantics.parameters import unknown_parameter
from dropout_lint.semantics.run import STEPS_PER_FILE, BudgetExceeded, Run
from dropout_lint.semantics.scopes import Scope
from dropout_lint.semantics.signatures import parameters
from dropout_lint.semantics.statements import execute_block
from dropout_lint.semantics.values import Argument, ClassValue, Const, FunctionValue, Instance, Opaque
from dropout_lint.semantics.words import names_mode
from dropout_lint.syntax.walk import walk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dropout_lint.semantics.values import Value


_STEPS = frozenset({"train_step", "test_step", "predict_step"})
_MOST_OBJECTS_PER_CLASS = 3


def interpret(project: Project, path: Path, text: str, tree: cst.Module, steps: int = STEPS_PER_FILE) -> Interpretation:
    """Interpret the file at ``path`` as an entry: everything it does and everything it could be asked to do."""
    run = Run(project, steps)
    module = Module(path, import_name(path)[1] or path.stem, text, tree)
    run.entry = module
    run.modules[path] = module
    module.scope.names["__name__"] = Const("__main__")
    exhausted = None
    try:
        execute_block(run, Frame(None, module, None, None), module.scope, tree.body)
        if not module.is_test:
            # what unit tests do to layers is no finding: they call them in both modes, with bad rates, and worse
            _assume(run, module)
    except BudgetExceeded:
        exhausted = f"the interpretation of this file was cut short after {steps} steps"
    return Interpretation(
        module,
        run.events,
        run.all_loops,
        run.instances,
        run.classes,
        frozenset(run.handed_to_unknown),
        frozenset(run.feedback),
        frozenset(run.updated),
        run.generation,
        exhausted,
        run.assigned,
        frozenset(run.imports),
        run.environment,
        run.generations,
        frozenset(run.names),
        run.reads,
        {node: hook for node, (_, hook, _) in run.callback_functions.items()},
        frozenset(run.compiled),
        run.course.roots,
        tuple(run.unmet),
        tuple(run.recursed),
    )


def _assume(run: Run, module: Module) -> None:
    """Interpret what nobody called."""
    run.loops, run.tapes, run.guards, run.branches, run.facts = [], [], [], [], {}
    done: set[tuple[int, int]] = set()
    _call_back(run, done)
    used = _names_used(run, module)
    # first what nobody refers to, then what is left: whoever is called is known by how it is called.
    # Interpreting one function may define others; a bounded number of rounds reaches them.
    for patient in (True, True, False, False):
        waiting = [each for each in _methods(run, module) if (id(each[0].node), each[1].serial) not in done]
        for function, receiver in waiting:
            hook = _hook_of(function, receiver)
            if patient and hook is None and used.get(function.name, frozenset()) - {id(function.node)}:
                continue
            done.add((id(function.node), receiver.serial))
            if id(function.node) in run.called and hook is None:
                continue
            _call_method(run, module, function, receiver)
        functions = [
            function
            for function, frame in run.functions
            if frame.module is module
            and function.owner is None
            and (id(function.node), 0) not in done
            and not (patient and used.get(function.name, frozenset()) - {id(function.node)})
        ]
        for function in functions:
            done.add((id(function.node), 0))
            if id(function.node) not in run.called:
                calls.call_function(run, None, function, Arguments(), None, assumed=True)
        _call_back(run, done)


def _call_back(run: Run, done: set[tuple[int, int]]) -> None:
    """Interpret the functions and methods that Keras's callbacks were handed."""
    for function, _, receiver in list(run.callback_functions.values()):
        slot = (id(function.node), receiver.serial if isinstance(receiver, Instance) else 0)
        if slot not in done:
            done.add(slot)
            calls.call_function(
                run, None, function, Arguments(), None, receiver=receiver, hook="callback", assumed=True
            )


def _names_used(run: Run, module: Module) -> dict[str, frozenset[int]]:
    """The names that the functions of a module read, each with the functions (ids of their nodes) that read it."""
    found: dict[str, set[int]] = {}
    for function, frame in run.functions:
        if frame.module is not module:
            continue
        for node in walk(function.node):
            if isinstance(node, cst.Name):
                found.setdefault(node.value, set()).add(id(function.node))
    return {name: frozenset(readers) for name, readers in found.items()}


def _methods(run: Run, module: Module) -> Iterator[tuple[FunctionValue, Instance]]:
    """The methods of the entry's classes, each with the objects it may belong to."""
    made: dict[int, list[Instance]] = {}
    """By class, its bases included; what is made meanwhile is looked at once, too."""
    looked_at = 0
    for cls in list(run.classes):
        if cls.module is not module:
            continue
        for instance in run.instances[looked_at:]:
            for ancestor in instance.cls.ancestry() if isinstance(instance.cls, ClassValue) else ():
                made.setdefault(id(ancestor), []).append(instance)
        looked_at = len(run.instances)
        receivers = made.get(id(cls), [])[:_MOST_OBJECTS_PER_CLASS] or [_imagine(run, module, cls)]
        for value in list(cls.attributes.values()):
            if isinstance(value, FunctionValue) and value.owner is cls and value.name != "__init__":
                yield from _on_each(value, receivers)
        yield from _inherited_hooks(cls, receivers)
        yield from _inherited_builders(cls, receivers)
    yield from _steps_of_imported(run, module)


def _steps_of_imported(run: Run, module: Module) -> Iterator[tuple[FunctionValue, Instance]]:
    """The steps of models that are made here, of classes defined elsewhere; of what is fitted, ``call`` too."""
    fitted = {id(event.receiver) for event in run.events if isinstance(event, ModelUse) and event.kind == "train"}
    for instance in list(run.instances):
        cls = instance.cls
        own = instance.module is module or id(instance) in fitted
        if own and isinstance(cls, ClassValue) and cls.module is not module:
            for name in sorted(_STEPS | {"call"} if id(instance) in fitted else _STEPS):
                value = cls.find(name)
                if isinstance(value, FunctionValue) and hook_of(name, cls) is not None:
                    yield value, instance


def _inherited_hooks(cls: ClassValue, receivers: list[Instance]) -> Iterator[tuple[FunctionValue, Instance]]:
    """What Keras calls on objects of ``cls`` although a base in another module defines it."""
    for base in cls.ancestry():
        if base is cls or base.module is cls.module:
            continue
        for value in list(base.attributes.values()):
            if isinstance(value, FunctionValue) and value.owner is base and hook_of(value.name, cls) is not None:
                yield from _on_each(value, receivers)


def _inherited_builders(cls: ClassValue, receivers: list[Instance]) -> Iterator[tuple[FunctionValue, Instance]]:
    """The methods of bases in other modules that make a graph of a class's ``__call__``, and those that use them."""
    if "__call__" not in cls.attributes or cls.keras_base is not None:
        return
    methods = [
        value
        for base in cls.ancestry()
        if base is not cls and base.module is not cls.module
        for value in base.attributes.values()
        if isinstance(value, FunctionValue) and value.owner is base and cls.find(value.name) is value
    ]
    building: list[FunctionValue] = []
    names: set[str] = set()
    while found := [each for each in methods if each not in building and _calls_itself(each, names)]:
        building += found
        names.update(each.name for each in found)
    for value in building:
        yield from _on_each(value, receivers)


def _on_each(method: FunctionValue, receivers: list[Instance]) -> Iterator[tuple[FunctionValue, Instance]]:
    """A method with the objects for which no class below has another one."""
    for receiver in receivers:
        if isinstance(receiver.cls, ClassValue) and receiver.cls.find(method.name) is method:
            yield method, receiver


def _calls_itself(method: FunctionValue, names: set[str]) -> bool:
    """Whether a method calls its object, or one of the methods ``names`` of it."""
    for node in walk(method.node):
        func = node.func if isinstance(node, cst.Call) else None
        if isinstance(func, cst.Name) and func.value == "self":
            return True
        own = isinstance(func, cst.Attribute) and isinstance(func.value, cst.Name) and func.value.value == "self"
        if own and isinstance(func, cst.Attribute) and func.attr.value in names:
            return True
    return False


def _imagine(run: Run, module: Module, cls: ClassValue) -> Instance:
    """An object of a class that the file never makes, built with unknown arguments."""
    frame = Frame(None, module, None, None, assumed=True)
    known = run.allocated.get((id(cls.node), 0, id(cls.node)))
    if known is not None:
        return known
    instance = run.allocate(cls, frame, cls.node)
    init = cls.find("__init__")
    if isinstance(init, FunctionValue):
        calls.call_function(run, None, init, Arguments(), None, receiver=instance, assumed=True)
    elif cls.keras_base is not None:
        from dropout_lint.semantics import construction

        if cls.keras_base == "keras.layers.Wrapper":
            run.store.write(instance.attributes, "layer", Opaque(key=("instance", instance.serial, "layer")))
        else:
            construction.inherited_construction(run, frame, instance, cls.keras_base, Arguments())
    else:
        objects.construct(run, frame, cls, Arguments(), cls.node)
    return instance


def hook_of(name: str, cls: ClassValue) -> str | None:
    """The role in which Keras itself calls a method of this name, or None."""
    base = cls.keras_base or ""
    if name == "call" and (is_keras_class(cls) or (not base and cls.has_unknown_base)):
        return "call"
    if name in _STEPS and (base in MODEL_NAMES or cls.has_unknown_base):
        return name
    if base.startswith("keras.callbacks.") or (name.startswith("on_") and cls.has_unknown_base):
        if name.startswith(("on_test_", "on_predict_")):
            return "callback-inference"
        if name.startswith("on_"):
            return "callback"
    return None


def _hook_of(function: FunctionValue, receiver: Instance) -> str | None:
    return hook_of(function.name, receiver.cls) if isinstance(receiver.cls, ClassValue) else None


def _handed_in(function: FunctionValue) -> Iterator[tuple[str, Value]]:
    """What Keras calls ``call`` with: the mode, whatever its default says, and inputs."""
    for each in parameters(function)[1:]:
        name = each.name.value
        unknown = unknown_parameter(function, name)
        if names_mode(name):
            yield name, Opaque(unknown.tags | {("mode", name)}, unknown.key)
        elif each.default is None:
            yield name, Opaque(unknown.tags | {("input", name)}, unknown.key)


def _call_method(run: Run, module: Module, function: FunctionValue, receiver: Instance) -> None:
    hook = _hook_of(function, receiver)
    arguments = Arguments()
    if hook == "call":
        for name, value in _handed_in(function):
            arguments.keywords[name] = Argument(value)
    static = any(getattr(each, "name", "") == "builtins.staticmethod" for each in function.decorators)
    calls.call_function(
        run, None, function, arguments, None, receiver=None if static else receiver, hook=hook, assumed=True
    )


__all__ = ["Scope", "hook_of", "interpret", "load"]
