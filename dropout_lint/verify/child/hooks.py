"""Patches of Keras and TensorFlow, made once each, right after the import that brings them.

What is done in the patched calls stands in ``calls``. Patched are:

* the trainer's ``fit``, ``evaluate``, ``predict`` and ``*_on_batch``: boundaries, and phases of the mode trace;
* ``tf.function``'s ``__call__``: the boundary of what is traced in it;
* ``Layer.__call__``: the boundary of a bare call, and the stack of resolved modes;
* the reductions of metrics, and the per-row values of losses: seen only while an arm is played;
* constructors of variables and of Keras 2's random generators: to know what to put back.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from . import state
from .calls import call_function, call_layer, call_stateless, call_trainer
from .flavour import TRAINER_METHODS, Flavour
from .modes import patch_layers

if TYPE_CHECKING:
    from .session import Session


def install_keras(session: Session, module: Any) -> None:
    """Called when ``keras`` or ``tf_keras`` has been imported."""
    flavour = Flavour(module)
    session.flavours.append(flavour)
    session.results.write(
        "keras", name=module.__name__, version=flavour.version, backend=flavour.backend, generation=flavour.generation
    )
    if session.job.seed_offset:
        _offset_seeds(session, module)
    if not session.job.measure and not session.job.trace and not session.job.force:
        return
    if flavour.generation >= 3:
        state.track(_keras_variable_class(module), state.keras_variables)
    else:
        package = flavour.layer_class.__module__.partition(".engine")[0]
        generator = getattr(__import__(package + ".backend", fromlist=["backend"]), "RandomGenerator", None)
        if generator is not None:
            state.track(generator, state.legacy_generators)
    _patch_layer_call(session, flavour)
    if session.job.measure or session.job.trace:
        for method in TRAINER_METHODS:
            _patch_trainer(session, flavour, method)
        patch_layers(flavour, session.observe)
        _patch_reductions(session, flavour)


def install_tensorflow(session: Session, module: Any) -> None:
    """Called when ``tensorflow`` has been imported."""
    session.results.write("tensorflow", version=module.__version__)
    if session.job.seed_offset:
        _wrap_seed(module.random, "set_seed", session.job.seed_offset)
    if not session.job.measure:
        return
    from tensorflow.python.ops import resource_variable_ops  # type: ignore[import-not-found,import-untyped,unused-ignore]

    state.track(resource_variable_ops.BaseResourceVariable, state.tensorflow_variables)
    function_class: Any = type(module.function(lambda: None))
    original = function_class.__call__

    @functools.wraps(original)
    def patched(self: Any, *args: Any, **kwargs: Any) -> Any:
        if session.playing is not None or not session.on_main_thread or session.boundaries or session.in_graph():
            return original(self, *args, **kwargs)
        return call_function(session, original, self, args, kwargs)

    function_class.__call__ = patched


def _keras_variable_class(module: Any) -> Any:
    # `keras.Variable` is the backend's class; the constructor is that of its common base.
    return next(
        cls for cls in reversed(module.Variable.__mro__) if cls.__name__ == "KerasVariable" or cls is module.Variable
    )


def _patch_trainer(session: Session, flavour: Flavour, method: str) -> None:
    cls = flavour.trainer_class(method)
    if cls is None:
        return
    original = cls.__dict__[method]

    @functools.wraps(original)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
        if session.playing is not None or not session.on_main_thread:
            return original(self, *args, **kwargs)
        return call_trainer(session, original, method, self, args, kwargs)

    setattr(cls, method, wrapper)


def _patch_layer_call(session: Session, flavour: Flavour) -> None:
    original = flavour.layer_class.__call__

    @functools.wraps(original)
    def patched(self: Any, *args: Any, **kwargs: Any) -> Any:
        if not session.on_main_thread:
            return original(self, *args, **kwargs)
        return call_layer(session, flavour, original, self, args, kwargs)

    flavour.layer_class.__call__ = patched
    stateless = getattr(flavour.layer_class, "stateless_call", None)
    if stateless is None:
        return

    @functools.wraps(stateless)
    def patched_stateless(self: Any, *args: Any, **kwargs: Any) -> Any:
        if not session.on_main_thread:
            return stateless(self, *args, **kwargs)
        return call_stateless(session, stateless, self, args, kwargs)

    flavour.layer_class.stateless_call = patched_stateless


def _patch_reductions(session: Session, flavour: Flavour) -> None:
    """Per-row values on their way into a mean."""
    mean = flavour.module.metrics.Mean
    reduction = next(cls for cls in mean.__mro__ if "update_state" in cls.__dict__)
    update = reduction.update_state

    @functools.wraps(update)
    def update_state(self: Any, values: Any, *args: Any, **kwargs: Any) -> Any:
        if session.capture.active:
            session.capture.emit_rows(self.name, values)
        return update(self, values, *args, **kwargs)

    reduction.update_state = update_state
    loss = next(
        (c for c in flavour.module.losses.MeanSquaredError.__mro__ if c.__name__ == "LossFunctionWrapper"), None
    )
    if loss is None:
        return
    call = loss.call

    @functools.wraps(call)
    def loss_call(self: Any, y_true: Any, y_pred: Any) -> Any:
        values = call(self, y_true, y_pred)
        if session.capture.active:
            session.capture.emit_rows("loss", values)
        return values

    loss.call = loss_call


def _offset_seeds(session: Session, module: Any) -> None:
    """In a later run of a replay, every seed the program sets is another one, the same in both arms."""
    _wrap_seed(module.utils, "set_random_seed", session.job.seed_offset)


def _wrap_seed(holder: Any, name: str, offset: int) -> None:
    original = getattr(holder, name)

    @functools.wraps(original)
    def seeded(seed: Any) -> Any:
        return original(seed + offset if isinstance(seed, int) else seed)

    setattr(holder, name, seeded)
