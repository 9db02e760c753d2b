"""Methods that are not the project's: of containers, models, tapes, optimizers, metrics and unknown values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dropout_lint.semantics import (
    calls,
    construction,
    container_methods,
    externals,
    keras_calls,
    texts,
    unknown_methods,
)
from dropout_lint.semantics.arguments import Arguments
from dropout_lint.semantics.attributes import get_attribute
from dropout_lint.semantics.differentiation import EVERYTHING, note_gradient, note_stateless_call, sources_of_update
from dropout_lint.semantics.events import SUPER_CALL, MethodCall, Place
from dropout_lint.semantics.exporting import export
from dropout_lint.semantics.joining import join
from dropout_lint.semantics.models import inner_layers, is_layer, is_model
from dropout_lint.semantics.sessions import STEP
from dropout_lint.semantics.tagging import derived
from dropout_lint.semantics.tags import outputs_in, tags_of
from dropout_lint.semantics.values import (
    NONE,
    UNKNOWN,
    Argument,
    Const,
    Instance,
    Items,
    Mapping,
    Method,
    OneOf,
    Opaque,
    Super,
    Symbolic,
    Tags,
    Value,
    alternatives,
)
from dropout_lint.syntax.lazy import cst

if TYPE_CHECKING:
    from dropout_lint.semantics.events import Frame
    from dropout_lint.semantics.run import Run

TRAINING_METHODS = frozenset({"fit", "fit_generator", "train_on_batch", "partial_fit"})
INFERENCE_METHODS = frozenset(
    {
        "evaluate",
        "predict",
        "test_on_batch",
        "predict_on_batch",
        "evaluate_generator",
        "predict_generator",
        "predict_classes",
        "predict_proba",
    }
)
_MOVES = frozenset({"to", "cuda", "cpu", "half", "float", "double", "bfloat16"})
"""Methods of PyTorch's modules, which layers are on that backend: they return the module itself."""
_UPDATES = frozenset({"apply_gradients", "minimize", "apply"})
_COMPUTED = frozenset({"compute_gradients", "_compute_gradients", "get_gradients"})
"""Methods by which optimizers give the gradients of a loss that is a tensor or, as for ``minimize``, a function."""
_GRADIENTS = frozenset({"gradient", "jacobian", "batch_jacobian"}) | _COMPUTED


def call(run: Run, frame: Frame, method: Method, arguments: Arguments, node: cst.CSTNode) -> Value:
    """Call a method."""
    receiver, name = method.receiver, method.name
    if isinstance(receiver, OneOf):
        return join(
            [
                calls.call_value(
                    run, frame, _again(get_attribute(run, frame, each, name, node), each, name), arguments, node
                )
                for each in receiver.values[:8]
            ],
            limit=64,
        )
    if isinstance(receiver, Items):
        return container_methods.of_items(run, receiver, name, arguments)
    if isinstance(receiver, Mapping):
        return container_methods.of_mapping(run, receiver, name, arguments)
    if isinstance(receiver, Const):
        return container_methods.of_constant(receiver, name, arguments)
    if isinstance(receiver, Super):
        return _of_super(run, frame, receiver, name, arguments, node)
    run.emit(
        MethodCall(
            run.serial(),
            Place(frame.module, node),
            receiver,
            calls.receiver_text(frame, node),
            name,
            arguments,
            frame.chain(),
            tuple(run.loops),
            tuple(run.guards),
        )
    )
    if name == "get_concrete_function" and externals.is_function(receiver):
        return receiver
    if name == "add_endpoint":
        given = arguments.get("fn", 1)
        if given is not None:
            export(run, frame, given.value, "add_endpoint()", node)
    if isinstance(receiver, Instance):
        return _of_instance(run, frame, receiver, name, arguments, node)
    return _of_opaque(run, frame, receiver, name, arguments, node)


def _again(found: Value, receiver: Value, name: str) -> Value:
    return Method(receiver, name) if isinstance(found, Opaque) else found


def _of_super(run: Run, frame: Frame, receiver: Super, name: str, arguments: Arguments, node: cst.CSTNode) -> Value:
    instance = receiver.receiver
    if not isinstance(instance, Instance) or instance.keras_name is None:
        return derived(*arguments.values)
    if name == "__init__":
        construction.inherited_construction(run, frame, instance, instance.keras_name, arguments)
        return NONE
    if name in {"call", "__call__"}:
        # the Keras class's own call: its mode is what is handed over here
        return keras_calls.call_layer(run, frame, instance, arguments, node, direct=False, text=SUPER_CALL)
    if name in {"train_step", "test_step", "predict_step"}:
        return Opaque(arguments.tags())
    if is_model(instance) and (name == "compile" or name in TRAINING_METHODS or name in INFERENCE_METHODS):
        # a class that wraps Keras's own method
        return _of_model(run, frame, instance, name, arguments, node)
    return derived(*arguments.values)


