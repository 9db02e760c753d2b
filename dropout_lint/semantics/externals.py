"""Functions and classes that are neither the project's nor Keras's layers: what they do to tags and functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from dropout_lint.keras.consumers import function_kind, plain
from dropout_lint.semantics import calls, keras_calls
from dropout_lint.semantics.attributes import described, get_attribute, set_attribute
from dropout_lint.semantics.events import FunctionCall, Place
from dropout_lint.semantics.run import derived, with_tags
from dropout_lint.semantics.values import (
    NONE,
    UNKNOWN,
    Argument,
    Bound,
    ClassValue,
    Const,
    External,
    FunctionValue,
    Instance,
    Items,
    Mapping,
    Opaque,
    Partial,
    Symbolic,
    Tags,
    Transformed,
    Value,
    alternatives,
    join,
    tags_of,
    truth,
)

if TYPE_CHECKING:
    from dropout_lint.semantics.calls import Arguments
    from dropout_lint.semantics.events import Frame
    from dropout_lint.semantics.run import Run
    from dropout_lint.semantics.scopes import Scope

USE_OF_KIND = {
    "decision": "decision",
    "score": "score",
    "saver": "saved",
    "index": "saved",
    "response": "response",
    "display": "shown",
    "average": "aggregated",
    "spread": "spread",
    "collector": "collected",
}
_TRANSPARENT = frozenset(
    {
        "tensorflow.function", "tensorflow.contrib.eager.defun", "jax.jit", "jax.pmap", "jax.checkpoint", "jax.remat",
        "tensorflow.autograph.experimental.do_not_convert",
        "tensorflow.recompute_grad", "tensorflow.custom_gradient", "functools.lru_cache", "functools.cache",
        "functools.wraps", "contextlib.contextmanager",
        "keras.saving.register_keras_serializable", "keras.utils.register_keras_serializable", "numba.jit",
    }
)  # fmt: skip
_MODEL_SOURCES = ("transformers.TF", "tensorflow_hub.")
"""Whose models are Keras models."""
_WATCHED = ("keras.", "tensorflow.", "jax.")
_GRADIENTS = frozenset({"jax.grad", "jax.value_and_grad", "jax.experimental.grad"})
_WEIGHT_GRADIENTS = frozenset({"tensorflow.gradients", "keras.backend.gradients"})
_MAPS = frozenset(
    {
        "jax.vmap", "tensorflow.map_fn", "tensorflow.vectorized_map", "tensorflow.scan", "jax.lax.map", "jax.lax.scan",
        "jax.lax.fori_loop", "tensorflow.while_loop", "builtins.map", "functools.reduce", "numpy.apply_along_axis",
        "numpy.vectorize", "keras.ops.map", "keras.ops.vectorized_map", "keras.ops.fori_loop", "keras.ops.while_loop",
        "keras.ops.scan", "joblib.delayed",
    }
)  # fmt: skip
_CONVERSIONS = frozenset(
    {
        "builtins.float",
        "builtins.int",
        "builtins.bool",
        "numpy.asarray",
        "numpy.array",
        "keras.ops.convert_to_numpy",
        "jax.device_get",
    }
)
_PASSED_THROUGH = frozenset({"builtins.list", "builtins.tuple", "builtins.set", "builtins.reversed"})


def call(
    run: Run, frame: Frame, callee: External, arguments: Arguments, node: cst.CSTNode, scope: Scope | None
) -> Value:
    """Call something outside the project."""
    name = callee.name
    handler = _HANDLERS.get(name)
    if handler is not None:
        return handler(run, frame, arguments, node, scope)
    if callee.is_keras:
        made = keras_calls.construct(run, frame, name, callee.generation, arguments, node)
        if made is not None:
            return made
    if name in _TRANSPARENT:
        return _transparent(callee, arguments)
    if name in _GRADIENTS and arguments.positional:
        return Transformed("gradient", arguments.positional[0].value)
    if name in _MAPS:
        return _mapped(run, frame, name, arguments, node)
    return _other(run, frame, name, arguments, node)


def _transparent(callee: External, arguments: Arguments) -> Value:
    if arguments.positional and callee.name != "functools.wraps":
        return arguments.positional[0].value
    return callee


def _mapped(run: Run, frame: Frame, name: str, arguments: Arguments, node: cst.CSTNode) -> Value:
    functions = [each for each in arguments.values if is_function(each)]
    if name in {"jax.vmap", "numpy.vectorize", "joblib.delayed"} and functions:
        axes = arguments.get("in_axes", 1)
        return Transformed("map", functions[0], axes.value if axes is not None else None)
    return call_back(run, frame, arguments, node, always=True)


def _other(run: Run, frame: Frame, name: str, arguments: Arguments, node: cst.CSTNode) -> Value:
    tags = arguments.tags()
    kind = function_kind(name)
    extra: set[tuple[object, ...]] = set()
    if name.startswith(_WATCHED):
        event = FunctionCall(
            run.serial(), Place(frame.module, node), name, arguments, frame.chain(), tuple(run.loops), tuple(run.guards)
        )
        run.emit(event)
        if kind == "random" or "dropout" in name:
            extra.add(("event", event.serial))
    if kind == "repeat":
        extra.add(("tiled",))
    elif kind == "random":
        # fresh numbers on every turn of every loop round this call
        extra |= {("loop", loop.serial) for loop in run.loops} | {("random",)}
    elif kind in USE_OF_KIND:
        run.use(USE_OF_KIND[kind], plain(name), tags, frame, node)
    if name in _WEIGHT_GRADIENTS:
        run.use("gradient", name, tags, frame, node)
        run.note_training()
    if name.startswith(_MODEL_SOURCES):
        extra.add(("model",))
    if name in _CONVERSIONS:
        run.use("converted", f"{name.rpartition('.')[2]}()", tags, frame, node)
    returned = call_back(run, frame, arguments, node)
    last = name.rpartition(".")[2]
    if not tags and last[:1].isupper() and not any(isinstance(each, Symbolic) for each in arguments.values):
        instance = run.allocate(name, frame, node)
        for key, argument in arguments.keywords.items():
            run.store.write(instance.attributes, key, argument.value)
        return instance
    return with_tags(derived(*arguments.values, *_contents(arguments)), frozenset(extra) | tags | tags_of(returned))


def _contents(arguments: Arguments) -> list[Value]:
    found: list[Value] = []
    for value in arguments.values:
        if isinstance(value, Items):
            found += value.items
        elif isinstance(value, Mapping):
            found += value.entries.values()
    return found


def is_function(value: Value) -> bool:
    return isinstance(value, (FunctionValue, Bound, Partial, Transformed)) or (
        isinstance(value, Instance)
        and value.keras_name is None
        and isinstance(value.cls, ClassValue)
        and value.cls.find("__call__") is not None
    )


def call_back(
    run: Run, frame: Frame, arguments: Arguments, node: cst.CSTNode, data: Tags = frozenset(), always: bool = False
) -> Value:
    """Functions handed to something unknown run there, any number of times, on whatever data come in too."""
    results: list[Value] = []
    for value in arguments.values:
        if not is_function(value):
            continue
        if (
            isinstance(value, FunctionValue)
            and value.owner is None
            and not isinstance(value.node, cst.Lambda)
            and not always
        ):
            # a named function that escapes: it is interpreted on its own
            continue
        others = [each for each in arguments.values if each is not value]
        tags = data | frozenset().union(*(tags_of(each) for each in others)) if others else data
        with run.loop(node) as loop:
            inner = Opaque(tags | {("loop", loop.serial)})
            results.append(with_tags(_call_with(run, frame, value, inner, node), frozenset({("drawn", loop.serial)})))
    return join(results, 16) if results else UNKNOWN


def _call_with(run: Run, frame: Frame, function: Value, argument: Value, node: cst.CSTNode) -> Value:
    target = function.function if isinstance(function, (Bound, Partial)) else function
    count = 1
    if isinstance(target, FunctionValue):
        required = [each for each in target.node.params.params if each.default is None]
        count = len(required) - (1 if isinstance(function, Bound) else 0)
        if isinstance(function, Partial):
            count -= len(function.positional) + sum(1 for each in required if each.name.value in function.keywords)
    positional = tuple(Argument(argument) for _ in range(max(count, 0)))
    return calls.call_value(run, frame, function, calls.Arguments(positional), node)


def call_transformed(run: Run, frame: Frame, callee: Transformed, arguments: Arguments, node: cst.CSTNode) -> Value:
    """Call ``jax.grad(f)``, ``vmap(f)`` or a named tuple's class."""
    if callee.kind == "record":
        return _record(run, frame, callee, arguments, node)
    if callee.kind == "map":
        with run.loop(node) as loop:
            turn: Tags = frozenset({("loop", loop.serial)})
            positional = tuple(
                Argument(with_tags(Opaque(tags_of(each.value)), turn), each.node) if _is_mapped(callee, place) else each
                for place, each in enumerate(arguments.positional)
            )
            inner = calls.Arguments(positional, arguments.keywords)
            result = calls.call_value(run, frame, callee.function, inner, node)
        return with_tags(derived(result), frozenset({("drawn", loop.serial)}))
    run.tapes.append(callee)
    try:
        result = calls.call_value(run, frame, callee.function, arguments, node)
    finally:
        run.tapes.pop()
    run.use("gradient", "differentiated", tags_of(result), frame, node)
    run.note_training()
    return Opaque(tags_of(result))


