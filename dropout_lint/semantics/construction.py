"""What the constructors of Keras make: layers, models, loaded and ready-made ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dropout_lint.keras.entry_points import MODEL_STRIPPERS, ApplicationFacts, application
from dropout_lint.keras.layers import layer as layer_facts
from dropout_lint.semantics import calls
from dropout_lint.semantics.arguments import Arguments
from dropout_lint.semantics.events import Constructed, Frame, Place, TrainableSet
from dropout_lint.semantics.joining import join
from dropout_lint.semantics.models import MODEL_NAMES, is_layer
from dropout_lint.semantics.values import (
    UNKNOWN,
    Argument,
    Bound,
    Const,
    FunctionValue,
    Instance,
    Items,
    Opaque,
    Symbolic,
    Value,
    alternatives,
    truth,
)

if TYPE_CHECKING:
    from dropout_lint.semantics.run import Run
    from dropout_lint.syntax.lazy import cst

_MODEL_MAKERS = frozenset(
    {
        "keras.models.load_model",
        "keras.models.model_from_json",
        "keras.models.model_from_config",
        "keras.models.model_from_yaml",
    }
)
_OF_ANOTHER = frozenset({"keras.models.clone_model", *MODEL_STRIPPERS})
"""They make a model with the layers of another one."""
_OBJECTS = (
    "keras.metrics.",
    "keras.losses.",
    "keras.optimizers.",
    "keras.callbacks.",
    "keras.initializers.",
    "keras.regularizers.",
)
_ACTIVATION_AT = {"keras.layers.Dense": 1, "keras.layers.Activation": 0}
"""Where the activation stands among the positional arguments."""


def construct(
    run: Run, frame: Frame, name: str, generation: str | None, arguments: Arguments, node: cst.CSTNode
) -> Value | None:
    """The object that a call of the Keras class or function ``name`` makes, or None where it is no such thing."""
    if name in {"keras.Input", "keras.layers.Input"}:
        return Symbolic()
    last = name.rpartition(".")[2]
    makes_model = (
        name in MODEL_NAMES or name in _MODEL_MAKERS or (name.startswith("keras.applications.") and last[:1].isupper())
    )
    known = makes_model or name in _OF_ANOTHER or layer_facts(name) is not None or _is_object(name)
    if not known and not (name.startswith("keras.layers.") and last[:1].isupper()):
        return None
    cls = "keras.Model" if name in _MODEL_MAKERS or name in _OF_ANOTHER else name
    instance = run.allocate(cls, frame, node)
    instance.generation = generation
    inherited_construction(run, frame, instance, name, arguments)
    if name in _MODEL_MAKERS:
        instance.arguments["__loaded__"] = Const(name)
        path = arguments.get("filepath", 0) if name == "keras.models.load_model" else None
        held = _saved_before(run, path.value) if path is not None else None
        if held is not None:
            instance.arguments["__holds__"] = held
    facts = application(name)
    if facts is not None:
        instance.arguments["__holds__"] = _held_by_application(run, frame, facts, instance, node)
    note_construction(run, frame, instance, arguments, node)
    if name == "keras.layers.Lambda":
        _look_into_lambda(run, frame, arguments, node)
    if name.startswith("keras.callbacks."):
        _note_callbacks(run, name, arguments)
        path = arguments.get("filepath", 0) if name == "keras.callbacks.ModelCheckpoint" else None
        if path is not None:
            instance.arguments["__writes__"] = path.value
    trainable = arguments.get("trainable")
    if trainable is not None and is_layer(instance) and trainable.node is not None:
        run.emit(
            TrainableSet(
                run.serial(),
                Place(frame.module, trainable.node),
                instance,
                instance.class_name,
                trainable.value,
                frame.chain(),
                tuple(run.loops),
                "constructor",
                node=trainable.node,
                container=node,
            )
        )
    return instance


def note_saved(run: Run, model: Value, path: Value | None) -> None:
    """A model is written to a file."""
    if isinstance(path, Const) and isinstance(path.value, str):
        run.saved.setdefault(path.value, []).append(model)


def _saved_before(run: Run, path: Value | None) -> Value | None:
    """What the program itself has written to the file that a model is loaded from."""
    models = run.saved.get(path.value) if isinstance(path, Const) and isinstance(path.value, str) else None
    return join(models) if models else None


def _note_callbacks(run: Run, name: str, arguments: Arguments) -> None:
    """The functions and methods that ``LearningRateScheduler`` and ``LambdaCallback`` are given."""
    given = dict(arguments.keywords)
    if name == "keras.callbacks.LearningRateScheduler":
        schedule = arguments.get("schedule", 0)
        given = {"on_epoch_begin": schedule} if schedule is not None else {}
    for hook, argument in given.items():
        for each in alternatives(argument.value):
            if isinstance(each, FunctionValue):
                run.callback_functions.setdefault(id(each.node), (each, hook, None))
            elif isinstance(each, Bound):
                run.callback_functions.setdefault(id(each.function.node), (each.function, hook, each.receiver))


def _look_into_lambda(run: Run, frame: Frame, arguments: Arguments, node: cst.CSTNode) -> None:
    """What a Lambda layer will do with its input."""
    given = arguments.get("function", 0)
    function = given.value if given is not None else None
    if isinstance(function, FunctionValue) and function.node.params.params:
        first = function.node.params.params[0].name.value
        inputs = Opaque(frozenset({("input", first)}), ("parameter", id(function.node), first))
        calls.call_function(
            run,
            frame,
            function,
            Arguments((Argument(inputs),)),
            Place(frame.module, node),
            hook="lambda",
        )


def _held_by_application(
    run: Run, frame: Frame, facts: ApplicationFacts, instance: Instance, node: cst.CSTNode
) -> Value:
    """The mode-dependent layers of a ready-made model: one of each kind stands for all."""
    top = instance.arguments.get("include_top")
    with_top = top is None or truth(top) is not False
    names = ["keras.layers.BatchNormalization"] if facts.batch_normalization else []
    if facts.dropout == "always" or (facts.dropout == "with-top" and with_top):
        names.append("keras.layers.Dropout")
    held = tuple(run.allocate(name, frame, node) for name in names)
    for layer in held:
        # it is known to exist, not to be made here
        layer.made_in = None
    return run.items("list", held)


def note_construction(run: Run, frame: Frame, instance: Instance, arguments: Arguments, node: cst.CSTNode) -> None:
    """Emit the event of an object being made."""
    run.emit(
        Constructed(
            run.serial(),
            Place(frame.module, node),
            instance,
            arguments,
            frame.chain(),
            tuple(run.loops),
            tuple(run.guards),
            tuple(run.settled),
        )
    )


def _is_object(name: str) -> bool:
    return name.startswith(_OBJECTS) and name.rpartition(".")[2][:1].isupper()


def inherited_construction(run: Run, frame: Frame, instance: Instance, name: str, arguments: Arguments) -> None:
    """What Keras's own constructor makes of its arguments."""
    made: dict[str, Value] = {key: argument.value for key, argument in arguments.keywords.items()}
    if name == "keras.Sequential":
        listed = arguments.get("layers", 0)
        items = listed.value if listed is not None else run.items("list", ())
        if isinstance(items, Items):
            items = run.items("list", items.items, items.exact)
        elif calls.is_none(items):
            items = run.items("list", ())
        run.store.write(instance.attributes, "__layers__", items)
    elif name == "keras.Model":
        outputs = arguments.get("outputs", 1)
        if outputs is not None:
            made["outputs"] = outputs.value
    elif name in _OF_ANOTHER:
        original = arguments.get("model", 0)
        if original is not None:
            made["outputs"] = original.value
    facts = layer_facts(name)
    if facts is not None:
        generation = 2 if (instance.generation or run.generation) == "2" else 3
        for rate in facts.rate_arguments:
            position = rate.position(generation)
            if rate.name not in made and position is not None and position < len(arguments.positional):
                made[rate.name] = arguments.positional[position].value
        activation = _ACTIVATION_AT.get(name)
        if activation is not None and activation < len(arguments.positional):
            made.setdefault("activation", arguments.positional[activation].value)
        if facts.mode == "wrapper" and arguments.positional:
            made.setdefault("layer", arguments.positional[0].value)
            run.store.write(instance.attributes, "layer", made["layer"])
        elif facts.mode == "wrapper" and "layer" in made:
            run.store.write(instance.attributes, "layer", made["layer"])
        if facts.mode == "foreign" and arguments.positional:
            made.setdefault("layer", UNKNOWN)
        if arguments.unknown_keywords is not None:
            for rate in facts.rate_arguments:
                made.setdefault(rate.name, UNKNOWN)
    for key, value in made.items():
        instance.arguments[key] = value