def _of_instance(
    run: Run, frame: Frame, receiver: Instance, name: str, arguments: Arguments, node: cst.CSTNode
) -> Value:
    from dropout_lint.semantics import command_line, standard

    if isinstance(receiver.cls, str) and receiver.cls == "argparse.ArgumentParser":
        return command_line.call(run, frame, receiver, name, arguments, node)
    if name == "_replace":
        return standard.replaced(run, frame, receiver, arguments.keywords, node)
    if name == "_asdict":
        return standard.as_dict(run, receiver)
    if is_layer(receiver):
        return _of_layer(run, frame, receiver, name, arguments, node)
    keras_name = receiver.keras_name or ""
    if keras_name.startswith("keras.metrics."):
        used = node.func.value if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) else None
        run.use("metric", keras_calls.metric_text(receiver, used), arguments.tags(), frame, node)
        return Opaque(arguments.tags())
    if keras_name.startswith("keras.optimizers.") and name in _UPDATES | {"stateless_apply", "update", "get_updates"}:
        return _update(run, frame, name, arguments, node)
    if receiver.cls == "tensorflow.GradientTape":
        return _of_tape(run, frame, receiver, name, arguments, node)
    return _of_opaque(run, frame, receiver, name, arguments, node)


def _of_layer(run: Run, frame: Frame, receiver: Instance, name: str, arguments: Arguments, node: cst.CSTNode) -> Value:
    if name == "add" and receiver.keras_name == "keras.Sequential" and arguments.positional:
        listed = receiver.attributes.get("__layers__")
        if isinstance(listed, Items):
            added = arguments.positional[0].value
            present = listed.items
            if not (run.loops and any(added is each for each in present)):
                run.store.write(listed.cells, "items", (*present, added)[:64])
        return NONE
    if name == "get_layer":
        return _get_layer(run, receiver, arguments)
    if name in {"call", "__call__"}:
        return keras_calls.call_layer(
            run, frame, receiver, arguments, node, direct=name == "__call__", text=_func_text(frame, node)
        )
    if name == "stateless_call":
        inner = Arguments(
            arguments.positional[2:],
            arguments.keywords,
            arguments.mappings,
            arguments.spread,
            arguments.unknown_keywords,
        )
        if arguments.positional:
            note_stateless_call(run, receiver, arguments.positional[0].value)
        result = keras_calls.call_layer(run, frame, receiver, inner, node)
        return run.items("tuple", (Opaque(tags_of(result)), Opaque(frozenset({("vars",)}))))
    if name in _MOVES:
        return receiver
    if name == "add_weight":
        receiver.arguments["__weights__"] = Const(True)
        return Opaque(frozenset({("vars",)}))
    return _of_model(run, frame, receiver, name, arguments, node)


def _func_text(frame: Frame, node: cst.CSTNode) -> str:
    return calls.source_of(frame, node.func) if isinstance(node, cst.Call) else ""


def _get_layer(run: Run, receiver: Instance, arguments: Arguments) -> Value:
    known = inner_layers(receiver)
    name = arguments.get("name", 0)
    index = arguments.get("index", 1)
    if (
        known is not None
        and index is not None
        and isinstance(index.value, Const)
        and isinstance(index.value.value, int)
    ):
        position = index.value.value
        if receiver.keras_name == "keras.Sequential" and -len(known) <= position < len(known):
            return known[position]
    names = alternatives(name.value) if name is not None else (UNKNOWN,)
    found = [_layer_called(receiver, known, each) for each in names]
    if sum(isinstance(each, Opaque) for each in found) > 1:
        # one of several that are not known: some layer of the model
        some = _layer_called(receiver, known, UNKNOWN)
        found = [*(each for each in found if not isinstance(each, Opaque)), some]
    return join(found, 64)


def _layer_called(receiver: Instance, known: tuple[Value, ...] | None, name: Value) -> Value:
    label = name.value if isinstance(name, Const) else None
    for each in known or ():
        given = each.arguments.get("name") if isinstance(each, Instance) else None
        if label is not None and isinstance(given, Const) and given.value == label:
            return each
    return Opaque(key=("instance", receiver.serial, "get_layer", label))


def _of_model(run: Run, frame: Frame, receiver: Value, name: str, arguments: Arguments, node: cst.CSTNode) -> Value:
    tags = arguments.tags()
    _hand_to_callbacks(run, receiver, arguments)
    if name in TRAINING_METHODS:
        held_out = arguments.keywords.get("validation_data")
        if held_out is not None:
            run.use("inference-input", f"{name}() as validation_data", tags_of(held_out.value), frame, node)
        run.use("train-input", f"{name}()", arguments.tags(without=("validation_data",)), frame, node)
        run.model_use(receiver, "train", name, frame, node, tags, arguments=arguments)
        run.note_training()
        return Opaque(tags)
    if name in INFERENCE_METHODS:
        run.use("inference-input", f"{name}()", tags, frame, node)
        event = run.model_use(receiver, "inference", name, frame, node, tags, arguments=arguments)
        return Opaque(tags | {("event", run.known_as(event))} | _drawn(run, receiver))
    if name in {"compile", "make_train_function"}:
        run.model_use(receiver, "compile", name, frame, node, arguments=arguments)
        return NONE
    if name in {"export", "save", "save_weights"}:
        run.model_use(receiver, "save", name, frame, node)
        if "signatures" in arguments.keywords:
            export(run, frame, arguments.keywords["signatures"].value, f"{name}()", node)
        if name == "save":
            path = arguments.get("filepath", 0)
            construction.note_saved(run, receiver, path.value if path is not None else None)
        return NONE
    if name == "get_weights":
        return Opaque(tags_of(get_attribute(run, frame, receiver, "weights", node)) - {("vars",)})
    return _of_opaque(run, frame, receiver, name, arguments, node, model=True)


