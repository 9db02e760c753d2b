"""Making objects of the project's own classes: constructors, ``build``, records."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dropout_lint.semantics import construction
from dropout_lint.semantics.arguments import Arguments
from dropout_lint.semantics.calls import call_function
from dropout_lint.semantics.events import Frame, Place
from dropout_lint.semantics.parameters import unknown_parameter
from dropout_lint.semantics.values import (
    UNKNOWN,
    Argument,
    ClassValue,
    Const,
    External,
    FunctionValue,
    Instance,
    Items,
    Value,
)

if TYPE_CHECKING:
    from dropout_lint.semantics.run import Run
    from dropout_lint.syntax.lazy import cst


def construct(run: Run, frame: Frame, cls: ClassValue, arguments: Arguments, node: cst.CSTNode) -> Value:
    """Make an object of a project class and run its ``__init__``."""
    instance = run.allocate(cls, frame, node)
    construction.note_construction(run, frame, instance, arguments, node)
    init = cls.find("__init__")
    if isinstance(init, FunctionValue):
        call_function(run, frame, init, arguments, Place(frame.module, node), receiver=instance)
        for name, argument in arguments.keywords.items():
            if name in {"name", "trainable"}:
                instance.arguments.setdefault(name, argument.value)
    elif _is_record(cls):
        _fill_record(run, frame, instance, cls, arguments)
    if cls.keras_base is not None and not isinstance(init, FunctionValue):
        construction.inherited_construction(run, frame, instance, cls.keras_base, arguments)
    if init is None and cls.keras_base is None and not _is_record(cls):
        for name, argument in arguments.keywords.items():
            run.store.write(instance.attributes, name, argument.value)
    _build(run, frame, instance, cls)
    return instance


def _build(run: Run, frame: Frame, instance: Instance, cls: ClassValue) -> None:
    """``build(input_shape)``, which Keras calls before it first uses a layer or model: many make their layers there."""
    build = cls.find("build")
    if cls.keras_base is None or not isinstance(build, FunctionValue) or build.owner is None:
        return
    parameters = build.node.params
    required = [each for each in parameters.params[1:] if each.default is None]
    if len(required) == 1:
        shape = Argument(unknown_parameter(build, required[0].name.value))
        call_function(run, frame, build, Arguments((shape,)), None, receiver=instance, hook="build")


def _is_record(cls: ClassValue) -> bool:
    for each in cls.ancestry():
        for decorator in each.decorators:
            if isinstance(decorator, External) and decorator.name.partition(".")[0] in {
                "dataclasses",
                "attr",
                "attrs",
                "pydantic",
                "flax",
                "chex",
            }:
                return True
    return any(base.name in {"typing.NamedTuple", "pydantic.BaseModel"} for base in cls.external_bases)


def _fill_record(run: Run, frame: Frame, instance: Instance, cls: ClassValue, arguments: Arguments) -> None:
    fields: dict[str, Value] = {}
    for each in reversed(list(cls.ancestry())):
        annotated = each.attributes.get("__annotations__")
        if isinstance(annotated, Items):
            for field_name in annotated.items:
                if isinstance(field_name, Const):
                    fields.setdefault(field_name.value, UNKNOWN)
                    if field_name.value in each.attributes:
                        fields[field_name.value] = each.attributes[field_name.value]
    names = list(fields)
    for name, value in fields.items():
        run.store.write(instance.attributes, name, value)
    for position, argument in enumerate(arguments.positional):
        if position < len(names):
            run.store.write(instance.attributes, names[position], argument.value)
    for name, argument in arguments.keywords.items():
        run.store.write(instance.attributes, name, argument.value)
    post = cls.find("__post_init__")
    if isinstance(post, FunctionValue):
        call_function(run, frame, post, Arguments(), None, receiver=instance)
