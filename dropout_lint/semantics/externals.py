"""Functions and classes that are neither the project's nor Keras's layers: what they do to tags and functions."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dropout_lint.keras.consumers import function_kind, plain
from dropout_lint.keras.entry_points import MODEL_STRIPPERS, TF1_LAYERS
from dropout_lint.semantics import calls, conditions, construction, noise
from dropout_lint.semantics.arguments import Arguments
from dropout_lint.semantics.defaults import as_made_elsewhere
from dropout_lint.semantics.differentiation import note_gradient, note_transformed, with_differentiated
from dropout_lint.semantics.events import FunctionCall, Place
from dropout_lint.semantics.exporting import note_export
from dropout_lint.semantics.joining import join
from dropout_lint.semantics.standard import HANDLERS, _contents
from dropout_lint.semantics.tagging import behind_stop, derived, with_tags
from dropout_lint.semantics.tags import serials_in, tags_of
from dropout_lint.semantics.values import (
    UNKNOWN,
    VARIABLES,
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
)
from dropout_lint.syntax.lazy import cst

if TYPE_CHECKING:
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
        "dataclasses.dataclass", "attr.s", "attr.attrs", "attr.dataclass", "attr.define", "attr.frozen", "attr.mutable",
        "attrs.define", "attrs.frozen", "attrs.mutable", "pydantic.dataclasses.dataclass", "flax.struct.dataclass",
        "chex.dataclass",
        "keras.saving.register_keras_serializable", "keras.utils.register_keras_serializable", "numba.jit",
    }
)  # fmt: skip
COMPILERS = frozenset({"tensorflow.function", "jax.jit"})
"""They trace a function when it is first called, and run what they traced from then on."""
_MODEL_SOURCES = ("transformers.TF", "tensorflow_hub.")
"""Whose models are Keras models."""
_WATCHED = ("keras.", "tensorflow.", "jax.")
_HARMLESS = (*_WATCHED, "builtins.", "numpy.", "os.", "logging.", "matplotlib.", "pandas.", "copy.")
"""What compiles no model that is handed to it."""
_GRADIENTS = frozenset({"jax.grad", "jax.value_and_grad", "jax.experimental.grad"})
_FUNCTION_GRADIENTS = frozenset({"tensorflow.gradients", "keras.backend.gradients"})
_STOPS = frozenset(
    {"tensorflow.stop_gradient", "keras.ops.stop_gradient", "keras.backend.stop_gradient", "jax.lax.stop_gradient"}
)
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


def call(
    run: Run, frame: Frame, callee: External, arguments: Arguments, node: cst.CSTNode, scope: Scope | None
) -> Value:
    """Call something outside the project."""
    name = callee.name
    handler = HANDLERS.get(name)
    if handler is not None:
        return handler(run, frame, arguments, node, scope)
    arguments = as_made_elsewhere(run, frame, name, arguments)
    if callee.is_keras or name in MODEL_STRIPPERS:
        made = construction.construct(run, frame, name, callee.generation, arguments, node)
        if made is not None:
            return made
    if name == "keras.models.save_model" and arguments.positional:
        path = arguments.get("filepath", 1)
        construction.note_saved(run, arguments.positional[0].value, path.value if path is not None else None)
    if name in _TRANSPARENT:
        if name in COMPILERS:
            run.compiled.update(id(each.node) for each in arguments.values if isinstance(each, FunctionValue))
        return _transparent(callee, arguments)
    if name in _GRADIENTS and arguments.positional:
        numbers = arguments.get("argnums", 1)
        return Transformed("gradient", arguments.positional[0].value, numbers.value if numbers is not None else None)
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
    if not name.startswith(_HARMLESS):
        run.hand_over(arguments.values, frame, node)
    if name.startswith(_WATCHED):
        event = FunctionCall(
            run.serial(),
            Place(frame.module, node),
            name,
            arguments,
            frame.chain(),
            tuple(run.loops),
            tuple(run.guards),
            frame.comment,
            tuple(run.settled),
        )
        run.emit(event)
        extra |= noise.tags_of_draw(name, run.known_as(event), arguments)
        if kind == "random" or "dropout" in name or plain(name) in TF1_LAYERS:
            extra.add(("event", run.known_as(event)))
    if kind == "repeat":
        extra.add(("tiled",))
    elif kind == "random":
        # fresh numbers on every turn of every loop round this call
        extra |= {("loop", loop.serial) for loop in run.loops} | {("random",)}
    elif kind in USE_OF_KIND:
        run.use(USE_OF_KIND[kind], plain(name), tags, frame, node)
    if name in _FUNCTION_GRADIENTS:
        target, sources = arguments.get("ys", 0) or arguments.get("loss", 0), arguments.get("xs", 1)
        note_gradient(run, frame, name, target, sources or arguments.get("variables", 1), node)
    if name.startswith(_MODEL_SOURCES):
        extra.add(("model",))
    if name in _CONVERSIONS:
        run.use("converted", f"{name.rpartition('.')[2]}()", tags, frame, node)
        number = arguments.positional[0].value if len(arguments.positional) == 1 else UNKNOWN
        if name == "builtins.float" and isinstance(number, Const) and type(number.value) in {int, float}:
            return number
    noise.note_choice(run, name, arguments, frame, node)
    note_export(run, frame, name, arguments, node)
    returned = _chosen(run, frame, name, arguments, node)
    last = name.rpartition(".")[2]
    if name in VARIABLES and not serials_in(tags):
        return run.allocate(name, frame, node)
    if (
        all(tag[0] in {"input", "mode"} for tag in tags)
        and last[:1].isupper()
        and not any(isinstance(each, Symbolic) for each in arguments.values)
    ):
        instance = run.allocate(name, frame, node)
        for key, argument in arguments.keywords.items():
            run.store.write(instance.attributes, key, argument.value)
        return instance
    result = derived(*arguments.values, *_contents(arguments))
    if isinstance(result, Opaque):
        result = Opaque(noise.passed_on(name, result.tags))
    passed = frozenset(extra) | noise.passed_on(name, tags) | tags_of(returned)
    return behind_stop(with_tags(result, passed)) if name in _STOPS else with_tags(result, passed)


def _chosen(run: Run, frame: Frame, name: str, arguments: Arguments, node: cst.CSTNode) -> Value:
    """Run the functions that are handed over; of ``cond(training, f, g)`` one under the condition, one against it."""
    if noise.last_name(name) not in noise.CHOOSING_FUNCTIONS:
        return call_back(run, frame, arguments, node)
    words = frozenset({"training"}) if noise.last_name(name) in noise.PHASE_FUNCTIONS else frozenset()
    for each in (*arguments.positional, *arguments.keywords.values()):
        if isinstance(each.node, cst.BaseExpression) and not isinstance(each.node, cst.Lambda):
            words |= conditions.guard_words(each.node)
    with run.guarded(words, {}):
        return call_back(run, frame, arguments, node)


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


def run_on_unknown(run: Run, frame: Frame, function: Value, node: cst.CSTNode) -> Value:
    """What a function gives when somebody calls it with nobody knows what."""
    return _call_with(run, frame, function, UNKNOWN, node)


def _call_with(run: Run, frame: Frame, function: Value, argument: Value, node: cst.CSTNode) -> Value:
    target = function.function if isinstance(function, (Bound, Partial)) else function
    count = 1
    if isinstance(target, FunctionValue):
        required = [each for each in target.node.params.params if each.default is None]
        count = len(required) - (1 if isinstance(function, Bound) else 0)
        if isinstance(function, Partial):
            count -= len(function.positional) + sum(1 for each in required if each.name.value in function.keywords)
    positional = tuple(Argument(argument) for _ in range(max(count, 0)))
    return calls.call_value(run, frame, function, Arguments(positional), node)


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
            inner = Arguments(positional, arguments.keywords)
            result = calls.call_value(run, frame, callee.function, inner, node)
        return with_tags(derived(result), frozenset({("drawn", loop.serial)}))
    run.tapes.append(callee)
    try:
        inner = replace(arguments, positional=with_differentiated(callee, arguments, node))
        result = calls.call_value(run, frame, callee.function, inner, node)
    finally:
        run.tapes.pop()
    return note_transformed(run, frame, result, node)


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