def _hand_to_callbacks(run: Run, receiver: Value, arguments: Arguments) -> None:
    """``fit(callbacks=[watch])`` sets ``watch.model``."""
    given = arguments.keywords.get("callbacks")
    if given is None or not isinstance(receiver, Instance):
        return
    for each in given.value.items if isinstance(given.value, Items) else (given.value,):
        if isinstance(each, Instance) and (each.keras_name or "").startswith("keras.callbacks."):
            run.store.write(each.attributes, "model", receiver)
            path = each.arguments.get("__writes__")
            if path is not None:
                construction.note_saved(run, receiver, path)


def _drawn(run: Run, receiver: Value) -> Tags:
    """A prediction of a model with hard-coded flags is an output of those calls too."""
    if isinstance(receiver, Instance):
        outputs = receiver.arguments.get("outputs")
        if outputs is not None:
            return outputs_in(tags_of(outputs))
    return frozenset()


def _of_tape(run: Run, frame: Frame, receiver: Value, name: str, arguments: Arguments, node: cst.CSTNode) -> Value:
    if name in _GRADIENTS:
        if isinstance(receiver, Instance):
            receiver.arguments["__used__"] = Const(True)
        target, sources = arguments.get("target", 0), arguments.get("sources", 1)
        if name in _COMPUTED:
            target, sources = target or arguments.get("loss"), sources or arguments.get("var_list")
        if target is not None and externals.is_function(target.value):
            target = Argument(_differentiated(run, frame, arguments, node))
        return note_gradient(run, frame, "tape.gradient", target, sources, node)
    if name == "watched_variables":
        return Opaque(EVERYTHING)
    return derived(*arguments.values)


def _differentiated(run: Run, frame: Frame, arguments: Arguments, node: cst.CSTNode) -> Value:
    """What the functions give that an optimizer is handed: it calls them under a tape of its own."""
    closures = tuple(each for each in arguments.values if externals.is_function(each))
    run.tapes += closures
    try:
        return externals.call_back(run, frame, arguments, node, always=True)
    finally:
        del run.tapes[len(run.tapes) - len(closures) :]


def _gives_gradients_of(name: str, arguments: Arguments) -> bool:
    return name in _COMPUTED and any(map(externals.is_function, arguments.values))


def _update(run: Run, frame: Frame, name: str, arguments: Arguments, node: cst.CSTNode) -> Value:
    result = _differentiated(run, frame, arguments, node)
    sources = sources_of_update(name, arguments)
    run.use("gradient", f"{name}()", arguments.tags() | tags_of(result), frame, node, sources)
    run.model_use(UNKNOWN, "gradient", name, frame, node, arguments.tags())
    run.note_training()
    if name == "minimize" and arguments.positional:
        run.minimized.append(arguments.positional[0].value)
    return Opaque(arguments.tags() | {STEP})


def _of_opaque(
    run: Run, frame: Frame, receiver: Value, name: str, arguments: Arguments, node: cst.CSTNode, model: bool = False
) -> Value:
    run.handed_to_unknown.update(arguments.keywords)
    if name in texts.STRING_METHODS and texts.text_of(receiver) is not None:
        return receiver
    written = texts.of_configuration(receiver, name, arguments)
    if written is not None:
        return written
    runs_a_model = name in TRAINING_METHODS or name in INFERENCE_METHODS or name == "compile"
    if name in TRAINING_METHODS and isinstance(receiver, Instance) and receiver.keras_name is None:
        # an estimator of another library is fitted on what a network puts out
        run.use("saved", f"{receiver.class_name}.{name}", arguments.tags(), frame, node)
        return receiver
    if runs_a_model and not model and not isinstance(receiver, Symbolic):
        return _of_model(run, frame, receiver, name, arguments, node)
    if name in {"apply_gradients", "minimize"}:
        return _update(run, frame, name, arguments, node)
    if name in _GRADIENTS and (run.tapes or len(arguments.positional) >= 2 or _gives_gradients_of(name, arguments)):
        return _of_tape(run, frame, receiver, name, arguments, node)
    return unknown_methods.call(run, frame, receiver, name, arguments, node, model=model)