def _is_mapped(callee: Transformed, position: int) -> bool:
    """Whether ``vmap`` goes over this argument: not where ``in_axes`` says None."""
    axes = callee.axes
    if isinstance(axes, Items) and axes.exact and position < len(axes.items):
        return not calls.is_none(axes.items[position])
    return True


def _record(run: Run, frame: Frame, callee: Transformed, arguments: Arguments, node: cst.CSTNode) -> Value:
    instance = run.allocate("types.SimpleNamespace", frame, node)
    fields = callee.function.entries if isinstance(callee.function, Mapping) else {}
    for name, default in fields.items():
        run.store.write(instance.attributes, name, default)
    for name, argument in zip(fields, arguments.positional, strict=False):
        run.store.write(instance.attributes, name, argument.value)
    for key, argument in arguments.keywords.items():
        run.store.write(instance.attributes, key, argument.value)
    return instance


# Builtins and the standard library ---------------------------------------------------------------------------


def _partial(run: Run, frame: Frame, arguments: Arguments, node: cst.CSTNode, scope: Scope | None) -> Value:
    if not arguments.positional:
        return UNKNOWN
    return Partial(arguments.positional[0].value, arguments.positional[1:], dict(arguments.keywords))


def _super(run: Run, frame: Frame, arguments: Arguments, node: cst.CSTNode, scope: Scope | None) -> Value:
    return calls.super_of(frame)


def _new_dict(run: Run, frame: Frame, arguments: Arguments, node: cst.CSTNode, scope: Scope | None) -> Value:
    from dropout_lint.semantics.expressions import merge_mapping

    made = run.mapping()
    for argument in arguments.positional[:1]:
        merge_mapping(run, made, argument.value)
    for key, argument in arguments.keywords.items():
        made.entries[key] = argument.value
    if arguments.unknown_keywords is not None:
        made.entries[None] = Opaque(arguments.unknown_keywords)
    return made


def _namespace(run: Run, frame: Frame, arguments: Arguments, node: cst.CSTNode, scope: Scope | None) -> Value:
    instance = run.allocate("types.SimpleNamespace", frame, node)
    for key, argument in arguments.keywords.items():
        run.store.write(instance.attributes, key, argument.value)
    return instance


def _named_tuple(run: Run, frame: Frame, arguments: Arguments, node: cst.CSTNode, scope: Scope | None) -> Value:
    fields = arguments.get("field_names", 1)
    listed = fields.value if fields is not None else UNKNOWN
    names: list[str] = []
    if isinstance(listed, Const) and isinstance(listed.value, str):
        names = listed.value.replace(",", " ").split()
    elif isinstance(listed, Items):
        # [("name", type), …] for typing.NamedTuple
        firsts = [each.items[0] if isinstance(each, Items) and each.items else each for each in listed.items]
        names = [str(each.value) for each in firsts if isinstance(each, Const)]
    record = run.mapping(dict.fromkeys(names, UNKNOWN))
    defaults = arguments.keywords.get("defaults")
    if defaults is not None and isinstance(defaults.value, Items) and defaults.value.exact:
        given = defaults.value.items[-len(names) :] if names else ()
        record.entries.update(zip(names[len(names) - len(given) :], given, strict=True))
    return Transformed("record", record)


def _bool(run: Run, frame: Frame, arguments: Arguments, node: cst.CSTNode, scope: Scope | None) -> Value:
    if not arguments.positional:
        return UNKNOWN
    value = arguments.positional[0].value
    decided = truth(value)
    if decided is not None:
        return Const(decided, value.origin if isinstance(value, Const) else None)
    return Opaque(tags_of(value), value.key if isinstance(value, Opaque) else None)


def _getattr(run: Run, frame: Frame, arguments: Arguments, node: cst.CSTNode, scope: Scope | None) -> Value:
    if len(arguments.positional) < 2:
        return UNKNOWN
    name = arguments.positional[1].value
    if isinstance(name, Const) and isinstance(name.value, str):
        found = get_attribute(run, frame, arguments.positional[0].value, name.value, node)
        missing = isinstance(found, Opaque) and len(arguments.positional) > 2
        return join((found, arguments.positional[2].value)) if missing else found
    return UNKNOWN


def _setattr(run: Run, frame: Frame, arguments: Arguments, node: cst.CSTNode, scope: Scope | None) -> Value:
    if len(arguments.positional) == 3:
        receiver, name, value = (each.value for each in arguments.positional)
        if isinstance(name, Const) and isinstance(name.value, str):
            text = (
                calls.source_of(frame, arguments.positional[0].node) if arguments.positional[0].node is not None else ""
            )
            set_attribute(run, frame, receiver, name.value, value, node, text, how="setattr")
    return NONE


def _isinstance(run: Run, frame: Frame, arguments: Arguments, node: cst.CSTNode, scope: Scope | None) -> Value:
    from dropout_lint.semantics.conditions import class_list, is_a

    if len(arguments.positional) != 2:
        return UNKNOWN
    subjects = alternatives(arguments.positional[0].value)
    wanted = class_list(arguments.positional[1].value)
    answers = set()
    for subject in subjects:
        each = {is_a(subject, cls) for cls in wanted}
        answers.add(True if True in each else (None if None in each or not each else False))
    if len(answers) == 1:
        answer = answers.pop()
        if answer is not None:
            return Const(answer)
    return UNKNOWN


def _enumerate(run: Run, frame: Frame, arguments: Arguments, node: cst.CSTNode, scope: Scope | None) -> Value:
    from dropout_lint.semantics.expressions import element_of, elements_of

    if not arguments.positional:
        return UNKNOWN
    source = arguments.positional[0].value
    known = elements_of(run, source)
    if known is not None:
        return run.items("list", tuple(run.items("tuple", (UNKNOWN, each)) for each in known))
    return run.items("list", (run.items("tuple", (UNKNOWN, element_of(run, source))),), exact=False)


def _zip(run: Run, frame: Frame, arguments: Arguments, node: cst.CSTNode, scope: Scope | None) -> Value:
    from dropout_lint.semantics.expressions import element_of

    parts = tuple(element_of(run, each.value) for each in arguments.positional)
    return run.items("list", (run.items("tuple", parts),), exact=False)


def _listed(run: Run, frame: Frame, arguments: Arguments, node: cst.CSTNode, scope: Scope | None) -> Value:
    if not arguments.positional:
        return run.items("list", ())
    value = arguments.positional[0].value
    call_back(run, frame, arguments, node, data=tags_of(value), always=True)
    if isinstance(value, Items):
        return run.items("list", value.items, value.exact)
    return Opaque(tags_of(value), value.key if isinstance(value, Opaque) else None)


def _filtered(run: Run, frame: Frame, arguments: Arguments, node: cst.CSTNode, scope: Scope | None) -> Value:
    """``filter(test, items)``: the elements for which the test may hold."""
    if len(arguments.positional) != 2:
        return UNKNOWN
    test, source = (each.value for each in arguments.positional)
    if not isinstance(source, Items):
        return Opaque(tags_of(source))
    kept = [
        each
        for each in source.items
        if truth(calls.call_value(run, frame, test, calls.Arguments((Argument(each),)), node)) is not False
    ]
    return run.items("list", tuple(kept), exact=source.exact)


def _attributes(run: Run, frame: Frame, arguments: Arguments, node: cst.CSTNode, scope: Scope | None) -> Value:
    """``vars(options)``."""
    value = arguments.positional[0].value if arguments.positional else UNKNOWN
    return run.mapping(dict(value.attributes)) if isinstance(value, Instance) else Opaque(tags_of(value))


def _field(run: Run, frame: Frame, arguments: Arguments, node: cst.CSTNode, scope: Scope | None) -> Value:
    """``dataclasses.field``: its default, or what its factory makes."""
    default = arguments.keywords.get("default")
    factory = arguments.keywords.get("default_factory") or arguments.keywords.get("factory")
    if default is not None:
        return default.value
    return calls.call_value(run, frame, factory.value, calls.Arguments(), node) if factory is not None else UNKNOWN


def _total(run: Run, frame: Frame, arguments: Arguments, node: cst.CSTNode, scope: Scope | None) -> Value:
    run.use("aggregated", "sum()", arguments.tags(), frame, node)
    return derived(*arguments.values, *_contents(arguments))


def _sorted(run: Run, frame: Frame, arguments: Arguments, node: cst.CSTNode, scope: Scope | None) -> Value:
    value = arguments.positional[0].value if arguments.positional else UNKNOWN
    ranked = call_back(run, frame, arguments, node, data=tags_of(value), always=True)
    run.use("decision", "builtins.sorted", tags_of(ranked) | tags_of(value), frame, node)
    return _listed(run, frame, calls.Arguments(arguments.positional), node, scope)


def _next(run: Run, frame: Frame, arguments: Arguments, node: cst.CSTNode, scope: Scope | None) -> Value:
    from dropout_lint.semantics.expressions import element_of

    return element_of(run, arguments.positional[0].value) if arguments.positional else UNKNOWN


def _type(run: Run, frame: Frame, arguments: Arguments, node: cst.CSTNode, scope: Scope | None) -> Value:
    value = arguments.positional[0].value if arguments.positional else UNKNOWN
    if isinstance(value, Instance):
        return External(value.cls) if isinstance(value.cls, str) else value.cls
    return UNKNOWN


def _description(run: Run, frame: Frame, arguments: Arguments, node: cst.CSTNode, scope: Scope | None) -> Value:
    """``len(x)``, ``hasattr(x, …)``: says nothing of what the outputs are."""
    return Opaque(described(arguments.tags()))


def _range(run: Run, frame: Frame, arguments: Arguments, node: cst.CSTNode, scope: Scope | None) -> Value:
    return derived(*arguments.values)


_HANDLERS = {
    "functools.partial": _partial,
    "builtins.super": _super,
    "builtins.dict": _new_dict,
    "types.SimpleNamespace": _namespace,
    "argparse.Namespace": _namespace,
    "ml_collections.ConfigDict": _namespace,
    "collections.namedtuple": _named_tuple,
    "builtins.bool": _bool,
    "builtins.getattr": _getattr,
    "builtins.setattr": _setattr,
    "builtins.isinstance": _isinstance,
    "builtins.enumerate": _enumerate,
    "builtins.zip": _zip,
    "builtins.vars": _attributes,
    "dataclasses.field": _field,
    "attr.ib": _field,
    "attr.field": _field,
    "attrs.field": _field,
    "pydantic.Field": _field,
    "builtins.filter": _filtered,
    "builtins.sum": _total,
    "typing.NamedTuple": _named_tuple,
    "builtins.next": _next,
    "builtins.sorted": _sorted,
    "builtins.type": _type,
    "builtins.range": _range,
    "builtins.len": _description,
    "builtins.hasattr": _description,
    "builtins.id": _description,
    "tensorflow.shape": _description,
    "numpy.shape": _description,
    "keras.ops.shape": _description,
    "builtins.iter": _listed,
    **dict.fromkeys(sorted(_PASSED_THROUGH), _listed),
}
